import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { memoryPair } from './memory-channels.ts';
import { Collector, lentSource, pipeBoth } from './rig.ts';

const KIB = 1024;

function pieces(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

describe('VerifiedPipe', () => {
  it('carries both streams, and is done when both outputs have everything', async () => {
    const [there, back] = [randomBytes(300 * KIB + 1), randomBytes(90 * KIB + 7)];
    const outputs = { requester: new Collector(), target: new Collector() };
    const result = await pipeBoth({
      requester: { input: lentSource(pieces(there, 10_000)), output: outputs.requester, windowBytes: 64 * KIB },
      target: { input: lentSource(pieces(back, 999)), output: outputs.target, windowBytes: 64 * KIB },
    });
    expect(result).toEqual({
      requester: { sent: there.length, received: back.length },
      target: { sent: back.length, received: there.length },
      opened: 1,
    });
    expect(outputs.target.bytes.equals(there)).toBe(true);
    expect(outputs.requester.bytes.equals(back)).toBe(true);
    expect([outputs.requester.ended, outputs.target.ended]).toEqual([true, true]);
  });

  it('goes on over another connection, with no byte lost or doubled', async () => {
    const there = randomBytes(300 * KIB);
    const output = new Collector();
    const result = await pipeBoth({
      requester: { input: lentSource(pieces(there, 10_000)), output: new Collector(), windowBytes: 64 * KIB },
      target: { input: lentSource([]), output, windowBytes: 64 * KIB },
      reconnect: true,
      connections: [5_000, 100_001, 50].map(
        (breakAfterBytes) => () => memoryPair({ breakAfterBytes, pieceBytes: () => 999 }),
      ),
    });
    expect(result).toMatchObject({ requester: { sent: there.length }, target: { received: there.length }, opened: 4 });
    expect(output.bytes.equals(there)).toBe(true);
  });
});
