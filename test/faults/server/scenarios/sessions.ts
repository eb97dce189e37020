/** Many that come and go, and what they leave behind. */
import { packet, str } from '../../../support/rfc-peer.ts';
import { readByte, type Attack } from '../attack.ts';
import type { Scenario } from '../scenario.ts';
import { holds, pause, within } from '../waiting.ts';

const churn: Scenario = {
  name: 'sessions that come, speak and leave leave nothing behind',
  async run(attack) {
    const count = 900 * attack.scale.times;
    await attack.each(count, 16, async (index) => {
      const name = attack.name();
      const socket = await attack.login(name, { address: attack.address(index) });
      attack.expect((await within(readByte(socket), 'LOGIN_ACCEPTED')) === 1, `${name} is refused`);
      socket.resume();
      socket.write(packet(4, str(name), str(name), str('bye')));
      if (index % 2 === 0) socket.resetAndDestroy();
      else socket.end();
      if (index % 2 === 1) await within(new Promise((resolve) => socket.once('close', resolve)), 'the end');
    });
    attack.figures['sessions'] = count;
  },
};

const shortSessions: Scenario = {
  name: '[P10] requests of thousands of short sessions cost their target no time later',
  async run(attack) {
    const count = Math.min(20_000, 2_000 * attack.scale.times);
    const target = await attack.login('target');
    await readByte(target);
    target.resume();
    await attack.each(count, 16, async (index) => {
      const name = attack.name();
      const socket = await attack.login(name, { address: attack.address(index) });
      socket.end(packet(5, str(name), str('target')));
      socket.resume();
      await within(new Promise((resolve) => socket.once('close', resolve)), 'the end of a short session');
    });
    const asked = packet(5, str('target'), str('prober'));
    for (let sent = 0; sent < 325_000; sent += asked.length) target.write(asked);
    for (let i = 0; i < 70; i++) target.write(packet(5, str('target'), str(['fast-reader', 'slow-reader'][i % 2]!)));
    await pause(attack.scale.floodMs);
    attack.figures['sessions'] = count;
  },
};

/** Sessions that ask each of 64 others, before they leave or stay. */
async function askEverybody(attack: Attack, count: number, stay: boolean): Promise<void> {
  const targets = Array.from({ length: 64 }, () => attack.name());
  for (const [index, target] of targets.entries()) {
    (await attack.login(target, { address: attack.address(800_000 + (index >> 3)) })).resume();
  }
  await attack.each(count, 16, async (index) => {
    const name = attack.name();
    const socket = await attack.login(name, { address: attack.address(index) });
    const requests = Buffer.concat(targets.map((target) => packet(5, str(name), str(target))));
    socket.resume();
    if (stay) socket.write(requests);
    else await within(new Promise((resolve) => socket.once('close', resolve).end(requests)), 'the end of a session');
  });
  attack.figures['requests'] = count * targets.length;
}

const abandonedRequests: Scenario = {
  name: '[P10] requests are forgotten with those who made them',
  run: (attack) => askEverybody(attack, 200 * attack.scale.times, false),
  async inspect(attack) {
    const grown = (await attack.server.memory()).usedMiB - attack.usedMiBBefore;
    attack.figures['kept MiB'] = grown.toFixed(1);
    attack.expect(grown < 3, `${grown.toFixed(1)} MiB are kept of sessions that have left`);
  },
};

const expiringRequests: Scenario = {
  name: '[P10] thousands of requests that expire at once stop nobody',
  server: { limits: { requestTimeoutMs: 1_000 } },
  async run(attack) {
    await askEverybody(attack, 100 * attack.scale.times, true);
    await pause(1_300);
  },
};

const oneAddress: Scenario = {
  name: '[P19] one address cannot take the places of all others',
  server: { limits: { maxConnections: 300 } },
  async run(attack) {
    const count = 400 * attack.scale.times;
    let open = 0;
    await attack.each(count, 50, async () => {
      const socket = await attack.open();
      if (!socket.destroyed) open += 1;
      socket.once('end', () => (open -= 1)).resume();
    });
    // Newcomers from other addresses come meanwhile: they are those who must not notice.
    await pause(attack.scale.floodMs);
    Object.assign(attack.figures, { opened: count, open });
  },
};

const descriptors: Scenario = {
  name: 'out of descriptors, anyone who is in stays, one line a second says so, and newcomers are let in again afterwards',
  server: { descriptors: 64 },
  honest: ['prober', 'readers'],
  async run(attack) {
    const logged = attack.server.logBytes;
    await attack.each(200, 50, async (index) => void (await attack.open({ address: attack.address(index >> 3) })));
    await pause(attack.scale.floodMs);
    const log = attack.server.log.slice(logged);
    const lines = log.split('\n').filter((line) => /descriptor|EMFILE|not accepted/i.test(line));
    attack.figures['log lines'] = log.split('\n').length - 1;
    attack.expect(lines.length > 0, 'no line in the log says that descriptors are out');
    attack.expect(log.length < 20_000, `${log.length} bytes were logged`);
    attack.leave();
    attack.expect(await holds(() => comesIn(attack), 5_000), 'nobody is let in afterwards');
  },
};

async function comesIn(attack: Attack): Promise<boolean> {
  const socket = await attack.login(attack.name(), { address: '127.0.0.9' });
  const byte = await Promise.race([readByte(socket), pause(500)]);
  socket.destroy();
  return byte === 1;
}

export const sessionScenarios: readonly Scenario[] = [
  churn,
  shortSessions,
  abandonedRequests,
  expiringRequests,
  oneAddress,
  descriptors,
];
