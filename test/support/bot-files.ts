/** Temporary directories, plugins in them, and the loader that the command line makes. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { createModuleLoader, type ModuleLoader } from '../../src/bot/loading/module-loader.ts';
import * as chatosbot from '../../src/index.ts';

/** An empty directory, far from the project and any node_modules. */
export async function tempDirectory(): Promise<string> {
  const directory = await realpath(await mkdtemp(path.join(tmpdir(), 'chatosbot-test-')));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes a file, and the directories to it; returns its path. */
export async function writeText(directory: string, name: string, text: string): Promise<string> {
  const file = path.join(directory, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

/** A loader as `run` makes it; what it compiles is kept in a folder of its own. */
export async function pluginLoader(): Promise<ModuleLoader> {
  const before = process.env['XDG_CACHE_HOME'];
  process.env['XDG_CACHE_HOME'] = await tempDirectory();
  try {
    return createModuleLoader({ chatosbot });
  } finally {
    if (before === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before;
  }
}
