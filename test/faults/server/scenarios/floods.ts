/** Bytes as fast as the server takes them, from one address, and readers that take nothing. */
import { packet, str } from '../../../support/rfc-peer.ts';
import type { Attack } from '../attack.ts';
import { readByte } from '../attack.ts';
import type { Scenario } from '../scenario.ts';
import { pause } from '../waiting.ts';

/** 64 KiB of one packet over and over. */
const block = (frame: Buffer): Buffer => Buffer.concat(Array<Buffer>(Math.ceil(65_536 / frame.length)).fill(frame));

/** Packets that seem to cost the server nothing, and are sent so fast that they do. */
const TINY: Readonly<Record<string, (name: string) => Buffer>> = {
  'LOGIN of a client that is identified': (name) => packet(0, str(name)),
  'REQUEST_PRIVATE to nobody': (name) => packet(5, str(name), str('x')),
  'MESSAGE_PRIVATE to nobody': (name) => packet(4, str(name), str('x'), str('')),
};

const tiny: Scenario[] = Object.entries(TINY).flatMap(([what, frame]) =>
  [5, 20].map((flooders) => ({
    name: `[P16] [P17] ${flooders} connections that send ${what} at full speed`,
    soakOnly: flooders === 20 && !what.startsWith('LOGIN'),
    async run(attack: Attack) {
      const taken = await Promise.all(
        Array.from({ length: flooders }, async () => {
          const name = attack.name();
          const socket = await attack.login(name);
          socket.resume();
          return attack.flood(socket, block(frame(name)));
        }),
      );
      attack.figures['taken MB'] = megabytes(taken);
    },
  })),
);

const slowReaders: Scenario = {
  name: '[P17] a flood of MESSAGE by one address costs no reader at 256 KiB/s its session',
  async run(attack) {
    const name = attack.name();
    const socket = await attack.login(name);
    socket.resume();
    const taken = await attack.flood(socket, block(packet(3, str(name), str('x'.repeat(1_024)))));
    attack.figures['taken MB'] = megabytes([taken]);
  },
};

const oneReader: Scenario = {
  name: '[P17] [P7a] a flood of MESSAGE_PRIVATE to a reader at 256 KiB/s costs it neither its session nor its login',
  async run(attack) {
    const name = attack.name();
    const socket = await attack.login(name);
    const flood = attack.flood(socket, block(packet(4, str(name), str('slow-reader'), str('x'.repeat(1_024)))));
    const end = performance.now() + attack.scale.floodMs;
    while (performance.now() < end) {
      const thief = await attack.login('slow-reader', { address: '127.0.0.3' });
      attack.expect((await readByte(thief)) === 2, 'somebody else has got the login of the reader');
      thief.destroy();
      await pause(200);
    }
    attack.figures['taken MB'] = megabytes([await flood]);
  },
};

const frozenReaders: Scenario = {
  name: '[P18] 200 frozen readers under a flood take bounded memory, and no time of others',
  maxPeakMiB: 400,
  async run(attack) {
    await freeze(attack, 200);
    // Five floods, as one address alone is slowed.
    const taken = await Promise.all(
      [1, 2, 3, 4, 5].map(async (index) => {
        const name = attack.name();
        const socket = await attack.login(name, { address: attack.address(900_000 + index) });
        socket.resume();
        return attack.flood(socket, block(packet(3, str(name), str('x'.repeat(1_024)))));
      }),
    );
    attack.figures['taken MB'] = megabytes(taken);
  },
};

const smallHeap: Scenario = {
  name: '[P18] tiny messages to 100 frozen readers do not exhaust a heap of 128 MB',
  // As few readers as make the short form short enough exhaust a smaller one.
  server: (scale) => ({ nodeArgs: [`--max-old-space-size=${scale.times > 1 ? 128 : 48}`] }),
  async run(attack) {
    const frozen = await freeze(attack, 100);
    const filler = attack.name();
    const socket = await attack.login(filler, { address: attack.address(900_000) });
    // First what the system takes for connections that do not read.
    const full = frozen.map((name) => block(packet(4, str(filler), str(name), str('x'.repeat(1_024)))));
    for (let i = 0; i < 5; i++) for (const bytes of full) socket.write(bytes);
    const end = performance.now() + attack.scale.floodMs * 3;
    let messages = 0;
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const name = attack.name();
        const talker = await attack.login(name, { address: attack.address(900_001 + index) });
        let echoes = 0;
        const frame = packet(3, str(name), str(''));
        talker.on('data', () => {
          echoes += 1;
          if (performance.now() < end && talker.writable) talker.write(frame);
        });
        await pause(end - performance.now());
        messages += echoes;
      }),
    );
    attack.figures['messages'] = messages;
  },
};

/** Clients that log in and read nothing. */
async function freeze(attack: Attack, count: number): Promise<string[]> {
  const names: string[] = [];
  await attack.each(count, 20, async (index) => {
    const name = attack.name();
    const reader = await attack.login(name, { address: attack.address(index >> 3) });
    await readByte(reader);
    names.push(name);
  });
  return names;
}

const megabytes = (taken: readonly number[]): string => (taken.reduce((sum, bytes) => sum + bytes, 0) / 1e6).toFixed(1);

export const floodScenarios: readonly Scenario[] = [...tiny, slowReaders, oneReader, frozenReaders, smallHeap];
