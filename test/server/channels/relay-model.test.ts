import { once } from 'node:events';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TcpTransport } from '../../../src/net/tcp-transport.ts';
import { openHalf } from '../../support/rfc-peer.ts';
import { agree, Rig } from '../../support/server-rig.ts';
import { pattern, within } from '../../support/server-sockets.ts';

const MIB = 1024 * 1024;
const MAX_WRITTEN_BYTES = 16 * MIB;
/** One case takes some milliseconds; on a busy machine, where all of them take minutes, seconds. */
const CASE_MS = 30_000;

/** How the server must say that the channel ended; where a side was reset after its end, either may come first. */
function outcomeOf(a: Side, b: Side): object {
  if (!a.wasReset && !b.wasReset) return { outcome: 'ended', bytes: a.writtenBytes + b.writtenBytes };
  return [a, b].some((side) => side.wasReset && !side.ended) ? { outcome: 'aborted' } : {};
}

/** One side of a channel, and the model of it: what it wrote before its end or reset, and what has come out of the other. */
class Side {
  readonly written: Buffer;
  writtenBytes = 0;
  receivedBytes = 0;
  ended = false;
  wasReset = false;
  /** The other side's end has come, and is one. */
  sawEnd = false;
  fault: string | undefined;
  readonly closed: Promise<void>;
  readonly transport: TcpTransport;
  other!: Side;

  constructor(transport: TcpTransport, seed: number, early: number) {
    this.transport = transport;
    this.written = pattern(MAX_WRITTEN_BYTES, seed);
    this.writtenBytes = early;
    const { stream } = transport;
    this.closed = new Promise((resolve) => stream.once('close', resolve));
  }

  listen(): void {
    const { stream } = this.transport;
    stream.on('data', (chunk: Buffer) => {
      const from = this.receivedBytes;
      this.receivedBytes += chunk.length;
      if (!chunk.equals(this.other.written.subarray(from, this.receivedBytes))) {
        this.fault ??= `other bytes than were written, from ${from} on`;
      }
      if (this.receivedBytes > this.other.writtenBytes) this.fault ??= 'bytes that nobody has written';
    });
    this.transport.onEnd(() => {
      this.sawEnd = true;
      const { ended, writtenBytes } = this.other;
      if (!ended) this.fault ??= 'an end that the other side has not made';
      if (this.receivedBytes !== writtenBytes)
        this.fault ??= `an end after ${this.receivedBytes} of ${writtenBytes} bytes`;
    });
  }

  /** What must have become of this side at last. */
  expected(): object {
    const { wasReset, ended, writtenBytes } = this.other;
    const always = { fault: undefined };
    if (wasReset) return ended ? always : { ...always, sawEnd: false, transport: { ending: 'aborted' } };
    if (this.wasReset) return always;
    return { ...always, sawEnd: true, receivedBytes: writtenBytes, transport: { ending: 'in order' } };
  }

  write(size: number): void {
    if (this.ended || this.wasReset) return;
    const bytes = this.written.subarray(this.writtenBytes, this.writtenBytes + size);
    this.writtenBytes += bytes.length;
    this.transport.stream.write(bytes);
  }

  end(): void {
    if (this.ended || this.wasReset) return;
    this.ended = true;
    this.transport.stream.end();
  }

  reset(): void {
    // Once both have ended, there may be nothing left to reset.
    if (this.wasReset || (this.ended && this.other.ended)) return;
    this.wasReset = true;
    this.transport.reset();
  }
}

const size = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 10 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 100_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: MIB, max: 6 * MIB }) },
);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ act: fc.constant('write' as const), a: fc.boolean(), size }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('stall' as const), a: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('read' as const), a: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('end' as const), a: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('reset' as const), a: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ act: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 40 }) }) },
);
const early = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 200_000 }));

describe.each(['auto', 'streams'] as const)('any course of a channel, relay %s', (relay) => {
  it('[P13][P14] gives each side what the other wrote, then its end; after a reset an abort, never an end', async () => {
    const rig = await Rig.start({}, { relay });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    await fc.assert(
      fc.asyncProperty(fc.tuple(early, early), fc.array(step, { maxLength: 40 }), async (earlyBytes, steps) => {
        const ended = once(rig.server, 'channelEnded');
        const id = await agree(alice, bob);
        const sockets = await Promise.all(
          earlyBytes.map((bytes, i) =>
            openHalf(rig.port[4], id, { early: pattern(MAX_WRITTEN_BYTES, i + 1).subarray(0, bytes) }),
          ),
        );
        const sides = sockets.map((socket, i) => new Side(new TcpTransport(socket), i + 1, earlyBytes[i]!));
        const [a, b] = sides as [Side, Side];
        [a.other, b.other] = [b, a];
        sides.forEach((side) => side.listen());
        try {
          for (const each of steps) {
            if (each.act === 'turns') {
              for (let i = 0; i < each.count; i += 1) await new Promise((resolve) => setImmediate(resolve));
              continue;
            }
            const side = each.a ? a : b;
            if (each.act === 'write') side.write(each.size);
            else if (each.act === 'stall') side.transport.stream.pause();
            else if (each.act === 'read') side.transport.stream.resume();
            else if (each.act === 'end') side.end();
            else side.reset();
          }
          for (const side of sides) {
            side.transport.stream.resume();
            // A reset that follows an end in order is noticed where something is sent to that side.
            if (!side.other.wasReset || side.other.ended) side.end();
          }
          await within(Promise.all(sides.map((side) => side.closed)), 'the end of both sides', CASE_MS);
          for (const side of sides) expect(side).toMatchObject(side.expected());
          const [, outcome, bytes] = (await within(ended, 'the event of its end', CASE_MS)) as [
            unknown,
            string,
            number,
          ];
          expect({ outcome, bytes }).toMatchObject(outcomeOf(a, b));
          expect(await rig.stats()).toMatchObject({ channels: 0, connections: 2 });
        } finally {
          sides.forEach((side) => side.transport.stream.destroy());
        }
      }),
      { seed: 9, numRuns: 80 },
    );
  }, 600_000);
});
