import process from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import { isChatosError, type ChatosError } from '../../errors.ts';
import { exitFor, ExitSignal } from '../terminal/exit.ts';
import { standardInput } from '../terminal/input.ts';
import { executeLine, lineHelp, type LineCommands, type Speaker } from './line-language.ts';
import type { Completions } from './line-completion.ts';
import type { ChatView } from './view.ts';

/** What lines are read for. */
export interface LineTalk<Subject extends Speaker> {
  readonly commands: LineCommands<Subject>;
  readonly subject: Subject;
  /** The text before the line that is typed. */
  prompt(): string;
  /** Whether a typed line waits for the one before it, as those of a script do. @default false: it is executed at once */
  readonly oneByOne?: boolean;
  /** What typed lines are completed with, besides commands. */
  readonly completions: Omit<Completions, 'commands'>;
  /** Where typed lines are kept; `undefined` to keep none. */
  readonly historyFile: string | undefined;
}

export interface LineInputOptions {
  readonly interactive: boolean;
  /** Whether a program wants the code of an error. */
  readonly json?: boolean;
  /** How long a script waits after its last line. */
  readonly lingerMs?: number;
}

/**
 * The lines of standard input: typed by a person, with a prompt and a history, or of a script. Lines that arrive before
 * {@link LineInput.read} is called are lost: call it without awaiting anything after the constructor.
 */
export class LineInput {
  readonly #view: ChatView;
  readonly #options: LineInputOptions;
  readonly #script: Interface | undefined;
  #close = (): void => undefined;

  constructor(view: ChatView, options: LineInputOptions) {
    this.#view = view;
    this.#options = options;
    this.#script = options.interactive ? undefined : createInterface({ input: standardInput(), crlfDelay: Infinity });
  }

  /**
   * Executes the lines until the end of the input, or `/quit`.
   *
   * @throws {ChatosError | ExitSignal} for the first line of a script that failed; all are executed
   */
  async read<S extends Speaker>(talk: LineTalk<S>): Promise<void> {
    if (this.#script) return this.#readScript(talk, this.#script);
    const { TypedLines } = await import('./typed-lines.ts');
    const typed = new TypedLines(this.#view, talk);
    this.#close = () => typed.close();
    await typed.ended;
  }

  close(): void {
    this.#script?.close();
    this.#close();
    if (this.#options.interactive) process.stderr.write('\n');
  }

  /** Lines of a script: one after the other. A failure is reported, and decides the exit code at the end. */
  async #readScript<S extends Speaker>(talk: LineTalk<S>, lines: Interface): Promise<void> {
    const { json = false, lingerMs = 0 } = this.#options;
    let failure: ChatosError | undefined;
    for await (const line of lines) {
      try {
        if (await runLine(talk, line, this.#view)) break;
      } catch (error) {
        failure ??= asChatosError(error);
        this.#view.notice(asChatosError(error).message);
      }
    }
    if (lingerMs > 0) await new Promise((resolve) => setTimeout(resolve, lingerMs));
    // It has been reported already, but a program wants its code.
    if (failure) throw json ? failure : new ExitSignal(exitFor(failure).code);
  }
}

/** Executes a line; resolves to whether that was `/quit`. */
export async function runLine<S extends Speaker>(
  { commands, subject }: Pick<LineTalk<S>, 'commands' | 'subject'>,
  line: string,
  view: ChatView,
): Promise<boolean> {
  const asked = await executeLine(commands, subject, line);
  if (asked === 'help') for (const row of lineHelp(commands).split('\n')) view.notice(row);
  return asked === 'quit';
}

/** @throws what is no error of ours: a bug */
export function asChatosError(error: unknown): ChatosError {
  if (isChatosError(error)) return error;
  throw error;
}

/** Rejects when the reader of standard output stops reading: that ends a chat. */
export function outputFailed(): Promise<never> {
  return new Promise((_, reject) => {
    const { stdout } = process;
    // It may have failed before anybody asked.
    if (stdout.errored) reject(stdout.errored);
    else stdout.once('error', reject);
  });
}

/** Rejects, without a message, when the signal is aborted, or if it already is. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = (): void => reject(new ExitSignal(0));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
}
