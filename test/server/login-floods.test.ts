import { expect, it, onTestFinished } from 'vitest';
import { Access } from '../../src/server/access/access.ts';
import type { Ban, BanKind } from '../../src/server/access/bans.ts';
import { packet, str } from '../support/rfc-peer.ts';
import { Rig } from '../support/server-rig.ts';

const PEER = { from: '192.0.2.7', fingerprint: undefined, certificate: undefined };

/** As many bans as there may be. */
function banned(kind: BanKind, what: (index: number) => string): Access {
  const access = new Access();
  const bans = Array.from({ length: 1_000 }, (_, index): Ban => ({ kind, what: what(index), since: new Date() }));
  access.bans.add(...bans);
  return access;
}

/** Milliseconds of the processor's time. */
function cpuMs(act: () => void): number {
  const before = process.cpuUsage();
  act();
  return process.cpuUsage(before).user / 1000;
}

it('[P19] who is banned and keeps coming costs as little beside a thousand bans as beside one', () => {
  const access = banned('from', (index) => `10.${index >> 8}.${index & 255}.0/24`);
  const ms = cpuMs(() => {
    for (let count = 0; count < 1_000; count += 1) expect(access.mayConnect('10.3.231.9')).toBe('banned');
  });
  expect(ms).toBeLessThan(1_000);
});

it.each([
  ['names', (index: number) => `spammer${index}`],
  ['beginnings', (index: number) => `spam${index}*`],
  ['stars', (index: number) => `*spam${index}*`],
  ['single letters', (index: number) => `??am${index}*`],
])('[P16] a thousand banned %s are looked through in a fraction of a millisecond for each LOGIN', (_, what) => {
  const access = banned('login', what);
  const logins = ['\uFDFA'.repeat(10), 'alice', 'sspammmmsspammmmsspammmm'];
  const ms = cpuMs(() => {
    for (let count = 0; count < 300; count += 1) access.mayLogin(logins[count % 3]!, PEER);
  });
  expect(ms).toBeLessThan(1_000);
});

it('[P16] LOGINs without end, on many connections, take a share of a turn of the event loop', async () => {
  const rig = await Rig.start({}, { deny: { login: 'mallory' } });
  const alice = await rig.join('alice');
  const peers = await Promise.all(Array.from({ length: 24 }, () => rig.connect()));
  let turn = 0;
  let isOver = false;
  const nextTurn = (): void => {
    turn += 1;
    if (!isOver) setImmediate(nextTurn);
  };
  nextTurn();
  onTestFinished(() => void (isOver = true));
  const inTurn = new Map<number, number>();
  rig.server.on('loginRefused', () => {
    inTurn.set(turn, (inTurn.get(turn) ?? 0) + 1);
    // As long as it takes where there are many rules.
    for (const end = performance.now() + 0.5; performance.now() < end;);
  });
  for (const peer of peers) peer.send(Buffer.concat(Array.from({ length: 30 }, () => packet(0, str('mallory')))));
  await Promise.all(
    peers.map(async (peer) => {
      for (let count = 0; count < 30; count += 1) expect(await peer.next()).toEqual({ op: 2 });
    }),
  );
  alice.tell('alice', 'still here');
  expect(await alice.next()).toMatchObject({ op: 4 });
  expect(Math.max(...inTurn.values())).toBeLessThan(10);
});
