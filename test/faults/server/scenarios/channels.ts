/** Private connections: broken halves, ids that are guessed, replayed or taken. */
import type { Socket } from 'node:net';
import { howItEnds } from '../../../support/how-it-ends.ts';
import { long, packet, str } from '../../../support/rfc-peer.ts';
import { readByte, type Attack } from '../attack.ts';
import { FrameReader } from '../frames.ts';
import { Random } from '../random.ts';
import type { Scenario } from '../scenario.ts';
import { pause, within } from '../waiting.ts';

/** Frames of one opcode that a session gets, one after another. */
class Session {
  readonly name: string;
  readonly socket: Socket;
  readonly #frames: Buffer[] = [];
  readonly #waiting: { op: number; resolve: (frame: Buffer) => void }[] = [];

  private constructor(name: string, socket: Socket) {
    this.name = name;
    this.socket = socket;
    const reader = new FrameReader((op, _, frame) => {
      const at = this.#waiting.findIndex((each) => each.op === op);
      if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(Buffer.from(frame));
      else if (op !== 3) this.#frames.push(Buffer.from(frame));
    });
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
  }

  static async start(attack: Attack, name: string, address?: string): Promise<Session> {
    const session = new Session(name, await attack.login(name, address === undefined ? {} : { address }));
    await session.next(1);
    return session;
  }

  next(op: number): Promise<Buffer> {
    const at = this.#frames.findIndex((frame) => frame[0] === op);
    if (at >= 0) return Promise.resolve(this.#frames.splice(at, 1)[0]!);
    const frame = new Promise<Buffer>((resolve) => this.#waiting.push({ op, resolve }));
    return within(frame, `packet ${op} to ${this.name}`);
  }
}

async function agree(requester: Session, target: Session): Promise<bigint> {
  requester.socket.write(packet(5, str(requester.name), str(target.name)));
  await target.next(5);
  target.socket.write(packet(6, str(requester.name), str(target.name)));
  const [id] = await Promise.all([requester.next(8), target.next(8)]);
  return BigInt(id.readInt32BE(id.length - 4));
}

async function knock(attack: Attack, id: bigint, address?: string): Promise<Socket> {
  const socket = await attack.open(address === undefined ? {} : { address });
  socket.write(packet(9, long(id)));
  return socket;
}

/** A half that is established. */
async function enter(attack: Attack, id: bigint, address?: string): Promise<Socket> {
  const socket = await knock(attack, id, address);
  const byte = await within(readByte(socket), `ESTABLISHED of ${id}`);
  if (byte !== 10) throw new Error(`byte ${byte} instead of ESTABLISHED`);
  return socket;
}

/** A channel whose halves come from an address that nobody else has. */
async function openChannel(attack: Attack, requester: Session, target: Session): Promise<[Socket, Socket]> {
  const id = await agree(requester, target);
  const address = attack.address(Number(id % 1_000_000n));
  return Promise.all([enter(attack, id, address), enter(attack, id, address)]);
}

/** Sends until the other side is over. */
function stream(socket: Socket): void {
  const block = Buffer.alloc(65_536, 'x');
  const more = (): void => {
    while (socket.writable && socket.write(block));
  };
  socket.on('drain', more);
  more();
}

const resets: Scenario = {
  name: '[P14] RST in the middle of a relay is RST at the other half, never FIN',
  // Who asks for a private connection pays for its halves: here one asks for hundreds.
  server: { limits: { connectionsPerSecondPerAddress: 1_000_000 } },
  async run(attack) {
    const [alice, bob] = [await Session.start(attack, attack.name()), await Session.start(attack, attack.name())];
    const ends = { FIN: 0, RST: 0 };
    for (let times = 0; times < 4 * attack.scale.times; times++) {
      for (const broken of [0, 1] as const) {
        for (const direction of ['towards it', 'from it', 'both', 'neither'] as const) {
          const halves = await openChannel(attack, alice, bob);
          const [own, other] = [halves[broken], halves[1 - broken]!];
          if (direction === 'from it' || direction === 'both') stream(own);
          if (direction === 'towards it' || direction === 'both') stream(other);
          // A receiver that has not read yet, too.
          if (times % 2 === 0) other.resume();
          if (times % 4 < 2) own.resume();
          await pause(times % 4);
          own.resetAndDestroy();
          const end = await within(howItEnds(other), `the end, ${direction}`);
          ends[end] += 1;
          attack.expect(end === 'RST', `half ${broken} was reset, ${direction}, and the other one saw FIN`);
          other.destroy();
        }
      }
    }
    Object.assign(attack.figures, ends);
  },
};

const guesses: Scenario = {
  name: '[P12] guessed, replayed and third halves let nobody in, and keep nobody out',
  async run(attack) {
    const [alice, bob] = [
      await Session.start(attack, attack.name(), '127.0.4.1'),
      await Session.start(attack, attack.name(), '127.0.4.2'),
    ];
    const random = new Random(attack.scale.seed);
    const id = await agree(alice, bob);
    const halves = await Promise.all([enter(attack, id, '127.0.4.1'), enter(attack, id, '127.0.4.2')]);
    const over = await agree(alice, bob);
    const ended = await Promise.all([enter(attack, over, '127.0.4.1'), enter(attack, over, '127.0.4.2')]);
    for (const half of ended) half.destroy();
    const count = 300 * attack.scale.times;
    let closed = 0;
    await attack.each(count, 30, async (index) => {
      const wrong = [BigInt(1 + random.below(2 ** 31 - 1)), over, id][index % 3]!;
      // A third of them from one address, the others from many.
      const address = index % 9 < 3 ? '127.0.0.2' : attack.address(index);
      const socket = await knock(attack, wrong, address);
      const byte = await within(readByte(socket), 'the end of a half that nobody expects');
      if (byte === undefined) closed += 1;
      else attack.expect(false, `a wrong half (${['guessed', 'replayed', 'third'][index % 3]}) got byte ${byte}`);
      socket.destroy();
    });
    // The channel lives, and the same two open another one.
    halves[0].write('still here');
    const heard = within(new Promise((resolve) => halves[1].once('data', resolve)), 'what the channel carries');
    attack.expect(String(await heard) === 'still here', 'the channel lost its bytes');
    const another = await agree(alice, bob);
    await Promise.all([enter(attack, another, '127.0.4.1'), enter(attack, another, '127.0.4.2')]);
    Object.assign(attack.figures, { wrong: count, closed });
  },
};

const lateHalves: Scenario = {
  name: '[P12] halves that come late, as their channel was voided, do not shut their address out',
  async run(attack) {
    const alice = await Session.start(attack, attack.name(), '127.0.4.3');
    const mallory = await Session.start(attack, attack.name());
    for (let times = 0; times < 30; times++) {
      const id = await agree(mallory, alice);
      if (times % 2 === 0) {
        mallory.socket.write(packet(11, long(id), str(mallory.name), str(alice.name)));
        await alice.next(12);
      } else {
        const half = await knock(attack, id);
        await pause(2);
        half.resetAndDestroy();
        await pause(2);
      }
      const late = await knock(attack, id, '127.0.4.3');
      await pause(1);
      late.destroy();
    }
    const bob = await Session.start(attack, attack.name(), '127.0.4.4');
    const id = await agree(bob, alice);
    await Promise.all([enter(attack, id, '127.0.4.3'), enter(attack, id, '127.0.4.4')]);
  },
};

export const channelScenarios: readonly Scenario[] = [resets, guesses, lateHalves];
