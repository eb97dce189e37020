import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ConnectIds } from '../../../src/server/channels/connect-ids.ts';
import type { ConnectedClient } from '../../../src/server/directory.ts';
import { DEFAULT_SERVER_LIMITS } from '../../../src/server/limits/server-limits.ts';
import { agree, expectSilence, Rig, stopTheClock } from '../../support/server-rig.ts';

function clientOf(login: string, remoteAddress = '127.0.0.1'): ConnectedClient {
  const never = (): never => {
    throw new Error('an id is not sent here');
  };
  return {
    id: login,
    login,
    key: login,
    remoteAddress,
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
    const channel = ids.create(clientOf('alice'), clientOf('bob'))!;
    ids.retire(channel);
    vi.advanceTimersByTime(59_999);
    expect(ids.get(channel.id)).toBe(channel);
    vi.advanceTimersByTime(1);
    expect(ids.get(channel.id)).toBeUndefined();
    expect([...ids.all()]).toEqual([]);
  });

  /** As many as that, made and over. */
  const endedOf = (ids: ConnectIds, count: number, address: string, peer = '192.0.2.1') => {
    const [requester, target] = [clientOf('alice', address), clientOf('bob', peer)];
    const channels = Array.from({ length: count }, () => ids.create(requester, target)!);
    for (const channel of channels) ids.retire(channel);
    return channels;
  };

  it('is one of the newest 2,048 of the address that asked for them, which pushes out nobody else', () => {
    stopTheClock();
    const ids = new ConnectIds(DEFAULT_SERVER_LIMITS);
    const alive = ids.create(clientOf('alice', '2001:db8::1'), clientOf('bob'))!;
    const [others] = endedOf(ids, 1, '192.0.2.1');
    const over = [
      ...endedOf(ids, 17_000, '2001:db8::1'),
      // The same /64.
      ...endedOf(ids, 17_000, '2001:db8::2'),
    ];
    expect(ids.get(others!.id)).toBe(others);
    expect(over.findIndex((channel) => ids.get(channel.id) === channel)).toBe(34_000 - 2_048);
    expect(ids.get(alive.id)).toBe(alive);
    expect([...ids.all()]).toHaveLength(2_048 + 2);
    vi.advanceTimersByTime(60_100);
    expect([...ids.all()]).toEqual([alive]);
  });

  it('is one of the newest 32,768; those alive are not forgotten for them', () => {
    stopTheClock();
    const ids = new ConnectIds(DEFAULT_SERVER_LIMITS);
    const alive = ids.create(clientOf('alice'), clientOf('bob'))!;
    const over = Array.from({ length: 17 }, (_, index) => endedOf(ids, 2_000, `192.0.2.${index + 1}`)).flat();
    expect(over.findIndex((channel) => ids.get(channel.id) === channel)).toBe(34_000 - 32_768);
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
    const next = () => ids.create(clientOf('alice'), clientOf('bob'))!;
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
    expect((await rig.stats()).forbidden).toBe(0);
    vi.advanceTimersByTime(1);
    bob.close(id, 'alice', 'bob');
    await expectSilence(bob);
    expect((await rig.stats()).forbidden).toBe(1);
  });
});
