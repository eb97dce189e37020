import { fork } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bundled } from '../../support/bundled.ts';
import type { AskedByWorker } from '../../../src/cluster/workers/messages.ts';
import { Registry } from '../../../src/cluster/workers/registry.ts';
import { Wire } from '../../../src/cluster/workers/wire.ts';
import { WorkerDirectory } from '../../../src/cluster/workers/worker-directory.ts';
import { isSameClient, type Claim, type SessionId } from '../../../src/server/directory.ts';
import { newTestId } from '../../../src/server/self-test.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { describeDirectory } from '../../server/directory-contract.ts';

type Nothing = Readonly<Record<string, never>>;

const PRIMARY = await bundled(new URL('./registry-process.ts', import.meta.url));

describeDirectory('of a worker, whose primary is another process', (holdMs = 0) => {
  const child = fork(PRIMARY, [String(holdMs)], { serialization: 'advanced' });
  onTestFinished(() => child.disconnect());
  const wire = new Wire<Pick<AskedByWorker, 'claim' | 'release'>, Nothing>(child, {});
  return new WorkerDirectory({
    claim: (claim) => wire.ask('claim', claim),
    release: (member, how) => wire.ask('release', [member, how]),
  });
});

const claimOf = (id: string, source = '192.0.2.1'): Claim => ({
  id,
  login: 'alice',
  key: 'alice',
  skeletons: [],
  source,
});

/** A worker; `ghosts` are those of its sessions that are ghosts. */
function worker(registry: () => Registry, ghosts: readonly SessionId[] = []) {
  const asked: SessionId[] = [];
  const over = withResolvers<void>();
  const holder = {
    asked,
    ending: undefined as Promise<void> | undefined,
    endGhost: async (id: SessionId, claim: Claim) => {
      asked.push(id);
      if (ghosts.includes(id) && isSameClient(claimOf(id), claim)) await registry().release(claimOf(id), 'hold');
    },
    /** Its process is about to end; it has ended when `die` is called again. */
    isDying: () => (holder.ending = over.promise),
    die: () => {
      registry().forget(holder);
      over.resolve();
    },
  };
  return holder;
}

describe('the registry of several workers', () => {
  it('counts what it grants, so that of two news of a login the later one is known', async () => {
    const registry = new Registry(0);
    const [one, two] = [worker(() => registry), worker(() => registry)];
    expect(await registry.claim(claimOf('1'), one)).toEqual({ granted: 1 });
    await registry.release(claimOf('1'), 'free');
    expect(await registry.claim(claimOf('2'), two)).toEqual({ granted: 2 });
  });

  it('frees at once what a worker held that has died, and nothing else', async () => {
    const registry = new Registry(60_000);
    const [one, two] = [worker(() => registry), worker(() => registry)];
    await registry.claim(claimOf('1'), one);
    await registry.claim({ ...claimOf('2'), login: 'bob', key: 'bob' }, two);
    one.die();
    expect(registry.size).toBe(1);
    expect(await registry.claim(claimOf('3', '192.0.2.9'), two)).toEqual({ granted: 3 });
    expect(await registry.claim({ ...claimOf('4'), login: 'bob', key: 'bob' }, two)).toHaveProperty('obstacle.id', '2');
  });

  it('counts the sessions of users that a worker had, and not those of its own tests', async () => {
    const registry = new Registry(0);
    const one = worker(() => registry);
    await registry.claim(claimOf('1'), one);
    await registry.claim({ ...claimOf(newTestId()), login: 'bob', key: 'bob' }, one);
    expect(registry.forget(one)).toBe(1);
    expect(registry.size).toBe(0);
  });

  it('has a claim wait for the death of the worker in its way', async () => {
    const registry = new Registry(0);
    const [one, two] = [worker(() => registry), worker(() => registry)];
    await registry.claim(claimOf('1'), one);
    void one.isDying();
    const claimed = registry.claim(claimOf('2'), two);
    one.die();
    expect(await claimed).toEqual({ granted: 2 });
  });

  it('grants nothing to a worker that has died while it waited', async () => {
    const registry = new Registry(0);
    const [one, two] = [worker(() => registry), worker(() => registry)];
    await registry.claim(claimOf('1'), one);
    void one.isDying();
    const claimed = registry.claim(claimOf('2'), two);
    void two.isDying();
    one.die();
    await expect(claimed).rejects.toMatchObject({ code: 'ABORTED' });
    expect(
      await registry.claim(
        claimOf('3', '192.0.2.9'),
        worker(() => registry),
      ),
    ).toEqual({ granted: 2 });
  });

  it('grants a session no login that it has given up, where that is free only when the session has another one', async () => {
    const registry = new Registry(0);
    const [one, two, three] = [worker(() => registry), worker(() => registry), worker(() => registry)];
    await registry.claim(claimOf('1'), one);
    void one.isDying();
    const late = registry.claim(claimOf('2'), two);
    const bob = { ...claimOf('2'), login: 'bob', key: 'bob' };
    expect(await registry.claim(bob, two)).toEqual({ granted: 2 });
    one.die();
    await expect(late).rejects.toMatchObject({ code: 'ABORTED' });
    expect(registry.holderOf('2')).toMatchObject({ claim: bob, by: two });
    expect(await registry.claim(claimOf('3'), three)).toEqual({ granted: 3 });
    two.die();
    expect(await registry.claim({ ...bob, id: '4' }, three)).toEqual({ granted: 4 });
  });

  it('takes back a login that a session has given up, and keeps the one that it has claimed since', async () => {
    const registry = new Registry(0);
    const [one, two] = [worker(() => registry), worker(() => registry)];
    const bob = { ...claimOf('1'), login: 'bob', key: 'bob' };
    await registry.claim(claimOf('1'), one);
    await registry.claim(bob, one);
    await registry.release(claimOf('1'), 'free');
    expect(registry.holderOf('1')).toMatchObject({ claim: bob });
    expect(await registry.claim(claimOf('2'), two)).toEqual({ granted: 3 });
    one.die();
    expect(await registry.claim({ ...bob, id: '3' }, two)).toEqual({ granted: 4 });
  });

  it('[P7a] has a ghost of another worker ended, for its own client alone', async () => {
    const registry = new Registry(60_000);
    const [one, two] = [worker(() => registry, ['1']), worker(() => registry)];
    await registry.claim(claimOf('1'), one);
    expect(await registry.claim(claimOf('2', '192.0.2.9'), two)).toHaveProperty('obstacle.id', '1');
    expect(await registry.claim(claimOf('3'), one)).toHaveProperty('obstacle.id', '1');
    expect(one.asked).toEqual(['1']);
    expect(await registry.claim(claimOf('4'), two)).toEqual({ granted: 2 });
  });

  it.each(['192.0.2.1', '192.0.2.9'])(
    '[P7] grants what a session of another worker has left, though that is known later than the claim from %s',
    async (source) => {
      const registry = new Registry(60_000);
      const left = { ...worker(() => registry), endGhost: () => registry.release(claimOf('1'), 'free') };
      await registry.claim(claimOf('1'), left);
      expect(
        await registry.claim(
          claimOf('2', source),
          worker(() => registry),
        ),
      ).toEqual({ granted: 2 });
    },
  );
});
