import { channel as diagnostics } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Rig, stopTheClock, turns } from '../../support/server-rig.ts';
import { endOf, readExactly } from '../../support/server-sockets.ts';

const LOOK_MS = 5_000;

/** Alice and Bob with a channel, and the server's own end of Alice's session. */
async function withSession() {
  const accepted: Socket[] = [];
  const keep = (message: unknown): void => void accepted.push((message as { socket: Socket }).socket);
  diagnostics('net.server.socket').subscribe(keep);
  onTestFinished(() => {
    diagnostics('net.server.socket').unsubscribe(keep);
  });
  stopTheClock();
  const rig = await Rig.start();
  const channel = await rig.channel();
  return { rig, ...channel, session: accepted[0]! };
}

describe.each(['ETIMEDOUT', 'EHOSTUNREACH'])('a session that ends with %s', (code) => {
  async function lost() {
    const world = await withSession();
    world.session.destroy(Object.assign(new Error(code), { code }));
    await world.rig.log.until('connection lost');
    return world;
  }

  it('[P14] takes a channel along on which nothing moves: both sides see an abort', async () => {
    const { rig, a, b } = await lost();
    vi.advanceTimersByTime(LOOK_MS);
    expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['RST', 'RST']);
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('dead link');
  });

  it('[P14] leaves a channel on which bytes come', async () => {
    const { rig, a, b, bob } = await lost();
    a.write('alive');
    await readExactly(b, 5);
    vi.advanceTimersByTime(LOOK_MS);
    await turns(bob);
    expect((await rig.stats()).channels).toBe(1);
  });
});

it('[P14] a session that is broken off, or ended, leaves a channel on which nothing moves', async () => {
  const { rig, alice, bob, session } = await withSession();
  session.destroy(Object.assign(new Error('ECONNRESET'), { code: 'ECONNRESET' }));
  await rig.log.until('connection lost');
  bob.destroy();
  await rig.left('bob');
  alice.destroy();
  vi.advanceTimersByTime(2 * LOOK_MS);
  await turns(await rig.join('carol'));
  expect((await rig.stats()).channels).toBe(1);
});
