import { MessagePort } from 'node:worker_threads';
import { abortError } from '../../util/abort.ts';
import { ChatosError } from '../../errors.ts';
import { packError, unpackError, type CrossingError } from './crossing-error.ts';

/** What one side can be asked: each takes one object, and a signal that fires when the asker no longer waits. */
export type Calls<Contract> = {
  readonly [Name in keyof Contract]: Contract[Name] extends (args: infer Args, signal: AbortSignal) => unknown
    ? (args: Args, signal: AbortSignal) => unknown
    : never;
};

type ArgsOf<Call> = Call extends (args: infer Args, signal: AbortSignal) => unknown ? Args : never;
type AnswerOf<Call> = Call extends (...args: never[]) => infer Answer ? Awaited<Answer> : never;

type Letter =
  | { readonly type: 'call'; readonly id: number; readonly name: string; readonly args: object }
  | { readonly type: 'tell'; readonly name: string; readonly args: object }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly error: CrossingError };

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Calls that may wait for their answer in each direction, and the characters of text in them: a loop that calls without end must not fill the other side's memory. */
const MAX_PENDING = 2_000;
const MAX_PENDING_CHARS = 16 * 1024 * 1024;

const NEVER = new AbortController().signal;

/**
 * Calls across a message port, in both directions, in order. A `MessagePort` that is a property of arguments or answer
 * moves to the other side.
 */
export class PortCalls<Local, Remote> {
  readonly #port: MessagePort;
  readonly #handlers: Calls<Local>;
  readonly #pending = new Map<number, Pending>();
  /** The calls of the other side that are under way here. */
  readonly #serving = new Map<number, AbortController>();
  #pendingChars = 0;
  #lastId = 0;
  #closed: { readonly error: unknown } | undefined;

  constructor(port: MessagePort, handlers: Calls<Local>) {
    this.#port = port;
    this.#handlers = handlers;
    port.on('message', (letter: Letter) => this.#receive(letter));
  }

  /** Calls that wait for their answer. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Asks the other side.
   *
   * @throws {ChatosError} `QUEUE_FULL` where too many calls wait for their answer; else what is thrown there
   */
  call<Name extends keyof Remote & string>(
    name: Name,
    args: ArgsOf<Remote[Name]> & object,
    signal?: AbortSignal,
  ): Promise<AnswerOf<Remote[Name]>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw this.#closed.error;
      const weight = charsOf(args);
      if (this.#pending.size >= MAX_PENDING || this.#pendingChars + weight > MAX_PENDING_CHARS) {
        throw new ChatosError(
          'QUEUE_FULL',
          `${this.#pending.size} calls wait for their answer: await what is called before`,
        );
      }
      if (signal?.aborted) throw abortError(signal, 'cancelled');
      const id = (this.#lastId += 1);
      const cancel = (): void => this.#post({ type: 'cancel', id });
      // What is no signal throws here, before anything is asked.
      signal?.addEventListener('abort', cancel, { once: true });
      this.#post({ type: 'call', id, name, args }, args);
      const settle = (): void => {
        this.#pending.delete(id);
        this.#pendingChars -= weight;
        signal?.removeEventListener('abort', cancel);
      };
      this.#pendingChars += weight;
      this.#pending.set(id, {
        resolve: (value) => {
          settle();
          resolve(value as AnswerOf<Remote[Name]>);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
    });
  }

  /** Has the other side do something of which nobody needs to know how it went. */
  tell<Name extends keyof Remote & string>(name: Name, args: ArgsOf<Remote[Name]> & object): void {
    this.#post({ type: 'tell', name, args });
  }

  /** Rejects what waits for an answer, and gives up what the other side waits for. */
  close(error: unknown): void {
    if (this.#closed) return;
    this.#closed = { error };
    this.#port.close();
    for (const pending of this.#pending.values()) pending.reject(error);
    for (const serving of this.#serving.values()) serving.abort();
  }

  #receive(letter: Letter): void {
    if (this.#closed) return;
    if (letter.type === 'call') void this.#serve(letter);
    else if (letter.type === 'tell') this.#run(letter.name, letter.args, NEVER);
    else if (letter.type === 'cancel') this.#serving.get(letter.id)?.abort();
    else if (letter.type === 'answer') this.#pending.get(letter.id)?.resolve(letter.value);
    else this.#pending.get(letter.id)?.reject(unpackError(letter.error));
  }

  async #serve({ id, name, args }: Letter & { type: 'call' }): Promise<void> {
    const controller = new AbortController();
    this.#serving.set(id, controller);
    try {
      const value = await this.#run(name, args, controller.signal);
      this.#post({ type: 'answer', id, value }, value);
    } catch (error) {
      this.#post({ type: 'failure', id, error: packError(error) });
    } finally {
      this.#serving.delete(id);
    }
  }

  #run(name: string, args: object, signal: AbortSignal): unknown {
    const handler = this.#handlers[name as keyof Local] as (args: object, signal: AbortSignal) => unknown;
    return handler(args, signal);
  }

  #post(letter: Letter, carrier?: unknown): void {
    if (this.#closed) return;
    this.#port.postMessage(letter, portsOf(carrier));
  }
}

function portsOf(carrier: unknown): MessagePort[] {
  if (typeof carrier !== 'object' || carrier === null) return [];
  return Object.values(carrier).filter((value) => value instanceof MessagePort);
}

function charsOf(args: object): number {
  return Object.values(args).reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 0), 0);
}
