import { MessagePort } from 'node:worker_threads';
import { ChatosError } from '../../errors.ts';
import { withResolvers } from '../../util/deferred.ts';
import { deserializeError, serializeError, type SerializedError } from './serialized-error.ts';

/** What one side serves: functions by name. */
type Contract<T> = { readonly [Name in keyof T]: (...args: never) => unknown };

type RpcMessage =
  /** Without an id, no answer is expected. */
  | { readonly type: 'call'; readonly id?: number; readonly name: string; readonly args: readonly unknown[] }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly error: SerializedError };

/** Calls that may wait for their answer: a loop that calls without end must not fill the other side's memory. */
const MAX_PENDING = 2_000;

/** Calls across a message port, in both directions, in order. A `MessagePort` in an answer moves to the other side. */
export class MessagePortRpc<Local extends Contract<Local>, Remote extends Contract<Remote>> {
  readonly #port: MessagePort;
  readonly #handlers: Local;
  readonly #pending = new Map<number, ReturnType<typeof withResolvers<unknown>>>();
  #lastId = 0;
  #closed: { readonly error: unknown } | undefined;

  constructor(port: MessagePort, handlers: Local) {
    this.#port = port;
    this.#handlers = handlers;
    port.on('message', (message: RpcMessage) => this.#receive(message));
  }

  /**
   * Calls the other side.
   *
   * @throws {ChatosError} `QUEUE_FULL` if too many calls wait for their answer; else what is thrown there, or the error of
   *   {@link MessagePortRpc.close}
   */
  async call<Name extends keyof Remote & string>(
    name: Name,
    ...args: Parameters<Remote[Name]>
  ): Promise<Awaited<ReturnType<Remote[Name]>>> {
    if (this.#closed) throw this.#closed.error;
    if (this.#pending.size >= MAX_PENDING) {
      throw new ChatosError('QUEUE_FULL', `${MAX_PENDING} calls wait for their answer: await the earlier ones`);
    }
    const id = (this.#lastId += 1);
    this.#post({ type: 'call', id, name, args });
    const pending = withResolvers<unknown>();
    this.#pending.set(id, pending);
    return (await pending.promise) as Awaited<ReturnType<Remote[Name]>>;
  }

  /** Calls the other side without waiting for an answer. */
  notify<Name extends keyof Remote & string>(name: Name, ...args: Parameters<Remote[Name]>): void {
    this.#post({ type: 'call', name, args });
  }

  /** Rejects the calls that wait for an answer, and all later ones. */
  close(error: unknown): void {
    if (this.#closed) return;
    this.#closed = { error };
    this.#port.close();
    for (const pending of this.#pending.values()) pending.reject(error);
  }

  #receive(message: RpcMessage): void {
    if (this.#closed) return;
    if (message.type === 'call') {
      void this.#serve(message);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.type === 'answer') pending?.resolve(message.value);
    else pending?.reject(deserializeError(message.error));
  }

  async #serve({ id, name, args }: RpcMessage & { type: 'call' }): Promise<void> {
    const handler: (...given: never) => unknown = this.#handlers[name as keyof Local];
    if (id === undefined) {
      handler(...(args as never));
      return;
    }
    try {
      const value = await handler(...(args as never));
      this.#post({ type: 'answer', id, value }, value);
    } catch (error) {
      this.#post({ type: 'failure', id, error: serializeError(error) });
    }
  }

  #post(message: RpcMessage, value?: unknown): void {
    if (this.#closed) return;
    this.#port.postMessage(message, value instanceof MessagePort ? [value] : []);
  }
}
