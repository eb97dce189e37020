import process from 'node:process';
import { isChatosError } from '../../errors.ts';
import { withResolvers } from '../../util/deferred.ts';
import { pause } from '../../util/timeout.ts';
import { completeLine } from './line-completion.ts';
import { LineEditor } from './line-editor.ts';
import { asChatosError, runLine, type LineTalk } from './line-input.ts';
import { isQuit, type Speaker } from './line-language.ts';
import { MAX_PASTE_CHARS } from './paste.ts';
import type { Below, ChatView } from './view.ts';

/** Typed lines that may wait for the one before; more than a person types. */
const MAX_WAITING_LINES = 1_000;
/** How long the lines before may still take when a person leaves. */
const LEAVE_MS = 1_000;

/** What a person types at a terminal, line by line. */
export class TypedLines<S extends Speaker> implements Below {
  readonly #view: ChatView;
  readonly #talk: LineTalk<S>;
  readonly #editor: LineEditor;
  readonly #ended = withResolvers<void>();
  #waiting = 0;
  #last = Promise.resolve();
  #isLeaving = false;
  #hasLeft = false;
  /** What stands in the place of the prompt while pasted lines are asked about. */
  #question: string | undefined;

  constructor(view: ChatView, talk: LineTalk<S>) {
    this.#view = view;
    this.#talk = talk;
    const { commands, completions, historyFile } = talk;
    this.#editor = new LineEditor({
      historyFile,
      complete: (line) => completeLine(line, { commands, ...completions }),
      onLine: (line) => this.#onLine(line),
      onPaste: (lines) => this.#onPaste(lines),
      onInterrupt: () => void process.kill(process.pid, 'SIGINT'),
      onEnd: () => void this.#leave(),
    });
    view.attach(this);
    this.#prompt();
  }

  /** Resolves at the end of the input, or after `/quit`. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  close(): void {
    this.#view.attach(undefined);
    this.#editor.close();
  }

  above(write: () => void): void {
    this.#editor.above(write, this.#promptText);
  }

  get #promptText(): string {
    return this.#question ?? this.#talk.prompt();
  }

  #prompt(): void {
    this.#editor.prompt(this.#promptText);
  }

  #onLine(line: string): void {
    if (this.#talk.oneByOne && isQuit(line)) return void this.#leave();
    // What it says is shown as it was said, and needs not stand there twice.
    if (isSaid(line)) this.#editor.wipe(line);
    this.#queue(() => this.#execute(line));
    this.#prompt();
  }

  /** Ends when the lines before have been executed, but soon: one of them may wait for something that never comes. */
  async #leave(): Promise<void> {
    this.#isLeaving = true;
    const done = new AbortController();
    void this.#last.finally(() => done.abort());
    await pause(LEAVE_MS, done.signal);
    this.#hasLeft = true;
    this.#ended.resolve();
  }

  /** Each line is executed at once, even while the one before still waits; or when that is done. */
  #queue(run: () => Promise<void>): void {
    if (this.#isLeaving) return;
    if (!this.#talk.oneByOne) {
      run().catch(this.#ended.reject);
    } else if (this.#waiting < MAX_WAITING_LINES) {
      this.#waiting += 1;
      const done = this.#last.then(run).finally(() => (this.#waiting -= 1));
      this.#last = done.catch(this.#ended.reject);
    } else {
      this.#view.notice(`${MAX_WAITING_LINES} lines are waiting; this one is ignored`);
    }
  }

  async #execute(line: string): Promise<void> {
    if (this.#hasLeft) return;
    try {
      if (await runLine(this.#talk, line, this.#view)) this.#hasLeft = true;
    } catch (error) {
      this.#view.notice(asChatosError(error).message);
      const isLost = isChatosError(error, 'NOT_CONNECTED') || isChatosError(error, 'CONNECTION_LOST');
      if (isLost && this.#editor.line === '') this.#editor.replaceLine(line);
    }
    if (this.#hasLeft) this.#ended.resolve();
    else this.#prompt();
  }

  #onPaste(lines: readonly string[] | undefined): void {
    if (!lines) {
      this.#view.notice(`more than ${MAX_PASTE_CHARS} characters were pasted: nothing is sent; use pipe, or say -`);
      return;
    }
    const before = this.#editor.line;
    this.#question = `${lines.length} lines pasted: Enter sends them as one message, l one by one, other keys drop them `;
    this.#prompt();
    this.#editor.ask((key) => {
      this.#question = undefined;
      const [first = '', ...more] = lines;
      const all = [before + first, ...more];
      if (key === '\r' || key === 'l') this.#editor.replaceLine('');
      if (key === '\r') this.#queue(() => this.#say([all.join('\n')]));
      if (key === 'l') this.#queue(() => this.#say(all.filter((line) => line.trim() !== '')));
      this.#prompt();
    });
  }

  /** Says what was pasted: none of it is a command. */
  async #say(texts: readonly string[]): Promise<void> {
    try {
      for (const text of texts) await this.#talk.subject.say(text);
    } catch (error) {
      this.#view.notice(asChatosError(error).message);
    }
  }
}

/** Whether a line says something, to everyone or to one. */
function isSaid(line: string): boolean {
  return line.trim() !== '' && (!line.startsWith('/') || line.startsWith('//') || /^\/msg\s/.test(line));
}
