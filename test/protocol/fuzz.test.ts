import { describe, expect, it } from 'vitest';
import { PacketDecoder, isChatosError, type LongBytes, type Packet } from '../../src/protocol/index.ts';
import { naivePacket } from '../support/naive-packets.ts';
import { MAX_ADDED_BYTES, MAX_MUTATIONS, Random, writeMutated, type Stream } from './mutations.ts';
import { WIDTHS, vectorsFor } from './reading.ts';

/** Any number; another one fuzzes other streams. Each stream has a seed of its own, counted up from here. */
const FIRST_SEED = 20_260_101;
const FRAMES = 100_000;

const LONG_PACKETS: readonly Packet[] = [
  { type: 'LOGIN', login: 'é'.repeat(200) },
  { type: 'MESSAGE', login: 'x'.repeat(30), msg: '😀'.repeat(256) },
];

/** Valid streams of 2 to 12 frames each, mostly short ones: more streams, more damage. */
function validStreams(longBytes: LongBytes): Stream[] {
  const random = new Random(longBytes);
  const short = vectorsFor(longBytes).map(({ bytes }) => bytes);
  const long = LONG_PACKETS.map((packet) => naivePacket(packet, longBytes));
  return Array.from({ length: 256 }, () => {
    const frames = Array.from({ length: 2 + random.below(11) }, () =>
      random.pick(random.below(32) === 0 ? long : short),
    );
    let end = 0;
    return { bytes: Buffer.concat(frames), starts: frames.map((frame) => (end += frame.length) - frame.length) };
  });
}

const STREAMS: Readonly<Record<LongBytes, readonly Stream[]>> = { 4: validStreams(4), 8: validStreams(8) };
const longestStream = Math.max(...WIDTHS.flatMap((width) => STREAMS[width].map(({ bytes }) => bytes.length)));

/** The damaged stream, and the one chunk that all chunks are handed over in, one after the other. */
const damaged = Buffer.alloc(longestStream + MAX_MUTATIONS * MAX_ADDED_BYTES);
const chunk = Buffer.alloc(damaged.length);

/** Packets that were read, and streams by how they ended. */
const tally = { read: 0, complete: 0, incomplete: 0, refused: 0 };

function fail(what: string): never {
  throw new Error(what);
}

/** What must hold of every packet read; `frame` is what the decoder says it was read from. */
function checkPacket(packet: Packet, frame: Buffer, longBytes: LongBytes): void {
  if (!naivePacket(packet, longBytes).equals(frame)) fail(`${packet.type} is not what its frame says`);
  const fields: Record<string, unknown> = { ...packet };
  for (const [field, value] of Object.entries(fields)) {
    const limit = field === 'msg' || packet.type === 'LOGIN' ? 1024 : 30;
    if (typeof value === 'string' && Buffer.byteLength(value) > limit) fail(`${packet.type}.${field} is too long`);
  }
}

interface Outcome {
  readonly read: number;
  readonly end: 'complete' | 'incomplete' | 'refused';
}

/** Feeds the first `length` bytes of `damaged` in pieces, and checks what the decoder makes of them. */
function feed(length: number, longBytes: LongBytes, nextSize: () => number): Outcome {
  const decoder = new PacketDecoder({ longBytes });
  let read = 0;
  let framed = 0;
  for (let start = 0; start < length;) {
    const size = Math.min(nextSize(), length - start);
    damaged.copy(chunk, 0, start, start + size);
    start += size;
    decoder.push(chunk.subarray(0, size));
    // Each packet takes at least one byte of the chunk.
    for (let left = size; ; left--) {
      let packet: Packet | undefined;
      try {
        packet = decoder.next();
      } catch (error) {
        if (!isChatosError(error, 'MALFORMED_PACKET')) throw error;
        return { read, end: 'refused' };
      }
      if (packet === undefined) break;
      if (left === 0) fail('more packets than bytes');
      framed += decoder.frame.length;
      if ((read++ & 7) === 0) checkPacket(packet, decoder.frame, longBytes);
    }
    chunk.fill(0xff, 0, size);
    if (decoder.hasPartialPacket !== framed < start) fail(`${framed} of ${start} bytes were framed`);
  }
  const end = decoder.hasPartialPacket ? 'incomplete' : 'complete';
  if (!decoder.rest().equals(damaged.subarray(framed, length))) fail('bytes were lost, or are not those received');
  return { read, end };
}

const intact = Buffer.from('0400000005616c69636500000003626f620000000268690a', 'hex');

/** What others read must not depend on what a decoder was fed before. */
function checkFreshDecoder(): void {
  const decoder = new PacketDecoder();
  decoder.push(intact);
  const message = decoder.next();
  if (message?.type !== 'MESSAGE_PRIVATE' || message.loginTarget !== 'bob' || message.msg !== 'hi') {
    fail('a fresh decoder reads something else');
  }
  if (decoder.next()?.type !== 'ESTABLISHED') fail('a fresh decoder loses the next packet');
}

function fuzzStream(seed: number): void {
  const random = new Random(seed);
  const longBytes = random.pick(WIDTHS);
  const streams = STREAMS[longBytes];
  const length = writeMutated(random, random.pick(streams), damaged, streams);
  const { read, end } = feed(length, longBytes, () => 1 + random.below(random.below(4) === 0 ? 8 : 512));
  const whole = feed(length, longBytes, () => length);
  if (whole.read !== read || whole.end !== end) {
    fail(`in pieces: ${read} packets, ${end}; in one: ${whole.read} packets, ${whole.end}`);
  }
  if (end === 'refused') checkFreshDecoder();
  tally.read += read;
  tally[end]++;
}

describe('PacketDecoder, fed with damaged streams', () => {
  it(`[P4] reads or refuses ${FRAMES} frames, and never fails in another way`, { timeout: 60_000 }, () => {
    for (let seed = FIRST_SEED; tally.read + tally.refused + tally.incomplete < FRAMES; seed++) {
      try {
        fuzzStream(seed);
      } catch (error) {
        throw new Error(`the stream with seed ${seed} broke the decoder`, { cause: error });
      }
    }
    // The damage was neither too small to matter nor so large that nothing could be read.
    expect(tally.read).toBeGreaterThan(FRAMES / 4);
    expect(tally.complete).toBeGreaterThan(FRAMES / 100);
    expect(tally.refused).toBeGreaterThan(FRAMES / 20);
    expect(tally.incomplete).toBeGreaterThan(FRAMES / 100);
  });
});
