import { ChatosError, isChatosError, messageOf, type ErrorCode, type ErrorFields } from '../../errors.ts';
import type { SocketHandle } from '../../net/socket-handle.ts';
import { withResolvers } from '../../util/deferred.ts';

/** What one side may ask the other: for each, the question and its answer, both of what a structured clone can copy. */
export type Questions = Readonly<Record<string, readonly [question: unknown, answer: unknown]>>;

/** Answers what the other side asks; a rejection is the other side's, too. `handle` came with the question. */
export type Answers<Q> = {
  readonly [K in keyof Q]: Q[K] extends readonly [infer Question, infer Answer]
    ? (question: Question, handle: SocketHandle | undefined) => Answer | Promise<Answer>
    : never;
};

/** What carries the messages: `process`, or a child process, of Node.js; messages arrive in order. */
export interface Port {
  send?(
    message: unknown,
    handle: SocketHandle | undefined,
    options: object,
    done: (error: Error | null) => void,
  ): unknown;
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown;
}

/** An error, as it is sent. */
export interface SentError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly fields: ErrorFields;
}

type Message =
  | { readonly is: 'question'; readonly id: number; readonly what: string; readonly question: unknown }
  | { readonly is: 'answer'; readonly id: number; readonly answer?: unknown; readonly error?: SentError };

/**
 * Questions and answers between two processes. What is asked arrives in the order in which it was asked; a handle that goes
 * with a question holds up those behind it until the other side has it.
 *
 * `Asked` is what this side asks, `Answered` what it answers.
 */
export class Wire<Asked extends Questions, Answered extends Questions> {
  readonly #port: Port;
  readonly #answers: Partial<Answers<Answered>>;
  readonly #pending = new Map<number, ReturnType<typeof withResolvers<unknown>>>();
  #lastId = 0;
  #closed: ChatosError | undefined;

  constructor(port: Port, answers: Partial<Answers<Answered>>) {
    this.#port = port;
    this.#answers = { ...answers };
    port.on('message', (message, handle) => this.#onMessage(message as Message, handle as SocketHandle | undefined));
  }

  /** From now on, this side answers more. */
  answer(answers: Partial<Answers<Answered>>): void {
    Object.assign(this.#answers, answers);
  }

  /**
   * @throws {ChatosError} what the other side throws, or `CONNECTION_LOST` where it has gone
   */
  ask<K extends keyof Asked & string>(what: K, question: Asked[K][0], handle?: SocketHandle): Promise<Asked[K][1]> {
    this.#lastId += 1;
    const id = this.#lastId;
    const deferred = withResolvers<unknown>();
    this.#pending.set(id, deferred);
    this.#send({ is: 'question', id, what, question }, handle);
    return deferred.promise;
  }

  /** The other side has gone: what was asked is not answered any more. */
  close(why: string): void {
    this.#closed ??= new ChatosError('CONNECTION_LOST', why);
    for (const { reject } of this.#pending.values()) reject(this.#closed);
    this.#pending.clear();
  }

  #send(message: Message, handle?: SocketHandle): void {
    const done = (error: Error | null): void => {
      if (error && message.is === 'question') this.#reject(message.id, messageOf(error));
    };
    if (this.#closed || !this.#port.send) done(this.#closed ?? new Error('there is no other side'));
    else this.#port.send(message, handle, {}, done);
  }

  #reject(id: number, why: string): void {
    this.#pending.get(id)?.reject(new ChatosError('CONNECTION_LOST', `it could not be asked: ${why}`));
    this.#pending.delete(id);
  }

  #onMessage(message: Message, handle: SocketHandle | undefined): void {
    if (message.is === 'question') {
      this.#answer(message.id, message.what, message.question, handle).catch(() => undefined);
      return;
    }
    const { id, answer, error } = message;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error) pending?.reject(errorOf(error));
    else pending?.resolve(answer);
  }

  async #answer(id: number, what: string, question: unknown, handle: SocketHandle | undefined): Promise<void> {
    const answers = this.#answers as Readonly<Record<string, (question: unknown, handle: unknown) => unknown>>;
    try {
      const answer = answers[what];
      if (!answer) throw new ChatosError('INVALID_ARGUMENT', `the other process does not answer '${what}'`);
      this.#send({ is: 'answer', id, answer: await answer(question, handle) });
    } catch (error) {
      this.#send({ is: 'answer', id, error: sentError(error) });
    }
  }
}

export function sentError(error: unknown): SentError {
  if (!isChatosError(error)) return { code: undefined, message: messageOf(error), fields: {} };
  const { code, message, fields } = error;
  return { code, message, fields };
}

export function errorOf({ code, message, fields }: SentError): Error {
  return code === undefined ? new Error(message) : new ChatosError(code, message, { fields });
}
