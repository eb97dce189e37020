import { describe, expect, it } from 'vitest';
import { PACKETS, PacketDecoder, encodePacket, type LongBytes, type PacketType } from '../../src/protocol/index.ts';
import { naivePacket } from '../support/naive-packets.ts';
import { WIDTHS, hex, readAll, vectorsFor, type FlatVector } from './reading.ts';
import { WIDE_VECTORS } from './vectors.ts';

/** The opcode and the sender of each packet, as section titles and tables of the RFC have them. */
const RFC_TABLE: Readonly<Record<PacketType, readonly [opcode: number, from: 'client' | 'server' | 'both']>> = {
  LOGIN: [0, 'client'],
  LOGIN_ACCEPTED: [1, 'server'],
  LOGIN_REFUSED: [2, 'server'],
  MESSAGE: [3, 'both'],
  MESSAGE_PRIVATE: [4, 'both'],
  REQUEST_PRIVATE: [5, 'both'],
  OK_PRIVATE: [6, 'client'],
  KO_PRIVATE: [7, 'both'],
  ID_PRIVATE: [8, 'server'],
  LOGIN_PRIVATE: [9, 'client'],
  ESTABLISHED: [10, 'server'],
  CLOSE_CONNECTION: [11, 'client'],
  ACCEPT_CLOSE_CONNECTION: [12, 'server'],
};

function describeVectors(longBytes: LongBytes, vectors: readonly FlatVector[]): void {
  const named = vectors.map((vector) => ({
    ...vector,
    title: `${vector.packet.type} ${vector.bytes.toString('hex')}`,
  }));

  it.each(named)('[RFC] writes exactly $title', ({ packet, bytes }) => {
    expect(encodePacket(packet, longBytes).toString('hex')).toBe(bytes.toString('hex'));
  });

  it.each(named)('[RFC] reads $title, and its frame is those bytes', ({ packet, bytes }) => {
    const decoder = new PacketDecoder({ longBytes });
    decoder.push(bytes);
    expect(decoder.next()).toStrictEqual(packet);
    expect(decoder.frame.toString('hex')).toBe(bytes.toString('hex'));
    expect(decoder.next()).toBeUndefined();
    expect(decoder.hasPartialPacket).toBe(false);
  });

  it('[RFC] the naive builder of the tests agrees with every vector', () => {
    const built = vectors.map(({ packet }) => naivePacket(packet, longBytes).toString('hex'));
    expect(built).toEqual(vectors.map(({ bytes }) => bytes.toString('hex')));
  });

  it('[RFC] reads all of them from one stream, in order', () => {
    const stream = Buffer.concat(vectors.map(({ bytes }) => bytes));
    const { packets, frames } = readAll(new PacketDecoder({ longBytes }), [stream]);
    expect(packets).toStrictEqual(vectors.map(({ packet }) => packet));
    expect(Buffer.concat(frames).equals(stream)).toBe(true);
  });
}

describe.each(WIDTHS)('hex vectors, LONG of %i bytes', (longBytes) => {
  describeVectors(longBytes, vectorsFor(longBytes));
});

describe('hex vectors that need a LONG of 8 bytes', () => {
  describeVectors(
    8,
    WIDE_VECTORS.map(({ packet, hex: digits }) => ({ packet, bytes: hex(digits) })),
  );
});

describe('the table of packets', () => {
  it('[RFC] has the opcodes of the RFC, each with the sender that it names', () => {
    const rows = Object.entries(PACKETS).map(([type, { opcode, from }]) => [type, [opcode, from]]);
    expect(Object.fromEntries(rows)).toEqual(RFC_TABLE);
  });

  it('[P2] opcode 3 speaks to everyone and opcode 4 to one', () => {
    const decoder = new PacketDecoder();
    const { packets } = readAll(decoder, [hex('03 00000001 61 00000000'), hex('04 00000001 61 00000001 62 00000000')]);
    expect(packets.map(({ type }) => type)).toEqual(['MESSAGE', 'MESSAGE_PRIVATE']);
  });

  it('[P1] a LONG is 4 bytes where nothing else is said', () => {
    const decoder = new PacketDecoder();
    decoder.push(hex('09 01020304'));
    expect(decoder.next()).toStrictEqual({ type: 'LOGIN_PRIVATE', connectId: 0x01020304n });
    expect(encodePacket({ type: 'LOGIN_PRIVATE', connectId: 0x01020304n }).toString('hex')).toBe('0901020304');
  });
});
