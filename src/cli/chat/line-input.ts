import process from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import { isChatosError, type ChatosError } from '../../errors.ts';
import { exitFor, ExitSignal } from '../terminal/exit.ts';
import { standardInput } from '../terminal/input.ts';
import { executeLine, lineHelp, type LineCommands, type Speaker } from './line-language.ts';
import type { ChatView } from './view.ts';

/** What lines are read for. */
export interface LineTalk<Subject extends Speaker> {
  readonly commands: LineCommands<Subject>;
  readonly subject: Subject;
  /** The text before the line that is typed. */
  prompt(): string;
  /** Whether a typed line waits for the one before it, as those of a script do. @default false: it is executed at once */
  readonly oneByOne?: boolean;
}

/** Typed lines that may wait for the one before; more than a person types. */
const MAX_WAITING_LINES = 1_000;

/**
 * The lines of standard input: typed by a person, with a prompt and a history, or of a script. Lines that arrive before
 * {@link LineInput.read} is called are lost: call it without awaiting anything after the constructor.
 */
export class LineInput {
  readonly #view: ChatView;
  readonly #interactive: boolean;
  readonly #lines: Interface;

  constructor(view: ChatView, { interactive }: { readonly interactive: boolean }) {
    this.#view = view;
    this.#interactive = interactive;
    const lines = interactive
      ? createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' })
      : createInterface({ input: standardInput(), crlfDelay: Infinity });
    // Readline keeps Ctrl-C to itself on a terminal.
    lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    if (interactive) {
      view.attach(lines);
      // Back from Ctrl-Z: readline has paused itself.
      lines.on('SIGCONT', () => lines.prompt(true));
    }
    this.#lines = lines;
  }

  /**
   * Executes the lines until the end of the input, or `/quit`.
   *
   * @param options.lingerMs how long a script waits after its last line
   * @param options.json whether a program wants the code of the error
   * @throws {ChatosError | ExitSignal} for the first line of a script that failed; all are executed
   */
  read<S extends Speaker>(
    talk: LineTalk<S>,
    { json = false, lingerMs = 0 }: { json?: boolean; lingerMs?: number } = {},
  ): Promise<void> {
    return this.#interactive ? this.#readTyped(talk) : this.#readScript(talk, json, lingerMs);
  }

  close(): void {
    this.#lines.close();
    if (this.#interactive) process.stderr.write('\n');
  }

  /** Lines of a person: unless `oneByOne` is set, each is executed at once, even while the one before still waits. */
  #readTyped<S extends Speaker>(talk: LineTalk<S>): Promise<void> {
    const lines = this.#lines;
    return new Promise((resolve, reject) => {
      let closed = false;
      const prompt = (): void => {
        if (closed) return;
        lines.setPrompt(talk.prompt());
        lines.prompt(true);
      };
      let left = false;
      const execute = async (line: string): Promise<void> => {
        if (left) return;
        try {
          if (await this.#execute(talk, line)) left = true;
        } catch (error) {
          this.#view.notice(asChatosError(error).message);
        }
        if (left) resolve();
        prompt();
      };
      let waiting = 0;
      let last = Promise.resolve();
      lines.on('line', (line) => {
        if (!talk.oneByOne) {
          execute(line).catch(reject);
        } else if (waiting < MAX_WAITING_LINES) {
          waiting += 1;
          const done = last.then(() => execute(line)).finally(() => (waiting -= 1));
          last = done.catch(reject);
        } else {
          this.#view.notice(`${MAX_WAITING_LINES} lines are waiting; this one is ignored`);
        }
      });
      lines.once('close', () => {
        closed = true;
        void last.then(resolve);
      });
      prompt();
    });
  }

  /** Lines of a script: one after the other. A failure is reported, and decides the exit code at the end. */
  async #readScript<S extends Speaker>(talk: LineTalk<S>, json: boolean, lingerMs: number): Promise<void> {
    let failure: ChatosError | undefined;
    for await (const line of this.#lines) {
      try {
        if (await this.#execute(talk, line)) break;
      } catch (error) {
        failure ??= asChatosError(error);
        this.#view.notice(asChatosError(error).message);
      }
    }
    if (lingerMs > 0) await new Promise((resolve) => setTimeout(resolve, lingerMs));
    // It has been reported already, but a program wants its code.
    if (failure) throw json ? failure : new ExitSignal(exitFor(failure).code);
  }

  /** Resolves to whether that was `/quit`. */
  async #execute<S extends Speaker>({ commands, subject }: LineTalk<S>, line: string): Promise<boolean> {
    const asked = await executeLine(commands, subject, line);
    if (asked === 'help') for (const row of lineHelp(commands).split('\n')) this.#view.notice(row);
    return asked === 'quit';
  }
}

function asChatosError(error: unknown): ChatosError {
  if (isChatosError(error)) return error;
  throw error;
}

/** Rejects when the reader of standard output stops reading: that ends a chat. */
export function outputFailed(): Promise<never> {
  return new Promise((_, reject) => process.stdout.once('error', reject));
}

/** Rejects, without a message, when the signal is aborted, or if it already is. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = (): void => reject(new ExitSignal(0));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
}
