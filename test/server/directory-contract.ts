import { describe, expect, it } from 'vitest';
import type { Claim, ConnectedClient, Directory } from '../../src/server/directory.ts';
import { skeletonsOf } from '../../src/server/logins/look-alikes.ts';
import { loginKey } from '../../src/util/login-key.ts';

const claimOf = (id: string, login: string): Claim => ({
  id,
  login,
  key: loginKey(login),
  skeletons: skeletonsOf(login),
  source: '192.0.2.1',
});

/** A client to be found; the directory sends it nothing. */
function clientOf(claim: Claim): Claim & ConnectedClient {
  const never = (): never => {
    throw new Error('a directory sends nothing');
  };
  return { ...claim, remoteAddress: '127.0.0.1', longBytes: 4, send: never, sendBytes: never, flush: never };
}

/** What a server relies on, whatever keeps its logins. */
export function describeDirectory(name: string, create: (holdMs?: number) => Directory): void {
  /** A directory, and how to log a client in. */
  const begin = (holdMs?: number) => {
    const directory = create(holdMs);
    const join = async (id: string, login: string): Promise<Claim & ConnectedClient> => {
      const client = clientOf(claimOf(id, login));
      expect(await directory.claim(client)).toBeUndefined();
      directory.add(client);
      return client;
    };
    return { directory, join };
  };

  describe(`a directory ${name}`, () => {
    it('grants a login that is free, to one', async () => {
      const { directory } = begin();
      expect(await directory.claim(claimOf('1', 'alice'))).toBeUndefined();
      expect(await directory.claim(claimOf('2', 'alice'))).toMatchObject({ id: '1', login: 'alice' });
      expect(await directory.claim(claimOf('3', 'bob'))).toBeUndefined();
    });

    it('grants one of many claims that are made at once', async () => {
      const { directory } = begin();
      const claims = Array.from({ length: 20 }, (_, i) => directory.claim(claimOf(String(i), 'alice')));
      const others = Array.from({ length: 20 }, (_, i) => directory.claim(claimOf(`x${i}`, `user${i}`)));
      expect((await Promise.all(claims)).filter((other) => other === undefined)).toHaveLength(1);
      expect(await Promise.all(others)).toEqual(others.map(() => undefined));
    });

    it('[P7] takes equivalent spellings for one login, and other cases for others', async () => {
      const { directory, join } = begin();
      const zoe = await join('1', 'zo\u00e9');
      expect(await directory.claim(claimOf('2', 'zoe\u0301'))).toMatchObject({ id: '1' });
      expect(await directory.claim({ ...claimOf('3', 'Zo\u00e9'), skeletons: [] })).toBeUndefined();
      expect(directory.find('zoe\u0301')).toBe(zoe);
      expect(directory.find('Zo\u00e9')).toBeUndefined();
    });

    it('[P7] grants no login that looks like one that is in use, and says which; it finds by the login alone', async () => {
      const { directory, join } = begin();
      const alice = await join('1', 'Alice');
      for (const login of ['alice', 'A1ice', '\u0410lice', 'AIice']) {
        expect(await directory.claim(claimOf('2', login))).toMatchObject({ id: '1', login: 'Alice' });
        expect(directory.find(login)).toBeUndefined();
      }
      expect(directory.find('Alice')).toBe(alice);
      await directory.release(alice, 'free');
      await join('3', 'alice');
      expect(await directory.claim(claimOf('4', 'Alice'))).toMatchObject({ id: '3', login: 'alice' });
    });

    it('[P7] keeps nothing of a claim that it did not grant', async () => {
      const { directory, join } = begin();
      const like = await join('1', 'lan');
      // It looks like both: IAN in capitals is like lan, and like ian.
      expect(await directory.claim(claimOf('2', 'IAN'))).toMatchObject({ id: '1' });
      await directory.release(claimOf('2', 'IAN'), 'free');
      expect(await directory.claim(claimOf('3', 'ian'))).toBeUndefined();
      await directory.release(like, 'free');
      expect(await directory.claim(claimOf('4', 'IAN'))).toMatchObject({ id: '3' });
    });

    it('finds a client from the moment it is added, not when its claim is granted', async () => {
      const { directory } = begin();
      const alice = clientOf(claimOf('1', 'alice'));
      await directory.claim(alice);
      expect(directory.find('alice')).toBeUndefined();
      expect(directory.size).toBe(0);
      directory.add(alice);
      expect(directory.find('alice')).toBe(alice);
      expect(directory.size).toBe(1);
    });

    it('finds a client no more as soon as it is released, and grants its login again', async () => {
      const { directory, join } = begin();
      const alice = await join('1', 'alice');
      const released = directory.release(alice, 'free');
      expect(directory.find('alice')).toBeUndefined();
      expect(directory.size).toBe(0);
      await released;
      const again = await join('2', 'alice');
      expect(directory.find('alice')).toBe(again);
    });

    it('grants a claim that is made behind a release, though that is still under way', async () => {
      const { directory, join } = begin();
      const alice = await join('1', 'alice');
      const released = directory.release(alice, 'free');
      expect(await directory.claim(claimOf('2', 'alice'))).toBeUndefined();
      await released;
      expect(await directory.claim(claimOf('3', 'alice'))).toMatchObject({ id: '2' });
    });

    it('grants a login again whose claim was given up before it was added', async () => {
      const { directory } = begin();
      const claim = claimOf('1', 'alice');
      await directory.claim(claim);
      await directory.release(claim, 'free');
      expect(await directory.claim(claimOf('2', 'alice'))).toBeUndefined();
    });

    it('keeps the login of a session that gives back another one, as that was granted too late', async () => {
      const { directory } = begin();
      const [late, bob] = [claimOf('1', 'alice'), clientOf(claimOf('1', 'bob'))];
      expect(await directory.claim(late)).toBeUndefined();
      expect(await directory.claim(bob)).toBeUndefined();
      directory.add(bob);
      await directory.release(late, 'free');
      expect(directory.find('bob')).toBe(bob);
      expect(await directory.claim(claimOf('2', 'bob'))).toMatchObject({ id: '1' });
      expect(await directory.claim(claimOf('2', 'alice'))).toBeUndefined();
      await directory.release(bob, 'free');
      expect(directory.find('bob')).toBeUndefined();
      expect(directory.size).toBe(0);
      expect(await directory.claim(claimOf('3', 'bob'))).toBeUndefined();
    });

    it('frees nothing for a session that does not have the login', async () => {
      const { directory, join } = begin();
      const alice = await join('1', 'alice');
      await directory.release(claimOf('2', 'alice'), 'free');
      await directory.release(claimOf('3', 'nobody'), 'free');
      expect(directory.find('alice')).toBe(alice);
      expect(await directory.claim(claimOf('4', 'alice'))).toMatchObject({ id: '1' });
      await directory.release(alice, 'free');
      const again = await join('5', 'alice');
      await directory.release(alice, 'free');
      expect(directory.find('alice')).toBe(again);
      expect(directory.size).toBe(1);
    });

    it('[P7a] keeps a login that is held for claims from its source, and those that look like it', async () => {
      const { directory, join } = begin(60_000);
      const alice = await join('1', 'alice');
      const released = directory.release(alice, 'hold');
      expect(directory.find('alice')).toBeUndefined();
      expect(directory.size).toBe(0);
      await released;
      for (const login of ['alice', 'Alice']) {
        const stranger = { ...claimOf('2', login), source: '192.0.2.2' };
        expect(await directory.claim(stranger)).toMatchObject({ id: '1', login: 'alice', held: true });
      }
      const again = await join('3', 'alice');
      expect(directory.find('alice')).toBe(again);
      expect(await directory.claim({ ...claimOf('4', 'alice'), source: '192.0.2.2' })).toMatchObject({
        id: '3',
        held: false,
      });
      await directory.release(again, 'free');
      expect(await directory.claim({ ...claimOf('5', 'alice'), source: '192.0.2.2' })).toBeUndefined();
    });

    it('[P7a] keeps a login that is held for claims with its certificate, too, from wherever they come', async () => {
      const { directory } = begin(60_000);
      const own = { ...claimOf('1', 'alice'), fingerprint: 'sha256:own' };
      expect(await directory.claim(own)).toBeUndefined();
      await directory.release(own, 'hold');
      const elsewhere = { ...claimOf('2', 'alice'), source: '192.0.2.2' };
      for (const fingerprint of ['sha256:another', undefined]) {
        expect(await directory.claim({ ...elsewhere, fingerprint })).toMatchObject({ id: '1', held: true });
      }
      expect(await directory.claim({ ...elsewhere, fingerprint: 'sha256:own' })).toBeUndefined();
    });

    it('[P7a] does not take two claims without a certificate for one client', async () => {
      const { directory } = begin(60_000);
      await directory.claim(claimOf('1', 'alice'));
      await directory.release(claimOf('1', 'alice'), 'hold');
      const elsewhere = { ...claimOf('2', 'alice'), source: '192.0.2.2', fingerprint: undefined };
      expect(await directory.claim(elsewhere)).toMatchObject({ held: true });
    });

    it('[P7a] grants what looks like a held login to its source, and holds that no more', async () => {
      const { directory, join } = begin(60_000);
      await directory.release(await join('1', 'alice'), 'hold');
      const other = await join('2', 'Alice');
      expect(await directory.claim(claimOf('3', 'alice'))).toMatchObject({ id: '2', held: false });
      await directory.release(other, 'free');
      expect(await directory.claim({ ...claimOf('4', 'alice'), source: '192.0.2.2' })).toBeUndefined();
    });

    it('[P7a] frees a held login in time, and holds none without a time', async () => {
      const { directory, join } = begin(50);
      const alice = await join('1', 'alice');
      const heldAt = performance.now();
      await directory.release(alice, 'hold');
      const stranger = { ...claimOf('2', 'alice'), source: '192.0.2.2' };
      while ((await directory.claim(stranger)) !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      expect(performance.now() - heldAt).toBeGreaterThan(49);
      for (const holdMs of [0, Infinity]) {
        const without = begin(holdMs);
        await without.directory.release(await without.join('1', 'alice'), 'hold');
        expect(await without.directory.claim(stranger)).toBeUndefined();
      }
    });

    it('[P7a] is not kept longer by a second release', async () => {
      const { directory, join } = begin(60_000);
      const alice = await join('1', 'alice');
      await directory.release(alice, 'hold');
      await directory.release(alice, 'hold');
      const again = await join('2', 'alice');
      await directory.release(alice, 'free');
      expect(directory.find('alice')).toBe(again);
    });
  });
}
