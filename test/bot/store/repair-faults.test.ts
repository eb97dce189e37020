import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type * as FsPromises from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { repairStore } from '../../../src/bot/store/repair.ts';
import { pluginStore } from './stores.ts';

/** What happens on the disk before the files at `from` are moved. */
const disk = vi.hoisted(() => ({ beforeMove: (_from: string): void => undefined }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof FsPromises>();
  const rename: typeof real.rename = async (from, to) => {
    disk.beforeMove(String(from));
    await real.rename(from, to);
  };
  return { ...real, rename };
});

afterEach(() => {
  disk.beforeMove = () => undefined;
});

async function damagedDirectory() {
  const { directory } = pluginStore();
  const opened = pluginStore({ directory });
  await opened.store.set('key', 'value');
  await opened.close();
  rmSync(path.join(directory, 'CURRENT'));
  return { directory, kept: `${directory}-damaged`, files: readdirSync(directory).toSorted() };
}

test('where the repaired files cannot be moved to their place, the damaged ones are moved back', async () => {
  const { directory, kept, files } = await damagedDirectory();
  disk.beforeMove = (from) => {
    if (from.endsWith('.tmp')) throw Object.assign(new Error('no space left on the disk'), { code: 'ENOSPC' });
  };
  await expect(repairStore(directory, kept)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(
    readdirSync(directory)
      .filter((name) => files.includes(name))
      .toSorted(),
  ).toEqual(files);
  expect(readdirSync(path.dirname(directory))).toEqual([path.basename(directory)]);
  disk.beforeMove = () => undefined;
  expect(await repairStore(directory, kept)).toMatchObject({ repaired: true });
});

test('where they cannot be moved back either, the error names where they are', async () => {
  const { directory, kept, files } = await damagedDirectory();
  disk.beforeMove = (from) => {
    if (!from.endsWith('.tmp')) return;
    // Somebody starts a new store there in the meantime.
    mkdirSync(directory);
    writeFileSync(path.join(directory, 'new'), '');
  };
  await expect(repairStore(directory, kept)).rejects.toThrow(`the damaged files are in ${kept}`);
  expect(
    readdirSync(kept)
      .filter((name) => files.includes(name))
      .toSorted(),
  ).toEqual(files);
  expect(readdirSync(directory)).toEqual(['new']);
});
