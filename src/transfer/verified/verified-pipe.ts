import { messageOf } from '../../errors.ts';
import { withEither } from '../../util/abort.ts';
import { withResolvers } from '../../util/deferred.ts';
import { formatSeconds, inNumber } from '../../util/printable.ts';
import { pause } from '../../util/timeout.ts';
import type { PipedChannel, PipeResult } from '../pipe.ts';
import { Connection } from './connection.ts';
import { connectionLost } from '../failures.ts';
import { incomplete, isConnectionLost } from './failures.ts';
import { Incoming } from './incoming.ts';
import {
  DEFAULT_HELLO_TIMEOUT_MS,
  DEFAULT_REOPEN_TIMEOUT_MS,
  DEFAULT_WINDOW_BYTES,
  type VerifiedPipeOptions,
} from './options.ts';
import { Outgoing } from './outgoing.ts';

/** Between two attempts. */
const REOPEN_PAUSE_MS = 500;
/** Requests that cross with the connection that they are for come sooner. */
const SETTLED_MS = 5_000;

/**
 * Joins a channel with an input and an output, as `pipeChannel` does, with a peer that does the same: it is done when both
 * outputs have taken everything, and the SHA-256 of each stream was right. With `reopen`, it goes on over another channel
 * when one is lost; no byte is lost or doubled.
 */
export class VerifiedPipe {
  readonly #options: VerifiedPipeOptions;
  #channel: PipedChannel;
  /** When the peer was known to be the right one, as `performance.now()`. */
  #openedAt = Infinity;
  readonly #windowBytes: number;
  readonly #reopenTimeoutMs: number;
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #ownFailure = withResolvers<never>();
  readonly #over = new AbortController();
  #failed = false;
  #connection: Connection | undefined;
  #secret: Buffer | undefined;
  #reconnects: boolean;
  #isLost = false;

  constructor(channel: PipedChannel, options: VerifiedPipeOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#windowBytes = options.windowBytes ?? DEFAULT_WINDOW_BYTES;
    this.#reopenTimeoutMs = options.reopenTimeoutMs ?? DEFAULT_REOPEN_TIMEOUT_MS;
    this.#reconnects = options.reopen !== undefined;
    const onChange = (): void => this.#connection?.wake();
    this.#outgoing = new Outgoing(options.input, this.#windowBytes, onChange);
    this.#incoming = new Incoming(options.output, this.#windowBytes, onChange);
    this.#ownFailure.promise.catch(() => undefined);
  }

  get peer(): string {
    return this.#channel.peer;
  }

  /** Whether another connection is being waited for. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** How many bytes the peer's output has taken. */
  get bytesSent(): number {
    return this.#outgoing.acknowledged;
  }

  /** How many bytes our output has taken. */
  get bytesReceived(): number {
    return this.#incoming.taken;
  }

  /**
   * Carries both streams to their ends.
   *
   * @throws what failed: the input's or the output's own error, what it was destroyed with, or a {@link ChatosError}:
   *   `DATA_INCOMPLETE` where the peer failed, does not do the same, or is lost
   */
  async run(): Promise<PipeResult> {
    try {
      await this.#runConnections();
      return { sent: this.bytesSent, received: this.bytesReceived };
    } finally {
      this.#over.abort();
      if (!this.#outgoing.end) this.#options.input.close();
    }
  }

  /** Gives up: `run` fails with the error, and a message to the peer says why. */
  destroy(error: unknown): void {
    this.#failed = true;
    this.#over.abort();
    this.#ownFailure.reject(error);
  }

  /** The peer asks for another connection: it has lost the one that there is. */
  peerIsBack(): void {
    if (performance.now() - this.#openedAt > SETTLED_MS) {
      this.#channel.destroy(connectionLost(`the private connection with ${this.peer} broke there`));
    }
  }

  async #runConnections(): Promise<void> {
    /** Since the last connection was lost. */
    let deadline: number | undefined;
    for (;;) {
      const channel = this.#channel;
      const connection = this.#connect(channel);
      void connection.opened.then((opened) => {
        deadline = undefined;
        this.#onOpened(opened);
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
        if (!isConnectionLost(error)) {
          await connection.part();
          throw error;
        }
        channel.destroy();
        if (!this.#secret || !this.#reconnects) return this.#lost(error);
        this.#isLost = true;
        this.#options.onEvent?.({ type: 'lost', error });
        deadline ??= performance.now() + this.#reopenTimeoutMs;
        const next = await Promise.race([this.#reopen(deadline), this.#ownFailure.promise]);
        if (!next) return this.#lost(error, this.#reopenTimeoutMs);
        this.#channel = next;
        this.#openedAt = Infinity;
      }
    }
  }

  #onOpened({ secret, reconnects }: { secret: Buffer; reconnects: boolean }): void {
    const isFirst = this.#secret === undefined;
    this.#secret = secret;
    this.#isLost = false;
    this.#reconnects = reconnects;
    this.#openedAt = performance.now();
    this.#options.onEvent?.(isFirst ? { type: 'opened', reconnects } : { type: 'reopened' });
    if (isFirst) this.#move();
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
      onPeerEnd: () => {
        const { received } = this.#incoming;
        this.#options.onEvent?.({ type: 'peer-ended', received, goesOn: this.#outgoing.end === undefined });
      },
    });
    return this.#connection;
  }

  /** The input and the output are touched only when the peer is known to do the same as we. */
  #move(): void {
    const fail = (error: unknown): void => this.destroy(error);
    this.#outgoing.readAll().catch(fail);
    this.#incoming.writeAll().catch(fail);
  }

  #reasonOf(error: unknown): string {
    return (this.#options.reasonOf ?? messageOf)(error);
  }

  /** Another channel, or `undefined` if none is opened in time. */
  async #reopen(deadline: number): Promise<PipedChannel | undefined> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), deadline - performance.now());
    try {
      return await withEither(this.#over.signal, late.signal, async (signal) => {
        while (!signal.aborted) {
          try {
            const channel = await this.#options.reopen!(signal);
            if (!signal.aborted) return channel;
            channel.destroy();
          } catch {
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
  #lost(error: Error, waitedMs?: number): void {
    if (this.#outgoing.isDone && this.#incoming.isDone) return;
    const [sent, here] = [this.bytesSent, this.bytesReceived];
    const there = this.#outgoing.isDone ? 'all bytes are' : `${sent} ${inNumber(sent, 'byte{s} {is|are}')}`;
    const state = `${there} known to be written there, ${here} ${inNumber(here, 'byte{s} {was|were}')} written here`;
    const none = `there was no other private connection with ${this.peer} within ${formatSeconds(waitedMs ?? 0)}`;
    const what = waitedMs === undefined ? error.message : none;
    throw incomplete(`the end was not confirmed: ${what}; ${state}`, error);
  }
}
