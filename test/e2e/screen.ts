/** What a person sees of a command: a terminal emulator draws what it writes, answers it, and can be resized. */
import xterm from '@xterm/headless';
import type { Options } from './chatosbot.ts';
import { onTerminal, resizeTo } from './terminal.ts';

const ROWS = 24;
const PATIENCE_MS = 40_000;
const ASK_FOR_CURSOR = '\u001B[6n';
/** The end of what readline, or top, draws: something is cleared, and the cursor is put somewhere at last. */
const DRAWN = /\u001B\[0?J[^]*\u001B\[(?:\d+G(?:\u001B\[\d+A)?|\?2026l)$/;

export interface ScreenOptions extends Options {
  readonly columns: number;
  /**
   * Whether the line with the cursor is broken anew when the terminal is resized, too, as most terminals do; those that are
   * made with xterm.js leave it to the program. @default false
   */
  readonly breaksAnew?: boolean;
}

export class Screen {
  readonly #emulator: xterm.Terminal;
  readonly #command: ReturnType<typeof onTerminal>;
  readonly #breaksAnew: boolean;
  readonly #watchers = new Set<(drawn: string) => void>();

  /** Runs a script of the shell. */
  constructor(script: string, { columns, breaksAnew = false, ...options }: ScreenOptions) {
    this.#breaksAnew = breaksAnew;
    this.#emulator = new xterm.Terminal({ cols: columns, rows: ROWS, allowProposedApi: true });
    this.#command = onTerminal(script, {
      ...options,
      columns,
      output: (chunk) => {
        this.#emulator.write(chunk, () => {
          for (const look of this.#watchers) look(String(chunk));
        });
      },
    });
    this.#emulator.onData((answer) => this.#command.type(answer));
  }

  type(keys: string): void {
    this.#command.type(keys);
  }

  /** The rows that are seen, and those that have gone up, without the empty ones below; each without spaces at its end. */
  get rows(): string[] {
    const { active } = this.#emulator.buffer;
    const rows = Array.from({ length: active.length }, (_, row) =>
      active.getLine(row)!.translateToString(true, 0, this.#emulator.cols).trimEnd(),
    );
    return rows.slice(0, rows.findLastIndex((row) => row !== '') + 1);
  }

  /** The same as lines: a row that goes on in the next one is one with it. */
  get lines(): string[] {
    const { active } = this.#emulator.buffer;
    const lines: string[] = [];
    for (const row of this.rows.keys()) {
      const line = active.getLine(row)!;
      const isLast = active.getLine(row + 1)?.isWrapped !== true;
      const text = line.translateToString(isLast, 0, this.#emulator.cols);
      if (line.isWrapped) lines.push(lines.pop()! + text);
      else lines.push(text);
    }
    return lines.map((line) => line.trimEnd());
  }

  /** Makes the terminal as wide as that; resolves when the program draws anew. */
  async resize(columns: number): Promise<void> {
    if (columns === this.#emulator.cols) return;
    if (this.#breaksAnew) await this.#breakAnew(columns);
    else this.#emulator.resize(columns, ROWS);
    let output = '';
    const drawn = this.#when((more) => {
      output += more;
      return DRAWN.test(output.slice(output.lastIndexOf(ASK_FOR_CURSOR) + 1));
    });
    this.#command.type(resizeTo(columns));
    await drawn;
  }

  /** Writes all lines again, into a terminal as wide as that. */
  async #breakAnew(columns: number): Promise<void> {
    const { active } = this.#emulator.buffer;
    const write = (text: string): Promise<void> => new Promise((resolve) => this.#emulator.write(text, resolve));
    const position = (): { row: number; column: number } => {
      return { row: active.baseY + active.cursorY, column: active.cursorX };
    };
    const { row: cursorRow, column } = position();
    let [before, behind] = ['', ''];
    for (let row = 0; row <= Math.max(cursorRow, this.rows.length - 1); row += 1) {
      const line = active.getLine(row)!;
      const end = line.isWrapped || row === 0 ? '' : '\r\n';
      const goesOn = active.getLine(row + 1)?.isWrapped === true;
      if (row < cursorRow) before += end + line.translateToString(!goesOn);
      else if (row > cursorRow) behind += end + line.translateToString(!goesOn);
      else {
        before += end + line.translateToString(false, 0, column);
        behind += line.translateToString(!goesOn, column);
      }
    }
    this.#emulator.reset();
    this.#emulator.resize(columns, ROWS);
    await write(before);
    const cursor = position();
    await write(behind);
    await write(`\u001B[${cursor.row - active.baseY + 1};${cursor.column + 1}H`);
  }

  /** Resolves when what is seen satisfies a condition. */
  until(isSo: (screen: this) => boolean): Promise<void> {
    return this.#when(() => isSo(this), true);
  }

  #when(isSo: (drawn: string) => boolean, atOnce = false): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (failure?: Error): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        if (failure) reject(failure);
        else resolve();
      };
      const look = (drawn: string): void => void (isSo(drawn) && end());
      const timer = setTimeout(
        () => end(new Error(`the terminal does not come to show what is expected:\n${this.rows.join('\n')}`)),
        PATIENCE_MS,
      );
      this.#watchers.add(look);
      if (atOnce) look('');
    });
  }

  /** Resolves to the exit code, when the program has ended. */
  async exit(): Promise<number | null> {
    return (await this.#command.exit()).status;
  }
}
