import { randomBytes } from 'node:crypto';
import { link, open, unlink } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectories } from './make-directories.ts';
import { readInput } from './read-input.ts';

/** A key, a certificate. */
const MAX_BYTES = 1024 * 1024;

/**
 * The text of a file that only its owner may read, made with its folder where there is none. It is whole or not there, and
 * made once: of several processes that make it at the same time, all get the text of the first.
 *
 * @throws {NodeJS.ErrnoException} of the file system
 */
export async function readOrCreate(
  file: string,
  make: () => Promise<string>,
): Promise<{ readonly text: string; readonly isNew: boolean }> {
  const found = await readIfThere(file);
  if (found !== undefined) return { text: found, isNew: false };
  const text = await make();
  await makeDirectories(path.dirname(file), { mode: 0o700 });
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
    // Unlike a rename, it fails where another process was faster.
    await link(temporary, file);
    return { text, isNew: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return { text: await read(file), isNew: false };
  } finally {
    await handle.close();
    await unlink(temporary);
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await read(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function read(file: string): Promise<string> {
  return (await readInput(file, MAX_BYTES)).toString();
}
