/** What the tests of the protocol share: bytes from hex, vectors as a list, chunks in, packets out. */
import type { LongBytes, Packet, PacketDecoder } from '../../src/protocol/index.ts';
import { VECTORS } from './vectors.ts';

export const WIDTHS = [4, 8] as const satisfies readonly LongBytes[];

/** Bytes from hex digits; spaces do not count. */
export function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(' ', ''), 'hex');
}

export interface FlatVector {
  readonly packet: Packet;
  readonly bytes: Buffer;
}

/** All vectors as they look on a connection with LONGs of `longBytes`. */
export function vectorsFor(longBytes: LongBytes): FlatVector[] {
  return Object.values(VECTORS).flatMap((rows) =>
    rows.map((row) => ({
      packet: row.packet,
      bytes: hex(typeof row.hex === 'string' ? row.hex : row.hex[longBytes]),
    })),
  );
}

export interface Reading {
  readonly packets: Packet[];
  /** `decoder.frame` after each packet, copied. */
  readonly frames: Buffer[];
}

/** Feeds the chunks one by one, and takes all packets out after each. */
export function readAll(decoder: PacketDecoder, chunks: Iterable<Buffer>): Reading {
  const packets: Packet[] = [];
  const frames: Buffer[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
      packets.push(packet);
      frames.push(Buffer.from(decoder.frame));
    }
  }
  return { packets, frames };
}

/** Cuts the bytes into pieces of the given sizes, over and over, each piece in memory of its own. */
export function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let start = 0, i = 0; start < bytes.length; i++) {
    const end = start + sizes[i % sizes.length]!;
    chunks.push(Buffer.from(bytes.subarray(start, end)));
    start = end;
  }
  return chunks;
}

/** What the action throws; where it throws nothing, that is the error. */
export function thrownBy(action: () => unknown): unknown {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown', { cause: result });
}

export const MALFORMED = { name: 'ChatosError', code: 'MALFORMED_PACKET' } as const;
