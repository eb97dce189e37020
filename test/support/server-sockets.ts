/** Bare sockets for the tests of server and net: bytes in, bytes out, and how it ended; no knowledge of `src`. */
import { createHash } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import { withoutGarbage } from './heap.ts';
import { howItEnds } from './how-it-ends.ts';
import { long, packet, type LongBytes } from './rfc-peer.ts';

const realSetTimeout = globalThis.setTimeout;

/** The promise's value, or an error that says what was waited for; the clock is the real one even where timers are fake. */
export async function within<T>(promise: Promise<T>, what: string, ms = 5000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = realSetTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A connection that keeps its half open after a FIN, reads nothing by itself, and is destroyed after the test. */
export async function openSocket(port: number, { localAddress }: { localAddress?: string } = {}): Promise<Socket> {
  const from = localAddress === undefined ? {} : { localAddress };
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true, ...from });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  await within(
    new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject)),
    `connecting to ${port}`,
  );
  return socket;
}

/** A connection that has presented a connect id. */
export async function knock(
  port: number,
  connectId: bigint,
  { longBytes = 4, ...from }: { longBytes?: LongBytes; localAddress?: string } = {},
): Promise<Socket> {
  const socket = await openSocket(port, from);
  socket.write(packet(9, long(connectId, longBytes)));
  return socket;
}

/** The next `size` bytes; what is behind them stays in the stream. */
export function readExactly(socket: Duplex, size: number): Promise<Buffer> {
  let stop = (): void => undefined;
  const bytes = new Promise<Buffer>((resolve, reject) => {
    const look = (): void => {
      const chunk = socket.read(size) as Buffer | null;
      if (chunk === null) return;
      if (chunk.length === size) resolve(chunk);
      else reject(new Error(`the connection ended ${chunk.length} bytes on, instead of ${size}`));
    };
    const onEnd = (): void => reject(new Error(`the connection ended before ${size} bytes came`));
    socket.on('readable', look).on('end', onEnd).on('error', reject);
    stop = () => void socket.off('readable', look).off('end', onEnd).off('error', reject);
    look();
  });
  return within(bytes, `reading ${size} bytes`).finally(() => stop());
}

/** As {@link howItEnds}, within 5 s. */
export function endOf(socket: Duplex): Promise<'FIN' | 'RST'> {
  return within(howItEnds(socket), 'the end of the connection');
}

/** Sends all of `bytes`, each piece when the operating system has taken the one before it. */
export class Pump {
  sent = 0;
  /** Resolves when everything is sent, rejects where the connection breaks. */
  readonly done: Promise<void>;
  #end = Infinity;

  constructor(socket: Duplex, bytes: Buffer, pieceSize = 64 * 1024) {
    this.#end = bytes.length;
    this.done = (async () => {
      while (this.sent < this.#end) {
        const piece = bytes.subarray(this.sent, this.sent + pieceSize);
        await new Promise<void>((resolve, reject) => {
          socket.write(piece, (error) => (error ? reject(error) : resolve()));
        });
        this.sent += piece.length;
      }
    })();
    this.done.catch(() => undefined);
  }

  /** Sends about so many more bytes only, so that what has been stalled need not carry all that could have filled it. */
  finish(more = 512 * 1024): void {
    this.#end = Math.min(this.#end, this.sent + more);
  }
}

const patterns = new Map<number, Buffer>();

/** Bytes that differ from place to place, so that a piece lost, doubled or overwritten shows. */
export function pattern(size: number, seed = 1): Buffer {
  const known = patterns.get(seed);
  if (known && known.length >= size) return known.subarray(0, size);
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  const bytes = Buffer.from(words.buffer, 0, size);
  patterns.set(seed, bytes);
  return bytes;
}

/** Everything up to the end, as a hash: large amounts are not kept. */
export async function hashToEnd(socket: Duplex, ms = 15_000): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  socket.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    size += chunk.length;
  });
  const end = new Promise<void>((resolve, reject) => {
    socket.once('end', resolve).once('error', reject);
    socket.once('close', () => reject(new Error(`closed after ${size} bytes`)));
  });
  await within(end, 'reading everything', ms).catch((error: Error) => {
    throw new Error(`${error.message} (${size} bytes had come)`, { cause: error });
  });
  return { size, sha256: hash.digest('hex') };
}

export function hashOf(bytes: Buffer): { size: number; sha256: string } {
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Memory that buffers take in this process, those of the server and of its clients, as {@link withoutGarbage} counts it. */
export function bufferBytes(enough?: number): Promise<number> {
  return withoutGarbage(() => process.memoryUsage().arrayBuffers, enough);
}
