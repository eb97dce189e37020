import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readOrCreate } from '../../src/util/private-file.ts';
import { leavesNothingOpen } from '../support/open-files.ts';

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'chatosbot-private-'));
  onTestFinished(() => rm(made, { recursive: true }));
  leavesNothingOpen(made);
  return made;
}

it('is made once, for its owner alone, and read from then on', async () => {
  const file = path.join(await folder(), 'a', 'b', 'key');
  expect(await readOrCreate(file, async () => 'first')).toEqual({ text: 'first', isNew: true });
  expect(await readOrCreate(file, async () => 'second')).toEqual({ text: 'first', isNew: false });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(path.dirname(file))).mode & 0o777).toBe(0o700);
});

it('of several that are made at the same time, all get the text of one, and nothing else is left', async () => {
  const made = await folder();
  const file = path.join(made, 'key');
  const all = await Promise.all([1, 2, 3].map((number) => readOrCreate(file, async () => `text ${number}`)));
  expect(new Set(all.map(({ text }) => text)).size).toBe(1);
  expect(all.filter(({ isNew }) => isNew)).toHaveLength(1);
  expect(await readdir(made)).toEqual(['key']);
});

it('says why it cannot be read, or made, and leaves nothing behind', async () => {
  const made = await folder();
  await writeFile(path.join(made, 'file'), '');
  const make = async (): Promise<string> => 'text';
  await expect(readOrCreate(made, make)).rejects.toMatchObject({ code: 'EISDIR' });
  await expect(readOrCreate(path.join(made, 'file', 'key'), make)).rejects.toMatchObject({ code: 'ENOTDIR' });
  expect(await readdir(made)).toEqual(['file']);
});
