import { describe, expect, it, vi } from 'vitest';
import type { ServerLimits } from '../../src/server/limits/server-limits.ts';
import { HeldDirectory, someTurns } from '../support/directories.ts';
import { packet, str } from '../support/rfc-peer.ts';
import { expectSilence, Rig, stopTheClock } from '../support/server-rig.ts';
import { within } from '../support/server-sockets.ts';

/** A server whose directory answers when the test says so, Alice who is in, and Bob whose claim is under way. */
async function claiming(limits: Partial<ServerLimits> = {}) {
  const directory = new HeldDirectory();
  const rig = await Rig.start({ maxForbiddenPackets: 1, ...limits }, { directory });
  const join = async (name: string) => {
    const joining = rig.join(name);
    await directory.waiting(1);
    directory.answer(true);
    return joining;
  };
  const alice = await join('alice');
  const bob = await rig.connect();
  bob.send(packet(0, str('bob')));
  await directory.waiting(1);
  return { rig, directory, join, alice, bob };
}

describe('while a claim is under way', () => {
  it('[P5] what came behind LOGIN waits, in order, and is not forbidden', async () => {
    const { rig, directory, alice, bob } = await claiming();
    bob.send(Buffer.concat([packet(3, str('bob'), str('1')), packet(4, str('bob'), str('alice'), str('2'))]));
    bob.send(packet(0, str('second')));
    await someTurns();
    await expectSilence(alice);
    directory.answer(true);
    expect(await bob.next()).toEqual({ op: 1 });
    expect(await alice.next()).toEqual({ op: 3, login: 'bob', msg: '1' });
    expect(await alice.next()).toMatchObject({ op: 4, msg: '2' });
    expect(await bob.next(2)).toEqual({ op: 2 });
    expect(await rig.stats()).toMatchObject({ forbidden: 0, clients: 2 });
  });

  it('[P5] what came behind a LOGIN that is refused is forbidden', async () => {
    const { rig, directory, alice, bob } = await claiming();
    bob.send(packet(3, str('bob'), str('1')));
    directory.answer(false);
    await within(bob.ended, 'the end of the connection');
    await expectSilence(alice);
    expect((await rig.stats()).forbidden).toBe(1);
  });

  it('[P8][P9] the client is not found, and hears nothing of what was said, before LOGIN_ACCEPTED', async () => {
    const { rig, directory, alice, bob } = await claiming();
    alice.say('before');
    alice.tell('bob', 'before');
    alice.request('bob');
    await alice.next(3);
    await expectSilence(alice);
    expect((await rig.stats()).clients).toBe(1);
    directory.answer(true);
    expect(await bob.next()).toEqual({ op: 1 });
    alice.say('after');
    expect(await bob.next()).toEqual({ op: 3, login: 'alice', msg: 'after' });
  });

  it('[P12] the client is not silent, and has all of its time again where it is refused', async () => {
    stopTheClock();
    const { rig, directory, bob } = await claiming({ identifyTimeoutMs: 2_000 });
    vi.advanceTimersByTime(4_000);
    directory.answer(false);
    expect(await bob.next()).toEqual({ op: 2 });
    expect((await rig.stats()).unidentified).toBe(0);
    vi.advanceTimersByTime(1_999);
    expect((await rig.stats()).unidentified).toBe(0);
    vi.advanceTimersByTime(1);
    await within(bob.ended, 'the end of the connection');
    expect((await rig.stats()).unidentified).toBe(1);
  });

  it.each(['RST', 'FIN'])('a client that leaves by %s has its claim undone', async (how) => {
    const { rig, directory, join, bob } = await claiming();
    if (how === 'RST') bob.socket.resetAndDestroy();
    else bob.end();
    await (how === 'RST' ? rig.log.until('connection lost') : someTurns());
    directory.answer(true);
    while (directory.released.length === 0) await someTurns();
    while ((await rig.stats()).connections > 1) await someTurns();
    expect(directory.released).toEqual(['bob']);
    expect((await rig.stats()).clients).toBe(1);
    await expectSilence(await join('bob'));
  });

  it('closing the server does not wait for it, and gives back what is granted afterwards', async () => {
    const { rig, directory, bob } = await claiming();
    await within(rig.server.close(), 'the close');
    expect(await bob.ended).toBe('end');
    directory.answer(true);
    await someTurns();
    expect(directory.released).toEqual(['alice', 'bob']);
    expect(await rig.stats()).toMatchObject({ clients: 0, connections: 0 });
  });
});

describe('a directory that fails', () => {
  it('has the login refused, with the reason in the log, and the client may try again', async () => {
    const { rig, directory, bob } = await claiming();
    directory.answer(Promise.reject(new Error('no quorum')));
    expect(await bob.next()).toEqual({ op: 2 });
    expect((await rig.log.until('login refused')).fields).toMatchObject({
      login: 'bob',
      why: 'the directory failed: no quorum',
    });
    const again = bob.login('bob');
    await directory.waiting(1);
    directory.answer(true);
    expect(await again).toBe(true);
    await expectSilence(bob);
  });

  it('has the login refused after 5 s without an answer; what it grants later is given back', async () => {
    stopTheClock();
    const { rig, directory, bob } = await claiming();
    vi.advanceTimersByTime(5_000);
    expect(await bob.next()).toEqual({ op: 2 });
    expect((await rig.log.until('login refused')).fields['why']).toBe('no answer from the directory within 5 s');
    directory.answer(true);
    await someTurns();
    expect(directory.released).toEqual(['bob']);
    expect((await rig.stats()).clients).toBe(1);
  });

  it('to give back what it granted late fails in silence', async () => {
    stopTheClock();
    const { directory, bob } = await claiming();
    let releases = 0;
    // Not a mock: those handle rejections.
    directory.release = () => {
      releases += 1;
      return Promise.reject(new Error('no quorum'));
    };
    vi.advanceTimersByTime(5_000);
    expect(await bob.next()).toEqual({ op: 2 });
    directory.answer(true);
    await someTurns(); // a rejection that nobody handles fails the test
    expect(releases).toBe(1);
  });

  it('to release a login has a line in the log', async () => {
    const { rig, directory, alice } = await claiming();
    vi.spyOn(directory, 'release').mockRejectedValue(new Error('no quorum'));
    alice.end();
    const line = await rig.log.until('login not released');
    expect(line).toMatchObject({ level: 'error', fields: { login: 'alice', why: 'no quorum' } });
  });
});
