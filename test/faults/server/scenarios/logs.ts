/** The log as a target. */
import { packet, str } from '../../../support/rfc-peer.ts';
import type { Attack } from '../attack.ts';
import type { Scenario } from '../scenario.ts';

/** What may be logged in a second, however much there is to say. */
const MAX_BYTES_A_SECOND = 20_000;

async function bounded(attack: Attack, run: () => Promise<void>): Promise<void> {
  const [logged, began] = [attack.server.logBytes, performance.now()];
  await run();
  const [bytes, seconds] = [attack.server.logBytes - logged, (performance.now() - began) / 1_000];
  attack.figures['log KB/s'] = (bytes / 1_000 / seconds).toFixed(1);
  attack.expect(
    bytes < MAX_BYTES_A_SECOND * Math.max(1, seconds),
    `${Math.round(bytes / 1_000 / seconds)} KB/s were logged`,
  );
}

const refusedLogins: Scenario = {
  name: 'refused logins of 1,000 bytes do not flood the log',
  async run(attack) {
    const frame = packet(0, str('\u0007'.repeat(1_000)));
    await bounded(attack, async () => {
      const flooders = Array.from({ length: 4 }, async () => {
        const socket = await attack.open();
        socket.resume();
        await attack.flood(socket, Buffer.concat(Array<Buffer>(16).fill(frame)));
      });
      await Promise.all(flooders);
    });
  },
};

const forbidden: Scenario = {
  name: 'connections that are closed for forbidden packets do not flood the log',
  async run(attack) {
    const end = performance.now() + attack.scale.floodMs;
    let count = 0;
    await bounded(attack, () =>
      attack.each(16, 16, async () => {
        while (performance.now() < end) {
          count += 1;
          const socket = await attack.open({ address: attack.address(count) });
          socket.resume();
          socket.end(Buffer.alloc(8, 1));
          if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
        }
      }),
    );
    attack.figures['connections'] = count;
  },
};

const stalled: Scenario = {
  name: 'a log that nobody reads costs lines, and neither memory nor the exit',
  server: { stalledLog: true },
  async run(attack) {
    const frame = packet(0, str('x'.repeat(1_000)));
    await attack.each(8, 8, async (index) => {
      for (let i = 0; i < 100 * attack.scale.times; i++) {
        const socket = await attack.open({ address: attack.address(index * 100_000 + i) });
        socket.resume();
        socket.end(Buffer.concat([frame, frame, frame, Buffer.alloc(8, 1)]));
        if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
      }
    });
  },
};

export const logScenarios: readonly Scenario[] = [refusedLogins, forbidden, stalled];
