import path from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openFiles } from '../../../src/bot/store/files.ts';
import { commit, readSizes } from '../../../src/bot/store/group-commit.ts';
import { LAB, pluginStore } from './stores.ts';

describe('what is written to a store', () => {
  it('is on the disk before it counts as written', async () => {
    const opened = await openFiles({ directory: path.join(LAB, 'synced') });
    onTestFinished(() => opened.level.close());
    const batch = opened.level.batch();
    const write = vi.spyOn(batch, 'write');
    vi.spyOn(opened.level, 'batch').mockReturnValue(batch);
    const resolve = vi.fn<() => void>();
    const entries = new Map([['key', '1']]);
    const group = [{ space: 'own' as const, entries, maxTotalBytes: 100, resolve, reject: resolve }];
    await commit(opened, group, await readSizes(opened.level, group));
    expect(write.mock.calls).toEqual([[{ sync: true }]]);
    expect(resolve.mock.calls).toEqual([[0]]);
  });

  it('is written in groups of 256 at most', async () => {
    const { store } = pluginStore();
    await store.set('first', 1);
    let done = 0;
    const writes = Array.from({ length: 600 }, (_, n) => store.set(`key ${n}`, n).then(() => (done += 1)));
    await writes[1];
    for (let i = 0; i < 20; i += 1) await Promise.resolve();
    expect(done).toBeLessThanOrEqual(1 + 256);
    await Promise.all(writes);
    expect(done).toBe(600);
  });
});

describe('a store that another one has open', () => {
  it('is waited for', async () => {
    const first = pluginStore();
    await first.store.set('key', 1);
    const second = pluginStore({ directory: first.directory, lockTimeoutMs: 60_000 });
    const found = second.store.get('key');
    // One that begins later has been turned away: so has the second, once.
    const third = pluginStore({ directory: first.directory, lockTimeoutMs: 0 });
    await expect(third.store.get('key')).rejects.toMatchObject({ fields: { inUse: true } });
    await first.close();
    expect(await found).toBe(1);
  });

  it('is given up when lockTimeoutMs is over', async () => {
    const first = pluginStore();
    await first.store.set('key', 1);
    const second = pluginStore({ directory: first.directory, lockTimeoutMs: 100 });
    await expect(second.store.get('key')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', fields: { inUse: true } });
  });
});

it('a read that fails is reported as what is wrong with the store, and is tried again the next time', async () => {
  const { store } = pluginStore();
  await store.set('key', 1);
  const corrupt = Object.assign(new Error('bad block'), { code: 'LEVEL_CORRUPTION' });
  const get = vi.spyOn(ClassicLevel.prototype, 'get').mockRejectedValue(corrupt);
  onTestFinished(() => get.mockRestore());
  await expect(store.get('key')).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
  get.mockRestore();
  expect(await store.get('key')).toBe(1);
});
