import { existsSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { ChatosError, messageOf } from '../../errors.ts';
import { makeDirectories } from '../../util/make-directories.ts';
import type { NewFile } from './templates.ts';

/** A path as a user would type it. */
export function shown(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative || '.';
}

/**
 * Creates files in a folder, which is made where it is missing. All are written to drafts before one is renamed: a full disk
 * changes nothing.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export async function createFiles(
  directory: string,
  files: readonly NewFile[],
  { overwrites }: { readonly overwrites: boolean },
): Promise<void> {
  const all = files.map(({ path: name, text }) => ({ file: path.join(directory, name), text }));
  const there = all.filter(({ file }) => existsSync(file)).map(({ file }) => shown(file));
  if (there.length > 0 && !overwrites) {
    const exist = there.length > 1 ? 'exist' : 'exists';
    throw new ChatosError('INVALID_ARGUMENT', `${there.join(' and ')} already ${exist}; --force overwrites`);
  }
  const drafts = all.map((each) => ({ ...each, draft: `${each.file}.${process.pid}.tmp` }));
  try {
    for (const { file, draft, text } of drafts) {
      await attempt(shown(file), async () => {
        if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a directory');
        await makeDirectories(directory);
        await writeFile(draft, text, { flag: 'wx' });
      });
    }
    for (const { file, draft } of drafts) await attempt(shown(file), () => rename(draft, file));
  } finally {
    for (const { draft } of drafts) await rm(draft, { force: true }).catch(() => undefined);
  }
}

/**
 * Makes a folder with all that `fill` writes into the one that it is given, or nothing.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where there is something already
 */
export async function createFolder(directory: string, fill: (draft: string) => Promise<void>): Promise<void> {
  const isNew = !existsSync(directory);
  const there = isNew ? [] : await attempt(shown(directory), () => readdir(directory));
  // Of a repository without a file, too.
  const [first, ...more] = there.filter((name) => name !== '.git');
  if (first !== undefined) {
    const others = more.length > 0 ? `, and ${more.length} more` : '';
    throw new ChatosError('INVALID_ARGUMENT', `${shown(directory)} is not empty: it has ${first}${others}`);
  }
  let draft: string | undefined;
  try {
    await attempt(shown(directory), () => makeDirectories(directory));
    draft = await attempt(shown(directory), () => mkdtemp(path.join(directory, '.new-')));
    await fill(draft);
    for (const name of await readdir(draft)) await rename(path.join(draft, name), path.join(directory, name));
    await rmdir(draft);
  } catch (error) {
    if (draft !== undefined) await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    // Not what somebody else has put there meanwhile.
    if (isNew) await rmdir(directory).catch(() => undefined);
    throw error;
  }
}

/** Writes files into a folder that is empty. */
export async function writeFiles(directory: string, files: readonly NewFile[]): Promise<void> {
  for (const { path: name, text } of files) {
    const file = path.join(directory, name);
    await attempt(name, async () => {
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, text, { flag: 'wx' });
    });
  }
}

async function attempt<T>(what: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw new ChatosError('INVALID_ARGUMENT', `cannot create ${what}: ${messageOf(error)}`, { cause: error });
  }
}
