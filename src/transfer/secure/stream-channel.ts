import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { ChatosError } from '../../errors.ts';
import { resetSocket } from '../../net/reset-socket.ts';
import type { PipedChannel } from '../pipe.ts';

type Done = (error?: Error | null) => void;

/** What a private connection knows of itself, and any other stream has to be told. */
export interface StreamEnds {
  readonly role: 'requester' | 'target';
  readonly login: string;
  readonly peer: string;
}

/** Any stream of bytes in both directions, as a socket, in the place of a private connection. */
export class StreamChannel extends Duplex implements PipedChannel {
  readonly login: string;
  readonly peer: string;
  readonly role: 'requester' | 'target';
  readonly connectId = 0n;
  readonly closedByPeer = false;
  readonly #stream: Duplex;
  #bytesSent = 0;
  #bytesReceived = 0;
  #inputEnded = false;

  /** @throws {ChatosError} `INVALID_ARGUMENT` where it carries something else than bytes, or has ended already */
  constructor(stream: Duplex, { role, login, peer }: StreamEnds) {
    super({ allowHalfOpen: true });
    [this.role, this.login, this.peer] = [role, login, peer];
    this.#stream = stream;
    checkBytes(stream);
    // The end of the other side's direction is not that of ours.
    stream.allowHalfOpen = true;
    stream.on('error', (error) => this.destroy(this.#broken(error)));
    stream.on('close', () => {
      if (!this.#inputEnded || !this.writableFinished) this.destroy(this.#broken());
    });
    stream.on('end', () => {
      this.#inputEnded = true;
      this.emit('inputEnd');
      this.push(null);
    });
    stream.on('data', (chunk: Buffer) => {
      this.#bytesReceived += chunk.length;
      if (!this.push(chunk)) stream.pause();
    });
  }

  get inputEnded(): boolean {
    return this.#inputEnded;
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get bytesMoved(): number {
    return this.#bytesSent;
  }

  async readLent(take: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    for await (const chunk of this.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) await take(chunk);
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#stream.write(chunk, (error) => {
      if (!error) this.#bytesSent += chunk.length;
      done(error && this.#broken(error));
    });
  }

  override _final(done: Done): void {
    this.#stream.end((error?: Error | null) => done(error && this.#broken(error)));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const stream = this.#stream;
    const isInOrder = error === null && this.#inputEnded && this.writableFinished;
    // Where it can, it breaks rather than ends.
    if (!isInOrder && stream instanceof Socket && !stream.destroyed) resetSocket(stream);
    else stream.destroy();
    done(error);
  }

  #broken(cause?: Error): ChatosError {
    if (cause instanceof ChatosError) return cause;
    const message = `the connection with ${this.peer} broke`;
    return new ChatosError('CHANNEL_ABORTED', message, { cause, fields: { peer: this.peer } });
  }
}

function checkBytes(stream: Duplex): void {
  const isText = stream.readableEncoding !== null;
  const why =
    stream.readableObjectMode || stream.writableObjectMode
      ? 'it carries objects'
      : isText
        ? 'it has an encoding set, and gives text'
        : stream.destroyed || !stream.readable || !stream.writable
          ? 'it has ended already, or is broken'
          : undefined;
  if (why !== undefined) throw new ChatosError('INVALID_ARGUMENT', `not a stream that can be encrypted: ${why}`);
}
