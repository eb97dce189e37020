import { existsSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeDirectories } from '../../src/util/make-directories.ts';
import { tempDirectory } from '../support/bot-files.ts';

test('makes what is missing, and leaves what is there', async () => {
  const directory = path.join(await tempDirectory(), 'a/b/c');
  await makeDirectories(directory, { mode: 0o700 });
  await makeDirectories(directory);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

test('fails where a file is in the way', async () => {
  const file = path.join(await tempDirectory(), 'file');
  await writeFile(file, '');
  await expect(makeDirectories(file)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeDirectories(path.join(file, 'deeper'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.skipIf(!existsSync('/proc/self'))('ends where folders cannot be made, though they are not there', async () => {
  await expect(makeDirectories('/proc/nope/deeper')).rejects.toMatchObject({ code: 'ENOENT' });
});
