import process from 'node:process';
import type { Look, ScreenLine } from './screen.ts';

/** The alternate screen, without a cursor, and without going on to the next line at the end of one. */
const ENTER = '\u001B[?1049h\u001B[?25l\u001B[?7l';
const LEAVE = '\u001B[?7h\u001B[?25h\u001B[?1049l';

/** Colour helps; the words say the same. */
const LOOKS: Readonly<Record<Look, string>> = {
  plain: '',
  head: '\u001B[7m',
  dim: '\u001B[2m',
  alert: '\u001B[1;33m',
};
const RESET = '\u001B[0m';
/** Reverse video and bold are no colours: they stay with NO_COLOR. */
const COLOURLESS: Readonly<Record<Look, string>> = { ...LOOKS, dim: '', alert: '\u001B[1m' };

export interface TerminalScreenHandlers {
  /** A key, as Node's readline names what is typed: `q`, `\t`, `\u001B[A`. */
  onKey(key: string): void;
  /** It has another size, or must be drawn again. */
  onResize(): void;
}

/** The screen of a terminal that is this program's until it is closed: then it is as it was. */
export class TerminalScreen {
  readonly #handlers: TerminalScreenHandlers;
  readonly #looks = process.env['NO_COLOR'] ? COLOURLESS : LOOKS;
  #isOpen = false;

  constructor(handlers: TerminalScreenHandlers) {
    this.#handlers = handlers;
    process.stdout.on('resize', this.#onResize);
    process.on('SIGCONT', this.#onContinue);
    // However the process ends, as far as it can say.
    process.on('exit', this.#leave);
    if (process.stdin.isTTY) process.stdin.on('data', this.#onData);
    this.#enter();
  }

  get columns(): number {
    return process.stdout.columns ?? 80;
  }

  get rows(): number {
    return process.stdout.rows ?? 24;
  }

  draw(lines: readonly ScreenLine[]): void {
    if (!this.#isOpen) return;
    const texts = lines.map(({ text, look }) => {
      const code = this.#looks[look];
      return code === '' ? text : `${code}${text}${RESET}`;
    });
    // In one piece, for terminals that know how.
    process.stdout.write(
      `\u001B[?2026h\u001B[H${texts.map((text) => `\u001B[2K${text}`).join('\r\n')}\u001B[J\u001B[?2026l`,
    );
  }

  /** Sets the terminal back. */
  close(): void {
    this.#leave();
    process.stdout.off('resize', this.#onResize);
    process.off('SIGCONT', this.#onContinue);
    process.off('exit', this.#leave);
    process.stdin.off('data', this.#onData);
    process.stdin.pause();
  }

  /** Goes into the background, as Ctrl-Z asks. */
  suspend(): void {
    this.#leave();
    process.kill(0, 'SIGTSTP');
  }

  #enter(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    if (process.stdin.isTTY) {
      process.stdin.setRawMode(true);
      process.stdin.resume();
    }
    process.stdout.write(ENTER);
  }

  readonly #leave = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdout.write(LEAVE);
  };

  readonly #onResize = (): void => this.#handlers.onResize();

  readonly #onContinue = (): void => {
    // The shell has had the terminal meanwhile.
    this.#isOpen = false;
    this.#enter();
    this.#handlers.onResize();
  };

  readonly #onData = (data: Buffer): void => {
    for (const key of keysOf(data.toString('latin1'))) this.#handlers.onKey(key);
  };
}

/** What was typed, key by key. */
function keysOf(text: string): string[] {
  return text.match(/\u001B(?:\[[0-9;]*[A-Za-z~]|O[A-Z])|[\s\S]/g) ?? [];
}
