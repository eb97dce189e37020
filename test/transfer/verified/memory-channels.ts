/** Private connections without a server: two ends in memory, which cut what they carry, and break when they are told to. */
import { Duplex } from 'node:stream';
import { ChatosError } from '../../../src/errors.ts';
import type { PipedChannel } from '../../../src/transfer/pipe.ts';

export interface PairOptions {
  /** The size of the next piece that arrives. @default as it was sent */
  readonly pieceBytes?: () => number;
  /** After so many bytes, of both directions together, the connection is gone. @default never */
  readonly breakAfterBytes?: number;
}

/** What both ends share. */
interface Line {
  left: number;
  readonly pieceBytes: () => number;
}

export class MemoryChannel extends Duplex implements PipedChannel {
  login: string;
  peer: string;
  readonly role: 'requester' | 'target';
  connectId = 1n;
  readonly closedByPeer = false;
  readonly inputEnded = false;
  bytesSent = 0;
  bytesReceived = 0;
  other!: MemoryChannel;
  readonly #line: Line;
  #onRead: () => void = () => undefined;

  get bytesMoved(): number {
    return this.bytesSent;
  }

  constructor(role: 'requester' | 'target', line: Line) {
    super({ allowHalfOpen: true });
    this.role = role;
    [this.login, this.peer] = role === 'requester' ? ['ann', 'bob'] : ['bob', 'ann'];
    this.#line = line;
  }

  /** The bytes are spoiled once they are given back. */
  async readLent(take: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    for await (const chunk of this.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const lent = Buffer.from(chunk);
      this.bytesReceived += lent.length;
      await take(lent);
      lent.fill(0xee);
    }
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    void this.#carry(Buffer.from(chunk), done);
  }

  async #carry(bytes: Buffer, done: () => void): Promise<void> {
    const line = this.#line;
    for (let at = 0; at < bytes.length;) {
      await new Promise(setImmediate);
      if (this.destroyed || this.other.destroyed) break;
      const piece = bytes.subarray(at, at + Math.min(line.pieceBytes(), line.left));
      at += piece.length;
      line.left -= piece.length;
      this.bytesSent += piece.length;
      const goesOn = piece.length === 0 || this.other.push(piece);
      if (line.left === 0) this.cut();
      else if (!goesOn) await new Promise<void>((resolve) => (this.other.#onRead = resolve));
    }
    done();
  }

  override _read(): void {
    this.#onRead();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.other.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#onRead();
    const inOrder = this.writableFinished && this.readableEnded;
    if (!inOrder && this.other && !this.other.destroyed) setImmediate(() => this.other.destroy(broken()));
    done(error);
  }

  /** The connection is gone, for both. */
  cut(): void {
    this.destroy(broken());
  }
}

function broken(): ChatosError {
  return new ChatosError('CHANNEL_ABORTED', 'the private connection broke');
}

/** The requester's end, whose peer is bob, and the target's, whose peer is ann. */
export function memoryPair({ pieceBytes = () => Infinity, breakAfterBytes = Infinity }: PairOptions = {}) {
  const line: Line = { left: breakAfterBytes, pieceBytes };
  const [requester, target] = [new MemoryChannel('requester', line), new MemoryChannel('target', line)] as const;
  requester.other = target;
  target.other = requester;
  for (const end of [requester, target]) end.on('error', () => undefined);
  return { requester, target };
}
