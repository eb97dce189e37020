import process from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import { isChatosError, type ChatosError } from '../../errors.ts';
import { exitFor, ExitSignal } from '../terminal/exit.ts';
import { standardInput } from '../terminal/input.ts';
import type { ChatView } from './view.ts';

/** What lines are read for. */
export interface LineTalk {
  /** What stands before the line that is typed. */
  prompt(): string;
  /** Carries a line out. */
  run(line: string): Promise<'quit' | 'help' | undefined>;
  help(): string;
  /** Whether a typed line waits for the one before it, as those of a script do. @default false: it is carried out at once */
  readonly oneByOne?: boolean;
}

/** Typed lines that may wait for the one before; a person does not get there. */
const MAX_WAITING_LINES = 1_000;

/**
 * The lines of standard input: typed by a person, with a prompt and a history, or of a script. Lines that come while
 * nobody reads would be lost: make it, and {@link LineInput.read}, without waiting for anything in between.
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
   * Carries out the lines until the end of the input, or `/quit`.
   *
   * @param options.lingerMs how long a script waits behind its last line
   * @param options.json whether a machine wants the code of what failed
   * @throws {ChatosError | ExitSignal} for the first line of a script that failed; all are carried out
   */
  read(talk: LineTalk, { json = false, lingerMs = 0 }: { json?: boolean; lingerMs?: number } = {}): Promise<void> {
    return this.#interactive ? this.#readTyped(talk) : this.#readScript(talk, json, lingerMs);
  }

  close(): void {
    this.#lines.close();
    if (this.#interactive) process.stderr.write('\n');
  }

  /** Lines of a person: unless `oneByOne` is wanted, each is carried out at once, whatever the one before waits for. */
  #readTyped(talk: LineTalk): Promise<void> {
    const lines = this.#lines;
    return new Promise((resolve, reject) => {
      const prompt = (): void => {
        lines.setPrompt(talk.prompt());
        lines.prompt(true);
      };
      let left = false;
      const carryOut = async (line: string): Promise<void> => {
        if (left) return;
        try {
          const asked = await talk.run(line);
          left ||= asked === 'quit';
          if (asked === 'help') this.#showHelp(talk);
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
          carryOut(line).catch(reject);
        } else if (waiting < MAX_WAITING_LINES) {
          waiting += 1;
          const done = last.then(() => carryOut(line)).finally(() => (waiting -= 1));
          last = done.catch(reject);
        } else {
          this.#view.notice(`${MAX_WAITING_LINES} lines wait already; this one is left out`);
        }
      });
      lines.once('close', () => void last.then(resolve));
      prompt();
    });
  }

  /** Lines of a script: one after the other. What fails is told, and decides the exit status at the end. */
  async #readScript(talk: LineTalk, json: boolean, lingerMs: number): Promise<void> {
    let failure: ChatosError | undefined;
    for await (const line of this.#lines) {
      try {
        const asked = await talk.run(line);
        if (asked === 'quit') break;
        if (asked === 'help') this.#showHelp(talk);
      } catch (error) {
        failure ??= asChatosError(error);
        this.#view.notice(asChatosError(error).message);
      }
    }
    if (lingerMs > 0) await new Promise((resolve) => setTimeout(resolve, lingerMs));
    // It has been told already, except to a machine that wants its code.
    if (failure) throw json ? failure : new ExitSignal(exitFor(failure).status);
  }

  #showHelp(talk: LineTalk): void {
    for (const row of talk.help().split('\n')) this.#view.notice(row);
  }
}

function asChatosError(error: unknown): ChatosError {
  if (isChatosError(error)) return error;
  throw error;
}

/** Whoever reads standard output may stop reading: that ends a chat. */
export function outputFailed(): Promise<never> {
  return new Promise((_, reject) => process.stdout.once('error', reject));
}

/** Rejects, without a word, when the signal is aborted, or where it is already. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = (): void => reject(new ExitSignal(0));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
}
