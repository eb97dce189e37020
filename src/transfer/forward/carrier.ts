import { Duplex } from 'node:stream';
import type { PipedChannel } from '../pipe.ts';

type Done = (error?: Error | null) => void;

/** So much is handed to the channel at once. */
const BATCH_BYTES = 512 * 1024;

/**
 * What a session of HTTP/2 runs on: the channel, and what waits to be written to it. Node.js reads nothing of a session while
 * it writes: two sides that write more than the way between them holds would wait for each other for ever. So what is
 * written counts as written while it waits here, as long as it is not more than the peer's windows let it be.
 */
export class Carrier extends Duplex {
  readonly #channel: PipedChannel;
  #maxQueuedBytes: () => number = () => 0;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #isWriting = false;
  /** Of the last write, where too much waits. */
  #held: Done | undefined;
  #ended: Done | undefined;

  constructor(channel: PipedChannel) {
    super({ allowHalfOpen: true });
    this.#channel = channel;
    channel.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.once('end', () => this.push(null));
    channel.once('close', () => this.destroy(channel.errored ?? undefined));
  }

  /** Until then, a write is done when the channel has taken it. */
  limitBy(maxQueuedBytes: () => number): void {
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    this.#ended = done;
    this.#writeOn();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel.destroy(error ?? undefined);
    this.#queue = [];
    done(error);
  }

  #take(chunks: readonly Buffer[], done: Done): void {
    for (const chunk of chunks) this.#queuedBytes += chunk.length;
    this.#queue.push(...chunks);
    this.#writeOn();
    if (this.#queuedBytes <= this.#maxQueuedBytes()) done();
    else this.#held = done;
  }

  #writeOn(): void {
    if (this.#isWriting) return;
    if (this.#queue.length === 0) {
      if (this.#ended) this.#channel.end(this.#ended);
      this.#ended = undefined;
      return;
    }
    this.#isWriting = true;
    const { chunks, bytes } = this.#nextBatch();
    const channel = this.#channel;
    channel.cork();
    for (const chunk of chunks.slice(0, -1)) channel.write(chunk);
    channel.write(chunks.at(-1)!, (error) => {
      // The channel says why when it closes.
      if (!error) this.#onWritten(bytes);
    });
    channel.uncork();
  }

  #nextBatch(): { readonly chunks: readonly Buffer[]; readonly bytes: number } {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && bytes < BATCH_BYTES) bytes += this.#queue[count++]!.length;
    return { chunks: this.#queue.splice(0, count), bytes };
  }

  #onWritten(bytes: number): void {
    this.#isWriting = false;
    this.#queuedBytes -= bytes;
    this.#writeOn();
    if (!this.#held || this.#queuedBytes > this.#maxQueuedBytes()) return;
    const done = this.#held;
    this.#held = undefined;
    done();
  }
}
