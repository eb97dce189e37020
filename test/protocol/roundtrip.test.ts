import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_PACKET_BYTES, PacketDecoder, encodePacket } from '../../src/protocol/index.ts';
import { naivePacket } from '../support/naive-packets.ts';
import { chunkSizesArbitrary, packetArbitrary } from './arbitraries.ts';
import { WIDTHS, cut, readAll } from './reading.ts';

/** A failure is reported with the smallest packets found by then that show it, so the assertions need no diff. */
const LIMITS = { interruptAfterTimeLimit: 5_000 } as const;

describe.each(WIDTHS)('encoder and decoder, LONG of %i bytes', (longBytes) => {
  const packet = packetArbitrary(longBytes);
  const packets = fc.array(packet, { minLength: 1, maxLength: 12 });

  it('[RFC] the encoder writes any valid packet as the naive builder does', () => {
    fc.assert(
      fc.property(packet, (sent) => {
        const bytes = encodePacket(sent, longBytes);
        expect(bytes.equals(naivePacket(sent, longBytes))).toBe(true);
        expect(bytes.length).toBeLessThanOrEqual(MAX_PACKET_BYTES);
      }),
      { ...LIMITS, numRuns: 250 },
    );
  });

  it('[RFC] the decoder reads what the naive builder wrote, however it is cut', () => {
    fc.assert(
      fc.property(packets, chunkSizesArbitrary, (sent, sizes) => {
        const frames = sent.map((one) => naivePacket(one, longBytes));
        const decoder = new PacketDecoder({ longBytes });
        const received = readAll(decoder, cut(Buffer.concat(frames), sizes));
        expect(isDeepStrictEqual(received, { packets: sent, frames })).toBe(true);
        expect(decoder.hasPartialPacket).toBe(false);
      }),
      { ...LIMITS, numRuns: 100 },
    );
  });

  it('[RFC] what was encoded is decoded to the same packets, however it is cut', () => {
    fc.assert(
      fc.property(packets, chunkSizesArbitrary, (sent, sizes) => {
        const stream = Buffer.concat(sent.map((one) => encodePacket(one, longBytes)));
        const received = readAll(new PacketDecoder({ longBytes }), cut(stream, sizes));
        expect(isDeepStrictEqual(received.packets, sent)).toBe(true);
      }),
      { ...LIMITS, numRuns: 100 },
    );
  });

  it('[P7] what was received is encoded to the very bytes it came in', () => {
    fc.assert(
      fc.property(packet, (sent) => {
        const bytes = naivePacket(sent, longBytes);
        const [received] = readAll(new PacketDecoder({ longBytes }), [bytes]).packets;
        expect(encodePacket(received!, longBytes).equals(bytes)).toBe(true);
      }),
      { ...LIMITS, numRuns: 100 },
    );
  });

  it('[P4] a stream that ends anywhere gives the packets before its end, and keeps the start of the next', () => {
    fc.assert(
      fc.property(packets, fc.nat(), chunkSizesArbitrary, (sent, end, sizes) => {
        const frames = sent.map((one) => naivePacket(one, longBytes));
        const stream = Buffer.concat(frames);
        const received = stream.subarray(0, end % stream.length);
        const decoder = new PacketDecoder({ longBytes });
        const reading = readAll(decoder, cut(received, sizes));
        const wholeBytes = Buffer.concat(reading.frames).length;
        expect(isDeepStrictEqual(reading.packets, sent.slice(0, reading.packets.length))).toBe(true);
        expect(wholeBytes + frames[reading.packets.length]!.length).toBeGreaterThan(received.length);
        expect(decoder.hasPartialPacket).toBe(wholeBytes < received.length);
        expect(decoder.rest().equals(received.subarray(wholeBytes))).toBe(true);
      }),
      { ...LIMITS, numRuns: 100 },
    );
  });
});
