/** A shell on a terminal of its own, and what is seen there. */
import xterm from '@xterm/headless';
import { KEY, onTerminal } from '../e2e/terminal.ts';
import type { Command } from '../support/command.ts';

export const COLUMNS = 80;
const PATIENCE_MS = 40_000;
/** The shell waits for a command. */
export const PROMPT = /(^|\n)\$ ?$/;
/** What the shell does before its first prompt; programs are called as users call them. */
const SHELL = `export -f chatosbot; npx() { "$@"; }; export -f npx; PS1='$ ' exec bash --norc --noprofile -i`;

/** Characters of a line that look alike. */
export interface Run {
  readonly text: string;
  readonly look: Look;
}

export type Look = 'plain' | 'bold' | 'dim' | 'coloured';
export type Line = readonly Run[];

/** A terminal with a shell, in which real programs run. */
export class Pane {
  readonly title: string;
  readonly #terminal = new xterm.Terminal({ cols: COLUMNS, rows: 24, allowProposedApi: true });
  readonly #shell: Command;
  readonly #watchers = new Set<() => void>();

  private constructor(title: string, cwd: string, env: Readonly<Record<string, string>>) {
    this.title = title;
    this.#shell = onTerminal(SHELL, {
      columns: COLUMNS,
      cwd,
      env: { NO_COLOR: '', ...env },
      output: (chunk) => {
        this.#terminal.write(chunk, () => {
          for (const look of this.#watchers) look();
        });
      },
    });
  }

  /** Opens one; its programs find `env` in their environment. */
  static async open(title: string, cwd: string, env: Readonly<Record<string, string>>): Promise<Pane> {
    const pane = new Pane(title, cwd, env);
    // What is typed before would be shown twice.
    await pane.shows(PROMPT);
    return pane;
  }

  /** Types a line. */
  type(text: string): void {
    this.#shell.type(`${text}${KEY.enter}`);
  }

  /** Types a line, and waits until what follows it matches. */
  async ask(text: string, pattern: RegExp): Promise<void> {
    const from = this.lines().length;
    this.type(text);
    await this.shows(pattern, from);
  }

  /** Waits until the screen, from a line on, matches. */
  shows(pattern: RegExp, from = 0): Promise<void> {
    return new Promise((resolve, reject) => {
      const seen = (): string => this.lines().slice(from).map(textOf).join('\n');
      const timer = setTimeout(() => end(`the terminal does not show ${pattern}:\n${seen()}`), PATIENCE_MS);
      const look = (): void => {
        if (pattern.test(seen())) end();
      };
      const end = (failure?: string): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        if (failure === undefined) resolve();
        else reject(new Error(failure));
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** What is there, without the empty lines below; a line that is too long for the terminal is one. */
  lines(): readonly Line[] {
    const { active } = this.#terminal.buffer;
    const lines: Run[][] = [];
    for (let row = 0; row < active.length; row++) {
      const line = active.getLine(row)!;
      if (!line.isWrapped) lines.push([]);
      addRuns(lines.at(-1)!, line);
    }
    return lines.slice(0, lines.findLastIndex((line) => line.length > 0) + 1);
  }
}

/** The characters of a line. */
export function textOf(line: Line): string {
  return line.map(({ text }) => text).join('');
}

/** Adds what a row of the screen shows. */
function addRuns(runs: Run[], row: xterm.IBufferLine): void {
  const { length } = row.translateToString(true);
  for (let column = 0; column < length; column++) {
    const cell = row.getCell(column)!;
    const text = cell.getChars() || ' ';
    const look = cell.isDim() ? 'dim' : !cell.isFgDefault() ? 'coloured' : cell.isBold() ? 'bold' : 'plain';
    const last = runs.at(-1);
    if (last?.look === look) runs[runs.length - 1] = { look, text: last.text + text };
    else runs.push({ text, look });
  }
}
