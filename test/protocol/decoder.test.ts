import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { PacketDecoder, type LongBytes, type Packet } from '../../src/protocol/index.ts';
import { naivePacket } from '../support/naive-packets.ts';
import { WIDTHS, cut, hex, readAll, vectorsFor, type FlatVector, type Reading } from './reading.ts';

const FULL_LOGIN = '😀'.repeat(7) + 'é';

/** The longest packets that can be received, with characters of two to four bytes to cut through. */
const LONGEST: readonly Packet[] = [
  { type: 'LOGIN', login: '€'.repeat(341) + 'x' },
  { type: 'MESSAGE_PRIVATE', loginSender: FULL_LOGIN, loginTarget: FULL_LOGIN, msg: '😀'.repeat(256) },
  { type: 'CLOSE_CONNECTION', connectId: 0x7f00ff01n, loginRequester: FULL_LOGIN, loginTarget: FULL_LOGIN },
];

function mixedStream(longBytes: LongBytes): FlatVector[] {
  const vectors = vectorsFor(longBytes);
  const longest = LONGEST.map((packet) => ({ packet, bytes: naivePacket(packet, longBytes) }));
  return [...vectors, ...longest, ...vectors.toReversed()];
}

describe.each(WIDTHS)('PacketDecoder, cuts in the stream, LONG of %i bytes', (longBytes) => {
  const vectors = mixedStream(longBytes);
  const stream = Buffer.concat(vectors.map(({ bytes }) => bytes));
  const expected: Reading = {
    packets: vectors.map(({ packet }) => packet),
    frames: vectors.map(({ bytes }) => bytes),
  };

  it('[RFC] reads the same packets and frames wherever the stream is cut once', () => {
    const wrong: number[] = [];
    for (let at = 1; at < stream.length; at++) {
      const reading = readAll(new PacketDecoder({ longBytes }), [stream.subarray(0, at), stream.subarray(at)]);
      if (!isDeepStrictEqual(reading, expected)) wrong.push(at);
    }
    expect(wrong).toEqual([]);
  });

  it('[RFC] reads the same packets and frames from pieces of 1 byte, and of any size up to 50', () => {
    const wrong: number[] = [];
    for (let size = 1; size <= 50; size++) {
      const reading = readAll(new PacketDecoder({ longBytes }), cut(stream, [size]));
      if (!isDeepStrictEqual(reading, expected)) wrong.push(size);
    }
    expect(wrong).toEqual([]);
  });

  it('[P4] knows at each byte whether a packet is incomplete', () => {
    const ends = new Set<number>();
    let end = 0;
    for (const { bytes } of vectors) ends.add((end += bytes.length));
    const decoder = new PacketDecoder({ longBytes });
    const wrong: number[] = [];
    for (let at = 1; at <= stream.length; at++) {
      readAll(decoder, [stream.subarray(at - 1, at)]);
      if (decoder.hasPartialPacket === ends.has(at)) wrong.push(at);
    }
    expect(wrong).toEqual([]);
  });
});

describe('PacketDecoder.hasPacket', () => {
  it('says whether a packet is complete, and reads nothing, wherever the stream is cut', () => {
    const stream = hex('00 00000002 6869 01');
    for (let at = 1; at < stream.length; at++) {
      const decoder = new PacketDecoder();
      decoder.push(stream.subarray(0, at));
      expect(decoder.hasPacket).toBe(at >= 7);
      const { packets } = readAll(decoder, [Buffer.alloc(0)]);
      expect(decoder.hasPacket).toBe(false);
      decoder.push(stream.subarray(at));
      expect(decoder.hasPacket).toBe(true);
      packets.push(...readAll(decoder, [Buffer.alloc(0)]).packets);
      expect(packets).toStrictEqual([{ type: 'LOGIN', login: 'hi' }, { type: 'LOGIN_ACCEPTED' }]);
    }
  });

  it('[P4] is true where next would throw', () => {
    const decoder = new PacketDecoder();
    decoder.push(hex('00 ffffffff'));
    expect(decoder.hasPacket).toBe(true);
    expect(() => decoder.next()).toThrow('announces -1 bytes');
  });
});

describe('PacketDecoder, push and next', () => {
  it('has nothing to give before the first byte, nor for an empty chunk', () => {
    const decoder = new PacketDecoder();
    expect(decoder.next()).toBeUndefined();
    decoder.push(Buffer.alloc(0));
    expect(decoder.next()).toBeUndefined();
    expect(decoder.hasPartialPacket).toBe(false);
    expect(decoder.rest()).toHaveLength(0);
  });

  it('reads a packet that empty chunks interrupt', () => {
    const empty = Buffer.alloc(0);
    const { packets } = readAll(new PacketDecoder(), [
      hex('0c 000000'),
      empty,
      hex('03 62'),
      empty,
      hex('6f62'),
      empty,
    ]);
    expect(packets).toStrictEqual([{ type: 'ACCEPT_CLOSE_CONNECTION', loginTarget: 'bob' }]);
  });

  it('takes any Uint8Array, also one that views the middle of a larger buffer', () => {
    const memory = new Uint8Array([0xff, 0xff, ...hex('00 00000001 61'), 0xff]);
    const decoder = new PacketDecoder();
    decoder.push(memory.subarray(2, 8));
    expect(decoder.next()).toStrictEqual({ type: 'LOGIN', login: 'a' });
    expect(decoder.next()).toBeUndefined();
  });

  it('keeps the order where chunks are pushed before the earlier ones were read', () => {
    const decoder = new PacketDecoder();
    const stream = hex('01 00 00000002 6869 0c 00000001 62 02');
    for (const chunk of cut(stream, [3])) decoder.push(chunk);
    const types = [decoder.next(), decoder.next(), decoder.next(), decoder.next(), decoder.next()].map((p) => p?.type);
    expect(types).toEqual(['LOGIN_ACCEPTED', 'LOGIN', 'ACCEPT_CLOSE_CONNECTION', 'LOGIN_REFUSED', undefined]);
  });

  it('does not depend on a chunk any more once next has returned undefined', () => {
    const decoder = new PacketDecoder();
    const chunk = hex('00 00000003 626f');
    const { packets } = readAll(decoder, [chunk]);
    chunk.fill(0xff);
    packets.push(...readAll(decoder, [hex('62')]).packets);
    expect(packets).toStrictEqual([{ type: 'LOGIN', login: 'bob' }]);
  });

  it('keeps decoders apart that are in the middle of packets at the same time', () => {
    const first = new PacketDecoder({ longBytes: 4 });
    const second = new PacketDecoder({ longBytes: 8 });
    readAll(first, [hex('08 00000001 61 00000001')]);
    readAll(second, [hex('0b 00000000')]);
    expect(readAll(first, [hex('62 00000005')]).packets).toStrictEqual([
      { type: 'ID_PRIVATE', loginRequester: 'a', loginTarget: 'b', connectId: 5n },
    ]);
    expect(readAll(second, [hex('00000006 00000002 6363 00000000')]).packets).toStrictEqual([
      { type: 'CLOSE_CONNECTION', connectId: 6n, loginRequester: 'cc', loginTarget: '' },
    ]);
  });
});

describe.each(WIDTHS)('PacketDecoder.rest, LONG of %i bytes', (longBytes) => {
  const loginPrivate = hex(longBytes === 4 ? '09 00000007' : '09 0000000000000007');
  // Not a packet: the first byte is no opcode, so that reading it would throw.
  const raw = hex('ff 00 09 0d 80 0a');

  it('[P13] returns the raw bytes that follow LOGIN_PRIVATE, wherever the stream was cut before them', () => {
    for (let at = 1; at <= loginPrivate.length; at++) {
      const stream = Buffer.concat([loginPrivate, raw]);
      const decoder = new PacketDecoder({ longBytes });
      decoder.push(stream.subarray(0, at));
      let packet = decoder.next();
      if (packet === undefined) {
        decoder.push(stream.subarray(at));
        packet = decoder.next();
      } else {
        decoder.push(stream.subarray(at));
      }
      expect(packet).toStrictEqual({ type: 'LOGIN_PRIVATE', connectId: 7n });
      expect(decoder.rest().toString('hex')).toBe(raw.toString('hex'));
    }
  });

  it('[P13] returns them when the packet came byte by byte, and 64 KiB of them in one piece', () => {
    const decoder = new PacketDecoder({ longBytes });
    const many = Buffer.alloc(65_536, 0xee);
    expect(readAll(decoder, cut(loginPrivate.subarray(0, -1), [1])).packets).toEqual([]);
    decoder.push(Buffer.concat([loginPrivate.subarray(-1), many]));
    expect(decoder.next()).toStrictEqual({ type: 'LOGIN_PRIVATE', connectId: 7n });
    expect(decoder.rest().equals(many)).toBe(true);
  });

  it('[RFC 4] returns the raw bytes that follow ESTABLISHED, and nothing where none do', () => {
    const decoder = new PacketDecoder({ longBytes });
    decoder.push(Buffer.concat([hex('0a'), raw]));
    expect(decoder.next()).toStrictEqual({ type: 'ESTABLISHED' });
    expect(decoder.rest().equals(raw)).toBe(true);
    decoder.push(hex('0a'));
    expect(decoder.next()).toStrictEqual({ type: 'ESTABLISHED' });
    expect(decoder.rest()).toHaveLength(0);
  });

  it('[P13] returns the start of an incomplete packet too, with unread bytes behind it, and empties the decoder', () => {
    const decoder = new PacketDecoder({ longBytes });
    readAll(decoder, [loginPrivate.subarray(0, 3)]);
    decoder.push(loginPrivate.subarray(3));
    expect(decoder.rest().equals(loginPrivate)).toBe(true);
    expect(decoder.hasPartialPacket).toBe(false);
    expect(decoder.next()).toBeUndefined();
    expect(readAll(decoder, [hex('01')]).packets).toStrictEqual([{ type: 'LOGIN_ACCEPTED' }]);
  });
});
