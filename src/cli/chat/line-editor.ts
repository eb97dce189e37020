import process from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import { PassThrough } from 'node:stream';
import type { Completed } from './line-completion.ts';
import { LineHistory } from './history.ts';
import { MARK_NO_PASTES, MARK_PASTES, PasteSplitter, pastedLines } from './paste.ts';
import { ResizedLine } from './resized-line.ts';
import { eraseFrom, TallLine } from './tall-line.ts';

/** The parts of readline that are touched here and are not public. */
interface Internals {
  isCompletionEnabled: boolean;
  prevRows: number;
  _getDisplayPos?(text: string): { rows: number };
}

export interface LineEditorOptions {
  /** Where typed lines are kept; `undefined` to keep none. */
  readonly historyFile: string | undefined;
  readonly complete: (line: string) => Completed;
  /** A line was typed. */
  readonly onLine: (line: string) => void;
  /** Several lines were pasted; `undefined` where that was too much. */
  readonly onPaste: (lines: readonly string[] | undefined) => void;
  /** Ctrl-C at an empty line. */
  readonly onInterrupt: () => void;
  /** The input has ended, as by Ctrl-D. */
  readonly onEnd: () => void;
}

/** The line that a person types at a terminal, on standard error. What is shown above it leaves it as it is. */
export class LineEditor {
  readonly #options: LineEditorOptions;
  readonly #lines: Interface;
  readonly #keys: PassThrough;
  readonly #history: LineHistory | undefined;
  readonly #splitter: PasteSplitter;
  readonly #resized: ResizedLine;
  readonly #tall: TallLine;
  /** What is to be drawn when the line has been found after the terminal was resized. */
  #later: (() => void)[] = [];
  readonly #onData: (chunk: Buffer) => void;
  #question: ((key: string) => void) | undefined;
  #isClosed = false;

  constructor(options: LineEditorOptions) {
    this.#options = options;
    const { historyFile, complete, onLine, onInterrupt, onEnd } = options;
    this.#history = historyFile === undefined ? undefined : new LineHistory(historyFile);
    const { stdin, stderr } = process;
    // Readline gets what is typed alone.
    this.#keys = Object.assign(new PassThrough(), {
      isTTY: true,
      setRawMode: (isRaw: boolean) => void stdin.setRawMode(isRaw),
    });
    const others = stderr.listeners('resize');
    const lines = createInterface({
      input: this.#keys,
      output: stderr,
      terminal: true,
      history: this.#history?.read() ?? [],
      historySize: 1_000,
      removeHistoryDuplicates: true,
      completer: (line: string): [string[], string] => {
        const { hits, end } = complete(line);
        return [[...hits], end];
      },
    });
    this.#lines = lines;
    this.#tall = new TallLine(lines);
    // Readline would draw the line where it was when the terminal was as wide as before.
    for (const listener of stderr.listeners('resize')) {
      if (!others.includes(listener)) stderr.off('resize', listener as () => void);
    }
    this.#resized = new ResizedLine(lines, (rowsAbove, input) => this.#onFound(rowsAbove, input));
    // Readline takes several characters that come at once for a paste: all but the last are put at the end of the line.
    Object.defineProperty(lines, 'isCompletionEnabled', { get: () => true, set() {} });
    lines.on('line', (line) => {
      this.#history?.add(line);
      onLine(line);
    });
    lines.on('SIGINT', () => {
      if (lines.line === '') return onInterrupt();
      this.replaceLine('');
    });
    // Back from Ctrl-Z: readline has paused itself.
    lines.on('SIGCONT', () => {
      stderr.write(MARK_PASTES);
      stdin.resume();
      lines.prompt(true);
    });
    lines.once('close', () => {
      this.#leave();
      onEnd();
    });
    const splitter = new PasteSplitter({
      onKeys: (keys) => {
        const answer = this.#question;
        this.#question = undefined;
        // More may come at once behind a key that answers: an arrow has several characters, all else is typed.
        const [key = ''] = keys.startsWith('\u001B') ? [keys] : keys;
        answer?.(key);
        const typed = answer ? keys.slice(key.length) : keys;
        if (typed !== '') this.#keys.write(typed);
      },
      onPaste: (text) => this.#onPasted(text),
    });
    this.#splitter = splitter;
    this.#onData = (chunk) => splitter.push(this.#resized.take(chunk));
    stdin.on('data', this.#onData).once('end', this.#onEnd);
    // A terminal that has closed cannot be set back: its end says all.
    stdin.on('error', () => undefined);
    stderr.write(MARK_PASTES);
    stdin.resume();
  }

  /** What is typed so far. */
  get line(): string {
    return this.#lines.line;
  }

  /** Shows the prompt with the line below everything else. */
  prompt(text: string): void {
    if (this.#isClosed) return;
    this.#lines.setPrompt(text);
    if (!this.#resized.isLost) this.#lines.prompt(true);
  }

  /** Writes something above the line, which is shown again below it, behind a prompt. */
  above(write: () => void, prompt: string): void {
    if (this.#isClosed) return write();
    if (this.#resized.isLost) return void this.#later.push(() => this.above(write, this.#lines.getPrompt()));
    eraseFrom(this.#tall.rowsAbove);
    // Else readline would go up that many rows before it shows the line, over what is shown in between.
    (this.#lines as unknown as Internals).prevRows = 0;
    write();
    this.prompt(prompt);
  }

  /** Wipes a line that was typed off the screen, before anything else is written. */
  wipe(line: string): void {
    const text = this.#lines.getPrompt() + line;
    const rows = (this.#lines as unknown as Internals)._getDisplayPos?.(text).rows;
    if (rows === undefined || this.#isClosed) return;
    eraseFrom(Math.min(rows + 1, this.#tall.maxRows));
  }

  /** Puts a text in the place of the line that is typed. */
  replaceLine(text: string): void {
    if (this.#isClosed) return;
    if (this.#resized.isLost) return void this.#later.push(() => this.replaceLine(text));
    this.#lines.write(null, { ctrl: true, name: 'e' });
    this.#lines.write(null, { ctrl: true, name: 'u' });
    if (text !== '') this.#lines.write(text);
  }

  /** The next key answers a question, and does not go into the line. */
  ask(onKey: (key: string) => void): void {
    this.#question = onKey;
  }

  close(): void {
    this.#lines.close();
  }

  readonly #onEnd = (): void => {
    this.#splitter.flush();
    this.#keys.end();
  };

  #onPasted(text: string | undefined): void {
    const lines = text === undefined ? undefined : pastedLines(text);
    if (lines?.length === 1) this.#lines.write(lines[0]!);
    else this.#options.onPaste(lines);
  }

  /** The line is where it is; what was to be drawn meanwhile is drawn now, and what was typed is taken. */
  #onFound(rowsAbove: number, input: Buffer): void {
    (this.#lines as unknown as Internals).prevRows = rowsAbove;
    this.#lines.prompt(true);
    this.#drawLater();
    if (input.length > 0) this.#splitter.push(input);
  }

  #drawLater(): void {
    const later = this.#later;
    this.#later = [];
    for (const draw of later) draw();
  }

  #leave(): void {
    this.#isClosed = true;
    this.#resized.close();
    this.#drawLater();
    this.#splitter.flush();
    process.stdin.off('data', this.#onData).off('end', this.#onEnd).pause();
    process.stderr.write(MARK_NO_PASTES);
  }
}
