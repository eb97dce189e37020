/** What happens to thousands of sessions at once. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { packet, str } from '../../../support/rfc-peer.ts';
import { readByte, type Attack, type Scale } from '../attack.ts';
import type { Scenario } from '../scenario.ts';
import { holds, within } from '../waiting.ts';

/** Files that this process, and so the server, may have open. */
function mostFiles(): number {
  const [, most] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return Number(most);
}

const sizeOf = ({ times }: Scale): number => (times > 1 ? Math.min(20_000, mostFiles() - 500) : 1_000);

interface Member {
  readonly name: string;
  readonly socket: Socket;
}

/** Clients that log in, and read on. */
async function gather(attack: Attack, count: number): Promise<Member[]> {
  const members: Member[] = [];
  await attack.each(count, 32, async (index) => {
    const name = attack.name();
    const socket = await attack.login(name, { address: attack.address(index >> 5) });
    const byte = await within(readByte(socket), 'LOGIN_ACCEPTED', 20_000);
    attack.expect(byte === 1, `${name} is answered by ${byte}`);
    members.push({ name, socket: socket.resume() });
  });
  return members;
}

/** Does something, and waits until each of them has been sent so much more. */
async function everyoneGets(attack: Attack, members: readonly Member[], bytes: number, act: () => void) {
  const before = members.map(({ socket }) => socket.bytesRead);
  act();
  const all = await holds(
    () => members.every(({ socket }, index) => socket.bytesRead >= before[index]! + bytes || socket.destroyed),
    20_000,
  );
  attack.expect(all, `not everyone has got ${bytes} bytes`);
}

const crowd: Scenario = {
  name: 'what happens to thousands of sessions at once takes no turn of the event loop for long',
  server: (scale) => ({ limits: { maxConnections: 2 * sizeOf(scale), packetTimeoutMs: 1_000 } }),
  // No readers: the prober would speak to everybody, which is a load of its own.
  honest: ['prober', 'newcomers'],
  async run(attack) {
    const count = sizeOf(attack.scale);
    const members = await gather(attack, count);
    const [first, ...others] = members;
    const said = packet(3, str(first!.name), str('hello'));
    await everyoneGets(attack, members, said.length, () => first!.socket.write(said));
    // All of them ask one, who leaves: KO goes to all.
    await everyoneGets(attack, others, packet(7, str(''), str(first!.name)).length, () => {
      for (const { name, socket } of others) socket.write(packet(5, str(name), str(first!.name)));
      setTimeout(() => first!.socket.end(), 1_000);
    });
    // All of them begin a packet that never ends, and time out.
    for (const { socket } of others) socket.write(Buffer.from([3]));
    const closed = await holds(() => others.every(({ socket }) => socket.destroyed || socket.readableEnded), 20_000);
    attack.expect(closed, 'not all whose packet stays incomplete are closed');
    attack.figures['sessions'] = count;
  },
  beforeStop: async (attack) => void (await gather(attack, sizeOf(attack.scale))),
};

export const crowdScenarios: readonly Scenario[] = [crowd];
