/** Every packet, cut, dribbled and mutated. */
import type { Socket } from 'node:net';
import { howItEnds } from '../../../support/how-it-ends.ts';
import { int, long, packet, str, type LongBytes } from '../../../support/rfc-peer.ts';
import type { Attack } from '../attack.ts';
import { Random } from '../random.ts';
import type { Scenario } from '../scenario.ts';
import { within } from '../waiting.ts';

/** One packet of each opcode, well-formed, as this client could send it. */
export function allPackets(name: string, longBytes: LongBytes, id = 77n): Buffer[] {
  const [me, other] = [str(name), str('prober')];
  return [
    packet(0, me),
    packet(1),
    packet(2),
    packet(3, me, str('hi')),
    packet(4, me, other, str('é')),
    packet(5, me, other),
    packet(6, other, me),
    packet(7, other, me),
    packet(8, me, other, long(id, longBytes)),
    packet(9, long(id, longBytes)),
    packet(10),
    packet(11, long(id, longBytes), me, other),
    packet(12, other),
  ];
}

interface Cut {
  readonly longBytes: LongBytes;
  readonly op: number;
  readonly size: number;
  readonly reset: boolean;
}

function allCuts(): Cut[] {
  const cuts: Cut[] = [];
  for (const longBytes of [4, 8] as const) {
    for (const [op, bytes] of allPackets('m1000', longBytes).entries()) {
      for (let size = 1; size < bytes.length; size++) {
        for (const reset of [false, true]) cuts.push({ longBytes, op, size, reset });
      }
    }
  }
  return cuts;
}

const cutEverywhere: Scenario = {
  name: '[P4] every packet cut at every byte, the connection ended or reset there, costs nobody else anything',
  async run(attack) {
    const cuts = allCuts();
    let count = 0;
    for (let times = 0; times < attack.scale.times; times++) {
      // Before identification and behind it.
      for (const identified of [true, false]) {
        // In the short form, every other cut is ended, and those between are reset; then the other way about.
        const chosen =
          attack.scale.times > 1 ? cuts : cuts.filter(({ size, reset }) => ((size + +reset) % 2 === 0) === identified);
        await attack.each(chosen.length, 40, async (index) => {
          const { longBytes, op, size, reset } = chosen[index]!;
          count += 1;
          const name = attack.name();
          const socket = await attack.open({ address: attack.address(count), longBytes });
          const bytes = allPackets(name, longBytes)[op]!.subarray(0, size);
          socket.write(identified ? Buffer.concat([packet(0, str(name)), bytes]) : bytes);
          if (!reset) {
            socket.end();
            await within(howItEnds(socket), `the end behind ${size} bytes of packet ${op}`);
          }
          socket.resetAndDestroy();
        });
      }
    }
    attack.figures['connections'] = count;
  },
};

const mutatedFrames: Scenario = {
  name: '[P4] mutated frames end connections, and nothing else',
  async run(attack) {
    const { seed, mutatedFrames: frames } = attack.scale;
    const random = new Random(seed);
    let [sent, connections] = [0, 0];
    attack.figures['seed'] = seed;
    await attack.each(16, 16, async () => {
      while (sent < frames) {
        connections += 1;
        const count = await sendMutated(attack, random, connections);
        sent += count;
      }
    });
    attack.figures['frames'] = sent;
    attack.figures['connections'] = connections;
  },
};

/** A session that sends some thirty frames, a third of them mutated; returns how many of those. */
async function sendMutated(attack: Attack, random: Random, index: number): Promise<number> {
  const longBytes = random.one([4, 8] as const);
  const socket = await attack.open({ address: attack.address(index), longBytes });
  const name = attack.name();
  const valid = allPackets(name, longBytes, BigInt(random.below(2 ** 31)));
  const frames = random.chance(0.8) ? [packet(0, str(name))] : [];
  let count = 0;
  for (let i = 0; i < 30; i++) {
    const mutated = random.chance(1 / 3);
    if (mutated) count += 1;
    frames.push(mutated ? mutate(random.one(valid), random) : valid[random.one([0, 3, 3, 4, 4, 5, 11])]!);
  }
  const bytes = Buffer.concat(frames);
  socket.resume();
  // In up to four pieces, cut anywhere.
  for (let at = 0, pieces = 0; at < bytes.length && socket.writable; pieces++) {
    const size = pieces === 3 ? bytes.length : 1 + random.below(bytes.length);
    socket.write(bytes.subarray(at, (at += size)));
    await turn();
  }
  if (random.chance(0.5)) socket.resetAndDestroy();
  else if (socket.writable) await new Promise((resolve) => socket.once('close', resolve).end());
  return count;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

function mutate(frame: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(frame);
  const at = random.below(bytes.length);
  switch (random.below(6)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      bytes[at] = random.below(256);
      return bytes;
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes]);
    default: {
      // A size at the edge of what is allowed, or of what an INT is.
      const size = int(random.one([-(2 ** 31), -1, 0, 1, 30, 31, 1024, 1025, 65_536, 2 ** 31 - 1]));
      return Buffer.concat([bytes.subarray(0, 1), size, bytes.subarray(5), random.bytes(random.below(40))]);
    }
  }
}

const slow: Scenario = {
  name: '[P4] [P12] silent and dribbling connections by the hundred are closed in time, and nobody waits for them',
  server: { limits: { identifyTimeoutMs: 1_000, packetTimeoutMs: 1_000 } },
  async run(attack) {
    const count = 300 * attack.scale.times;
    const sockets: Socket[] = [];
    await attack.each(count, 50, async (index) => {
      sockets.push(await attack.open({ address: attack.address(index >> 3) }));
    });
    const ends = Promise.all(sockets.map((socket) => howItEnds(socket)));
    const slowBytes = packet(3, str('m'), str('x'.repeat(900)));
    let at = 0;
    // A third never says anything, a third dribbles a LOGIN that never ends, a third a message behind its LOGIN.
    for (const [index, socket] of sockets.entries()) if (index % 3 === 2) socket.write(packet(0, str(attack.name())));
    const timer = setInterval(() => {
      for (const [index, socket] of sockets.entries()) {
        if (index % 3 === 0 || !socket.writable) continue;
        socket.write(
          index % 3 === 1 ? packet(0, str('m'.repeat(900))).subarray(at, at + 1) : slowBytes.subarray(at, at + 1),
        );
      }
      at += 1;
    }, 50);
    attack.expect(
      await within(ends, 'the end', 6_000 + count).then(
        () => true,
        () => false,
      ),
      'they are not all closed',
    );
    clearInterval(timer);
    attack.figures['connections'] = count;
  },
};

export const packetScenarios: readonly Scenario[] = [cutEverywhere, mutatedFrames, slow];
