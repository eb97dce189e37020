import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { ChatosError } from '../errors.ts';
import type { Config } from './schema.ts';

/** A configuration as it was found. */
export interface LoadedConfig {
  /** Its file; none where there is no configuration. */
  readonly file: string | undefined;
  /** What relative paths in it are relative to. */
  readonly directory: string;
  readonly config: Config;
  /**
   * Where something stands in it, as `chatosbot.config.yaml:12:5`: the value at `path`, or its key with `atKey`; where
   * that is not there, the nearest thing around it. Only the file's name where the configuration is code, `undefined`
   * where there is none.
   */
  readonly locate: (path: readonly (string | number)[], atKey?: boolean) => string | undefined;
  /** What is wrong in it, where it was salvaged. */
  readonly problem?: ChatosError;
}

/** Where a configuration is looked for. */
export interface LoadOptions {
  /** The file. @default the nearest one from `from` upwards */
  readonly file?: string | undefined;
  /** @default the working directory */
  readonly from?: string;
  /** Keep what is right in a configuration where something else is wrong, and tell about that. @default false */
  readonly salvage?: boolean;
}

/** Files looked for, from the working directory up to the project's root. */
export const CONFIG_FILES = [
  'chatosbot.config.yaml',
  'chatosbot.config.yml',
  'chatosbot.config.json',
  'chatosbot.config.ts',
  'chatosbot.config.js',
  'chatosbot.config.mjs',
  'package.json',
] as const;

/** The key of a package.json that holds a configuration. */
export const PACKAGE_KEY = 'chatosbot';

/**
 * Finds and checks the configuration: `file` where it is given, else the nearest one from `from` upwards. Where there is
 * none, nothing is loaded to read it with.
 *
 * @throws {ChatosError} `INVALID_CONFIG`: the message has a line for each thing that is wrong, with file, line and column
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const { file, from = process.cwd(), salvage = false } = options;
  if (file !== undefined) {
    const found = statSync(file, { throwIfNoEntry: false });
    const why = found ? 'is a directory; name the file in it' : 'no such file';
    if (!found || found.isDirectory()) throw new ChatosError('INVALID_CONFIG', `${file}: ${why}`, { fields: { file } });
  }
  const folders = file === undefined ? foldersFrom(from).filter(mayHaveConfig) : [];
  const none: LoadedConfig = { file: undefined, directory: from, config: {}, locate: () => undefined };
  if (file === undefined && folders.length === 0) return none;
  const { readConfig } = await import('./read.ts');
  return (await readConfig({ file, folders, salvage })) ?? none;
}

/**
 * `from`, and the folders above it to the project's root (the nearest with a package.json or a .git). Outside of any
 * project only `from` counts: a file further up may be anybody's, and a configuration can be code.
 */
function foldersFrom(from: string): string[] {
  const folders = [path.resolve(from)];
  while (!isProjectRoot(folders.at(-1)!)) {
    const parent = path.dirname(folders.at(-1)!);
    if (parent === folders.at(-1)) return [path.resolve(from)];
    folders.push(parent);
  }
  return folders;
}

function isProjectRoot(folder: string): boolean {
  return existsSync(path.join(folder, 'package.json')) || existsSync(path.join(folder, '.git'));
}

function mayHaveConfig(folder: string): boolean {
  return CONFIG_FILES.some((name) => {
    const file = path.join(folder, name);
    if (name !== 'package.json') return existsSync(file);
    try {
      return readFileSync(file, 'utf8').includes(`"${PACKAGE_KEY}"`);
    } catch {
      return false;
    }
  });
}
