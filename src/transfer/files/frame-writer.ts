import { freeBuffer } from '../../util/free-buffer.ts';
import type { PipedChannel } from '../pipe.ts';
import { Pace } from '../rate-limit.ts';
import { untilTaken } from '../taken.ts';
import { HEADER_BYTES, writeHeader, type FrameType } from './frames.ts';

/** Small frames are gathered up to this size: thousands of small files are few writes. */
const BATCH_BYTES = 64 * 1024;
/** Batches that are kept to be filled again. */
const MAX_SPARE = 4;

/** Sends frames over a channel: small ones together, large ones as they are. */
export class FrameWriter {
  readonly #channel: PipedChannel;
  readonly #pace: Pace | undefined;
  #batch: Buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
  readonly #spare: Buffer[] = [];
  #length = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  #hasFailed = false;

  /** @param bytesPerSecond at most so many are sent; `undefined` for as many as the channel takes */
  constructor(channel: PipedChannel, bytesPerSecond?: number) {
    this.#channel = channel;
    this.#pace = bytesPerSecond === undefined ? undefined : new Pace(bytesPerSecond);
  }

  /** Whether the channel has failed to take something. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Gathers a frame; waits only while the channel takes what was gathered before. */
  async send(type: FrameType, ...parts: readonly Uint8Array[]): Promise<void> {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const isTooLong = (): boolean => HEADER_BYTES + length > BATCH_BYTES - this.#length;
    if (isTooLong()) await this.flush();
    // Meanwhile, others may have been gathered.
    while (this.#length > 0 && isTooLong()) await this.flush();
    if (HEADER_BYTES + length > BATCH_BYTES) {
      const header = Buffer.alloc(HEADER_BYTES);
      writeHeader(type, length, header);
      const whole = Buffer.concat([header, ...parts]);
      await this.#write(whole);
      freeBuffer(whole);
      return;
    }
    writeHeader(type, length, this.#batch.subarray(this.#length));
    let at = this.#length + HEADER_BYTES;
    for (const part of parts) {
      this.#batch.set(part, at);
      at += part.length;
    }
    this.#length = at;
  }

  /**
   * Sends a frame whose body stands in a buffer behind room for the header; done when the buffer may be used again, which
   * the caller need not wait for before it sends the next one.
   */
  sendInPlace(type: FrameType, buffer: Buffer): Promise<void> {
    writeHeader(type, buffer.length - HEADER_BYTES, buffer);
    if (this.#length > 0) void this.flush().catch(() => undefined);
    return this.#write(buffer);
  }

  /** Bytes as they are, not in a frame. */
  sendRaw(bytes: Buffer): Promise<void> {
    return this.#write(bytes);
  }

  /** Done when the channel has taken everything that was sent. */
  flush(): Promise<void> {
    if (this.#length === 0) return this.#lastWrite;
    const batch = this.#batch;
    const written = this.#write(batch.subarray(0, this.#length));
    // The channel may keep what it is given until it has sent it. A fresh one each time is much that waits to be freed.
    this.#batch = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES);
    this.#length = 0;
    written.then(
      () => {
        if (this.#spare.length < MAX_SPARE) this.#spare.push(batch);
      },
      () => undefined,
    );
    return written;
  }

  /** What waits, and what follows, is not kept to the rate any more. */
  hurry(): void {
    this.#pace?.lift();
  }

  /** Ends our direction. */
  async end(): Promise<void> {
    await this.flush();
    await untilTaken(this.#channel, (done) => this.#channel.end(done));
  }

  #write(bytes: Buffer): Promise<void> {
    this.#lastWrite = this.#pace ? this.#writePaced(this.#lastWrite, bytes, this.#pace) : this.#give(bytes);
    // Each write fails where one has: it is enough that somebody waits for one of them.
    this.#lastWrite.catch(() => (this.#hasFailed = true));
    return this.#lastWrite;
  }

  async #writePaced(before: Promise<void>, bytes: Buffer, pace: Pace): Promise<void> {
    await before;
    for (let at = 0; at < bytes.length; at += pace.sliceBytes) {
      const slice = bytes.subarray(at, at + pace.sliceBytes);
      await pace.admit(slice.length);
      await this.#give(slice);
    }
  }

  #give(bytes: Buffer): Promise<void> {
    return untilTaken(this.#channel, (done) => this.#channel.write(bytes, done));
  }
}
