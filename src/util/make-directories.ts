import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a folder and the missing folders above it. Node's `recursive` option never ends if the file system denies that an
 * existing folder exists, as /proc does.
 *
 * @throws {NodeJS.ErrnoException} as `mkdir`
 */
export async function makeDirectories(directory: string, options: { readonly mode?: number } = {}): Promise<void> {
  const parent = path.dirname(directory);
  const problem = await tryMake(directory, options);
  if (problem?.code !== 'ENOENT' || parent === directory) {
    if (problem) throw problem;
    return;
  }
  await makeDirectories(parent, options);
  const second = await tryMake(directory, options);
  if (second) throw second;
}

async function tryMake(directory: string, options: { readonly mode?: number }) {
  try {
    await mkdir(directory, options);
    return undefined;
  } catch (error) {
    const problem = error as NodeJS.ErrnoException;
    return problem.code === 'EEXIST' && (await stat(directory)).isDirectory() ? undefined : problem;
  }
}
