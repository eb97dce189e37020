/** What becomes of a store whose folder goes away while it is open. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openFiles } from '../../../src/bot/store/files.ts';
import { commit, readSizes } from '../../../src/bot/store/group-commit.ts';
import { LAB, pluginStore } from './stores.ts';

const REFUSED = {
  code: 'STORE_UNAVAILABLE',
  message: expect.stringMatching(/cannot be written: its folder was removed or replaced while it was open/),
};

async function usedStore() {
  const made = pluginStore();
  await made.store.set('key', 'before');
  return made;
}

describe('a store whose folder goes away while it is open', () => {
  it('refuses what it cannot keep, and has not changed then', async () => {
    const { store, directory } = await usedStore();
    await rm(directory, { recursive: true });
    await expect(store.set('key', 'lost')).rejects.toMatchObject(REFUSED);
    await expect(store.update('key', () => 'lost')).rejects.toMatchObject(REFUSED);
    await expect(store.clear()).rejects.toMatchObject(REFUSED);
    expect(await store.get('key')).toBe('before');
  });

  it('does so, too, where all that was in the folder was removed, or another one is in its place', async () => {
    const emptied = await usedStore();
    await rm(emptied.directory, { recursive: true });
    await mkdir(emptied.directory);
    await expect(emptied.store.set('key', 'lost')).rejects.toMatchObject(REFUSED);
    await writeFile(path.join(emptied.directory, 'LOCK'), '');
    await expect(emptied.store.set('key', 'lost')).rejects.toMatchObject(REFUSED);
    const under = await usedStore();
    await rm(path.dirname(under.directory), { recursive: true });
    await writeFile(path.dirname(under.directory), 'a file');
    await expect(under.store.set('key', 'lost')).rejects.toMatchObject(REFUSED);
  });

  it('keeps what is written once it is back', async () => {
    const made = await usedStore();
    const { store, directory } = made;
    await rename(directory, `${directory}.away`);
    await expect(store.set('key', 'refused')).rejects.toMatchObject(REFUSED);
    await rename(`${directory}.away`, directory);
    await store.set('key', 'after');
    await made.close();
    expect(await pluginStore({ directory }).store.get('key')).toBe('after');
  });

  it('acknowledges nothing where it went away during the write', async () => {
    const directory = path.join(LAB, 'during');
    const opened = await openFiles({ directory });
    onTestFinished(() => opened.level.close());
    const batch = opened.level.batch();
    const write = batch.write.bind(batch);
    vi.spyOn(batch, 'write').mockImplementation(async () => {
      await write({ sync: true });
      await rm(directory, { recursive: true });
    });
    vi.spyOn(opened.level, 'batch').mockReturnValue(batch);
    const resolve = vi.fn<() => void>();
    const group = [
      { space: 'own' as const, entries: new Map([['key', '1']]), maxTotalBytes: 100, resolve, reject: resolve },
    ];
    const writing = commit(opened, group, await readSizes(opened.level, group));
    await expect(writing).rejects.toMatchObject(REFUSED);
    expect(resolve).not.toHaveBeenCalled();
  });
});
