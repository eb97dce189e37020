import type { Duplex } from 'node:stream';
import { ABORTED_EARLY, failedBecause, PeerFailure } from './peer-failure.ts';

const LENGTH_BYTES = 4;

/** Messages with their lengths in front, over a stream that is somebody else's later: nothing behind them is read. */
export class PeerMessages {
  readonly #stream: Duplex;
  readonly #maxBytes: number;

  constructor(stream: Duplex, maxBytes: number) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
  }

  /** In one write. */
  send(...messages: readonly Buffer[]): void {
    const parts = messages.flatMap((message) => {
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(message.length);
      return [length, message];
    });
    this.#stream.write(Buffer.concat(parts));
  }

  /** Rejects with a {@link PeerFailure} where the stream ends, or more is announced than may be. */
  async next(): Promise<Buffer> {
    const length = (await this.#read(LENGTH_BYTES)).readUInt32BE();
    if (length > this.#maxBytes) throw new PeerFailure('it says more than a node does');
    return length === 0 ? Buffer.alloc(0) : this.#read(length);
  }

  #read(bytes: number): Promise<Buffer> {
    const stream = this.#stream;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const read = stream.read(bytes) as Buffer | null;
        if (read === null) return;
        stop();
        if (read.length === bytes) resolve(read);
        else reject(new PeerFailure(ABORTED_EARLY));
      };
      const fail = (): void => {
        stop();
        reject(stream.errored ? failedBecause(stream.errored) : new PeerFailure(ABORTED_EARLY, true));
      };
      const stop = (): void => {
        stream.off('readable', look).off('end', fail).off('close', fail);
      };
      if (stream.destroyed || stream.readableEnded) return fail();
      stream.on('readable', look).on('end', fail).on('close', fail);
      look();
    });
  }
}
