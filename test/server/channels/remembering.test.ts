import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ConnectIds } from '../../../src/server/channels/connect-ids.ts';
import type { ConnectedClient } from '../../../src/server/directory.ts';
import { DEFAULT_SERVER_LIMITS } from '../../../src/server/limits/server-limits.ts';
import { agree, expectSilence, Rig, stopTheClock } from '../../support/server-rig.ts';

function clientOf(login: string): ConnectedClient {
  const never = (): never => {
    throw new Error('an id is not sent here');
  };
  return {
    id: login,
    login,
    key: login,
    remoteAddress: '127.0.0.1',
    longBytes: 4,
    send: never,
    sendBytes: never,
    flush: never,
  };
}

describe('an id that is over', () => {
  it('is remembered for a minute', () => {
    stopTheClock();
    const ids = new ConnectIds(DEFAULT_SERVER_LIMITS);
    const channel = ids.create(clientOf('alice'), clientOf('bob'));
    ids.retire(channel);
    vi.advanceTimersByTime(59_999);
    expect(ids.get(channel.id)).toBe(channel);
    vi.advanceTimersByTime(1);
    expect(ids.get(channel.id)).toBeUndefined();
    expect([...ids.all()]).toEqual([]);
  });

  it('is one of 32,768 that are remembered, the newest; those alive are not forgotten for them', () => {
    stopTheClock();
    const ids = new ConnectIds(DEFAULT_SERVER_LIMITS);
    const [alice, bob] = [clientOf('alice'), clientOf('bob')];
    const alive = ids.create(alice, bob);
    const over = Array.from({ length: 32_769 }, () => ids.create(alice, bob));
    for (const channel of over) ids.retire(channel);
    expect(ids.get(over[0]!.id)).toBeUndefined();
    expect(ids.get(over[1]!.id)).toBe(over[1]);
    expect(ids.get(alive.id)).toBe(alive);
    expect([...ids.all()]).toHaveLength(32_769);
    expect(vi.getTimerCount()).toBe(1);
  });

  it('[P11] is not given out again while it is remembered, nor one that is alive, nor 0', () => {
    stopTheClock();
    const dice = [0, 1, 1, 2, 2, 1, 3].map((id) => Buffer.from([0, 0, 0, id * 2, 0, 0, 0, 0]));
    vi.spyOn(crypto, 'randomBytes').mockImplementation((): Buffer => dice.shift()!);
    syncBuiltinESMExports();
    onTestFinished(() => {
      vi.restoreAllMocks();
      syncBuiltinESMExports();
    });
    const ids = new ConnectIds(DEFAULT_SERVER_LIMITS);
    const next = () => ids.create(clientOf('alice'), clientOf('bob'));
    const first = next();
    ids.retire(next());
    expect([first.id, next().id]).toEqual([1n, 3n]);
  });

  it('[P5] makes a CLOSE late for that minute, and forbidden afterwards', async () => {
    stopTheClock();
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const id = await agree(alice, bob);
    alice.close(id, 'alice', 'bob');
    await bob.next(12);
    vi.advanceTimersByTime(59_999);
    bob.close(id, 'alice', 'bob');
    await expectSilence(bob);
    expect(rig.server.stats.forbidden).toBe(0);
    vi.advanceTimersByTime(1);
    bob.close(id, 'alice', 'bob');
    await expectSilence(bob);
    expect(rig.server.stats.forbidden).toBe(1);
  });
});
