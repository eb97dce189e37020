import { messageOf } from '../../errors.ts';
import { abortError, withEither } from '../../util/abort.ts';
import { withResolvers } from '../../util/deferred.ts';
import { pause } from '../../util/timeout.ts';
import type { ByteSink, ByteSource } from '../bytes.ts';
import type { PipedChannel, PipeResult } from '../pipe.ts';
import { Connection } from './connection.ts';
import { incomplete, isConnectionLost } from './failures.ts';
import { Incoming } from './incoming.ts';
import { Outgoing } from './outgoing.ts';

/** How a verified pipe works. */
export interface VerifiedPipeOptions {
  readonly input: ByteSource;
  readonly output: ByteSink;
  /** Opens another private connection with the same peer, unless the signal ends it. Without it, one that is lost is the end. */
  readonly reopen?: ((signal: AbortSignal) => Promise<PipedChannel>) | undefined;
  /** How long that may take, all attempts together. @default 60000 */
  readonly reopenTimeoutMs?: number | undefined;
  /** Gives it up: the peer is told. */
  readonly signal?: AbortSignal | undefined;
  /** What a failure of ours is called, for the peer. @default its message */
  readonly reasonOf?: ((error: unknown) => string) | undefined;
  /** What happens with the connection. */
  readonly onEvent?: ((event: VerifiedPipeEvent) => void) | undefined;
  /** How many bytes may be on their way, each way: so much memory it takes, twice. @default 4194304 */
  readonly windowBytes?: number | undefined;
  /** How long the peer may take to say its hello. @default 5000 */
  readonly helloTimeoutMs?: number | undefined;
}

export type VerifiedPipeEvent =
  | { readonly type: 'opened' | 'reopened'; readonly reconnects: boolean }
  | { readonly type: 'lost'; readonly error: Error };

const DEFAULT_WINDOW_BYTES = 4 * 1024 * 1024;
const DEFAULT_HELLO_TIMEOUT_MS = 5_000;
export const DEFAULT_REOPEN_TIMEOUT_MS = 60_000;
/** Between two attempts. */
const REOPEN_PAUSE_MS = 500;

/**
 * Joins a channel with an input and an output, as `pipeChannel` does, with a peer that does the same: it is done when both
 * outputs have taken everything, and the SHA-256 of each stream was right. With `reopen`, it goes on over another channel
 * when one is lost; no byte is lost or doubled.
 */
export class VerifiedPipe {
  readonly #options: VerifiedPipeOptions;
  readonly #windowBytes: number;
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #ownFailure = withResolvers<never>();
  readonly #over = new AbortController();
  #failed = false;
  #connection: Connection | undefined;
  #secret: Buffer | undefined;
  #reconnects: boolean;

  constructor(options: VerifiedPipeOptions) {
    this.#options = options;
    this.#windowBytes = options.windowBytes ?? DEFAULT_WINDOW_BYTES;
    this.#reconnects = options.reopen !== undefined;
    const onChange = (): void => this.#connection?.wake();
    this.#outgoing = new Outgoing(options.input, this.#windowBytes, onChange);
    this.#incoming = new Incoming(options.output, this.#windowBytes, onChange);
    this.#ownFailure.promise.catch(() => undefined);
  }

  /** How many bytes the peer's output has taken, and how many ours. */
  get counts(): PipeResult {
    return { sent: this.#outgoing.acknowledged, received: this.#incoming.taken };
  }

  /**
   * Carries both streams to their ends.
   *
   * @throws what failed: the input's or the output's own error, or a {@link ChatosError}: `DATA_INCOMPLETE` where the peer
   *   failed, does not do the same, or is lost; `ABORTED`
   */
  async run(first: PipedChannel): Promise<PipeResult> {
    const { signal } = this.#options;
    const abort = (): void => this.#fail(abortError(signal, 'interrupted'));
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    try {
      await this.#runConnections(first);
      return this.counts;
    } finally {
      this.#over.abort();
      signal?.removeEventListener('abort', abort);
      if (!this.#outgoing.end) this.#options.input.close();
    }
  }

  async #runConnections(first: PipedChannel): Promise<void> {
    let moving = false;
    /** Since the last connection was lost. */
    let deadline: number | undefined;
    for (let channel = first; ;) {
      const connection = this.#connect(channel);
      void connection.opened.then(({ secret, reconnects }) => {
        this.#options.onEvent?.({ type: this.#secret ? 'reopened' : 'opened', reconnects });
        this.#secret = secret;
        this.#reconnects = reconnects;
        deadline = undefined;
        if (!moving) this.#move();
        moving = true;
      });
      const running = connection.run();
      try {
        await Promise.race([running, this.#ownFailure.promise]);
        return;
      } catch (error) {
        running.catch(() => undefined);
        if (this.#failed) {
          await connection.fail(this.#reasonOf(error));
          throw error;
        }
        channel.destroy();
        if (!isConnectionLost(error)) throw error;
        if (!this.#secret || !this.#reconnects) return this.#lost(error);
        this.#options.onEvent?.({ type: 'lost', error });
        deadline ??= Date.now() + (this.#options.reopenTimeoutMs ?? DEFAULT_REOPEN_TIMEOUT_MS);
        const next = await Promise.race([this.#reopen(deadline), this.#ownFailure.promise]);
        if (!next) return this.#lost(error);
        channel = next;
      }
    }
  }

  #connect(channel: PipedChannel): Connection {
    this.#connection = new Connection({
      channel,
      outgoing: this.#outgoing,
      incoming: this.#incoming,
      windowBytes: this.#windowBytes,
      reconnects: this.#options.reopen !== undefined,
      secret: this.#secret,
      helloTimeoutMs: this.#options.helloTimeoutMs ?? DEFAULT_HELLO_TIMEOUT_MS,
    });
    return this.#connection;
  }

  /** The input and the output are touched only when the peer is known to do the same as we. */
  #move(): void {
    const fail = (error: unknown): void => this.#fail(error);
    this.#outgoing.readAll().catch(fail);
    this.#incoming.writeAll().catch(fail);
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.#over.abort();
    this.#ownFailure.reject(error);
  }

  #reasonOf(error: unknown): string {
    return (this.#options.reasonOf ?? messageOf)(error);
  }

  /** Another channel, or `undefined` if there is none in time. */
  async #reopen(deadline: number): Promise<PipedChannel | undefined> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), deadline - Date.now());
    try {
      return await withEither(this.#over.signal, late.signal, async (signal) => {
        while (!signal.aborted) {
          try {
            const channel = await this.#options.reopen!(signal);
            if (!signal.aborted) return channel;
            channel.destroy();
          } catch (error) {
            if (signal.aborted) break;
            this.#options.onEvent?.({ type: 'lost', error: error as Error });
            await pause(REOPEN_PAUSE_MS, signal);
          }
        }
        return undefined;
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** No connection any more. Nothing is missing where both outputs have taken everything, and that is known. */
  #lost(error: Error): void {
    if (this.#outgoing.isDone && this.#incoming.isDone) return;
    const { sent, received } = this.counts;
    const ours = this.#outgoing.isDone ? 'all' : String(sent);
    const state = `${ours} bytes sent were written there, ${received} bytes received were written here`;
    throw incomplete(`${error.message} before the end was confirmed; ${state}`, error);
  }
}
