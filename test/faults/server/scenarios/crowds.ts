/** What happens to thousands of sessions at once. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { packet, str } from '../../../support/rfc-peer.ts';
import { readByte, type Attack, type Scale } from '../attack.ts';
import type { Scenario } from '../scenario.ts';
import { holds, pause, within } from '../waiting.ts';

/** Files that this process, and so the server, may have open. */
function mostFiles(): number {
  const [, most] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return Number(most);
}

const sizeOf = ({ sessions }: Scale): number => Math.min(sessions, mostFiles() - 500);

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

/** Does something, and waits until each of them has been sent so much. */
async function everyoneGets(
  attack: Attack,
  members: readonly Member[],
  bytes: (name: string) => number,
  act: () => void,
) {
  const until = new Map(members.map((member) => [member, member.socket.bytesRead + bytes(member.name)]));
  act();
  const has = ([{ socket }, count]: [Member, number]): boolean => socket.bytesRead >= count || socket.destroyed;
  attack.expect(await holds(() => [...until].every(has), 20_000), 'not everyone has been sent what was to come');
}

/**
 * Has each of them do something, some hundred at a time: what comes at once is read in one turn, as the system hands it
 * over, and that alone takes long.
 */
async function inPieces(members: readonly Member[], act: (member: Member) => void): Promise<void> {
  for (let done = 0; done < members.length; done += 200) {
    members.slice(done, done + 200).forEach(act);
    await pause(10);
  }
}

const crowd: Scenario = {
  name: 'what happens to thousands of sessions at once takes no turn of the event loop for long',
  server: (scale) => ({ limits: { maxConnections: 2 * sizeOf(scale), packetTimeoutMs: 1_000, loginHoldMs: 0 } }),
  // No readers: the prober would speak to everybody, which is a load of its own.
  honest: ['prober', 'newcomers'],
  async run(attack) {
    const count = sizeOf(attack.scale);
    const members = await gather(attack, count);
    const [first, ...others] = members;
    const said = packet(3, str(first!.name), str('hello'));
    await everyoneGets(
      attack,
      members,
      () => said.length,
      () => first!.socket.write(said),
    );
    // All of them ask one, who leaves: KO goes to all.
    let asked = first!.socket.bytesRead;
    for (const { name } of others) asked += packet(5, str(name), str(first!.name)).length;
    await inPieces(others, ({ name, socket }) => socket.write(packet(5, str(name), str(first!.name))));
    attack.expect(await holds(() => first!.socket.bytesRead >= asked, 20_000), 'not all requests have come');
    await everyoneGets(
      attack,
      others,
      (name) => packet(7, str(name), str(first!.name)).length,
      () => first!.socket.end(),
    );
    // All of them begin a packet that never ends, and time out.
    await inPieces(others, ({ socket }) => socket.write(Buffer.from([3])));
    const closed = await holds(() => others.every(({ socket }) => socket.destroyed || socket.readableEnded), 20_000);
    attack.expect(closed, 'not all whose packet stays incomplete are closed');
    attack.figures['sessions'] = count;
  },
  beforeStop: async (attack) => void (await gather(attack, sizeOf(attack.scale))),
};

export const crowdScenarios: readonly Scenario[] = [crowd];
