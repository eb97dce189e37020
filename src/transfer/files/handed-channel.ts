import { Duplex } from 'node:stream';
import type { PipedChannel } from '../pipe.ts';

type Done = (error?: Error | null) => void;

/** A channel behind what two sides have agreed on at its beginning: from here on it is somebody else's. */
export class HandedChannel extends Duplex implements PipedChannel {
  readonly #channel: PipedChannel;
  readonly #ended: Promise<void>;
  #take: ((chunk: Buffer) => void | Promise<void>) | undefined;
  #onTaker: () => void = () => undefined;

  /** @param ended settles as the reading of the channel does */
  constructor(channel: PipedChannel, ended: Promise<void>) {
    super({ allowHalfOpen: true });
    this.#channel = channel;
    this.#ended = ended;
    channel.once('close', () => this.destroy(channel.errored ?? undefined));
  }

  get login(): string {
    return this.#channel.login;
  }

  get peer(): string {
    return this.#channel.peer;
  }

  get role(): PipedChannel['role'] {
    return this.#channel.role;
  }

  get connectId(): bigint {
    return this.#channel.connectId;
  }

  get closedByPeer(): boolean {
    return this.#channel.closedByPeer;
  }

  get inputEnded(): boolean {
    return this.#channel.inputEnded;
  }

  get bytesSent(): number {
    return this.#channel.bytesSent;
  }

  get bytesReceived(): number {
    return this.#channel.bytesReceived;
  }

  get bytesMoved(): number {
    return this.#channel.bytesMoved;
  }

  /** What has come: lent until the promise is resolved. */
  async feed(chunk: Buffer): Promise<void> {
    if (!this.#take && !this.destroyed) await new Promise<void>((resolve) => (this.#onTaker = resolve));
    await this.#take?.(chunk);
  }

  async readLent(take: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    this.#take = take;
    this.#onTaker();
    await this.#ended;
    this.push(null);
    this.resume();
  }

  override _read(): void {
    // What comes is lent.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#channel.write(chunk, done);
  }

  override _final(done: Done): void {
    this.#channel.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#onTaker();
    this.#channel.destroy(error ?? undefined);
    done(error);
  }
}
