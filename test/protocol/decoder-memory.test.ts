import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from 'vitest';
import { MAX_PACKET_BYTES, PacketDecoder } from '../../src/protocol/index.ts';
import { hex, readAll } from './reading.ts';

/** The longest packet there is (RFC 2, P3): opcode, two full logins, a full message. */
const LONGEST = Buffer.concat([
  hex('04 0000001e'),
  Buffer.alloc(30, 'a'),
  hex('0000001e'),
  Buffer.alloc(30, 'b'),
  hex('00000400'),
  Buffer.alloc(1024, 'c'),
]);

const PACKETS_PER_CHUNK = 59;
const CHUNK_BYTES = PACKETS_PER_CHUNK * LONGEST.length;

/** A chunk as a socket hands it over, nearly 64 KiB: whole packets, and at its end the start of another. */
function chunkEndingWith(partialBytes: number): Buffer {
  const chunk = Buffer.alloc(CHUNK_BYTES + partialBytes);
  for (let at = 0; at < chunk.length; at += LONGEST.length) LONGEST.copy(chunk, at);
  return chunk;
}

/** Reads one such chunk, and returns a weak reference to the memory behind it. */
function readAndForget(decoder: PacketDecoder, partialBytes: number): WeakRef<ArrayBufferLike> {
  const chunk = chunkEndingWith(partialBytes);
  expect(readAll(decoder, [chunk]).packets).toHaveLength(PACKETS_PER_CHUNK);
  return new WeakRef(chunk.buffer);
}

/** Reads some bytes of the longest packet that stand in a larger memory, as in a read buffer used again and again. */
function readMiddleAndForget(decoder: PacketDecoder): WeakRef<ArrayBufferLike> {
  const chunk = chunkEndingWith(0).subarray(1, 10);
  expect(readAll(decoder, [chunk]).packets).toEqual([]);
  return new WeakRef(chunk.buffer);
}

describe('PacketDecoder, what it keeps between two chunks', () => {
  beforeAll(() => {
    setFlagsFromString('--expose-gc');
  });

  it('[P4] is never more than MAX_PACKET_BYTES, and that is the longest packet', () => {
    expect(LONGEST).toHaveLength(MAX_PACKET_BYTES);
    for (let partialBytes = 0; partialBytes < LONGEST.length; partialBytes++) {
      const decoder = new PacketDecoder();
      const chunk = chunkEndingWith(partialBytes);
      readAll(decoder, [chunk]);
      const kept = decoder.rest();
      expect(kept.equals(LONGEST.subarray(0, partialBytes))).toBe(true);
      expect(kept.buffer === chunk.buffer).toBe(false);
    }
  });

  it('[P4] is the same memory for a second incomplete packet as for the first', () => {
    const decoder = new PacketDecoder();
    const half = Math.floor(LONGEST.length / 2);
    const backings = new Set<ArrayBufferLike>();
    for (let round = 0; round < 3; round++) {
      expect(readAll(decoder, [LONGEST.subarray(0, half)]).packets).toEqual([]);
      decoder.push(LONGEST.subarray(half));
      expect(decoder.next()?.type).toBe('MESSAGE_PRIVATE');
      backings.add(decoder.frame.buffer);
      expect(decoder.next()).toBeUndefined();
    }
    const sizes = Array.from(backings, ({ byteLength }) => byteLength);
    expect(sizes).toEqual([MAX_PACKET_BYTES]);
  });

  it.each([0, 1, 1000])('[P4] is not the chunk, where %i bytes of a packet stood at its end', async (partialBytes) => {
    const decoder = new PacketDecoder();
    const memory = readAndForget(decoder, partialBytes);
    await setImmediate();
    runInNewContext('gc()');
    const chunkIsGone = memory.deref() === undefined;
    expect(chunkIsGone).toBe(true);
    expect(decoder.hasPartialPacket).toBe(partialBytes > 0);
  });

  it('[P4] is not the chunk, where it brought only the middle of a packet', async () => {
    const decoder = new PacketDecoder();
    expect(readAll(decoder, [LONGEST.subarray(0, 1)]).packets).toEqual([]);
    const memory = readMiddleAndForget(decoder);
    await setImmediate();
    runInNewContext('gc()');
    const chunkIsGone = memory.deref() === undefined;
    expect(chunkIsGone).toBe(true);
    expect(readAll(decoder, [LONGEST.subarray(10)]).frames).toEqual([LONGEST]);
  });
});
