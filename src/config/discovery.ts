import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** The file names of a configuration, from the working directory up to the project's root. */
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
 * `from`, and the folders above it to the project's root (the nearest with a package.json or a .git). Outside of any
 * project only `from` counts: files above it may belong to others, and a configuration can be code.
 */
export function foldersFrom(from: string): string[] {
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

/** Whether a folder may have a configuration: a cheap check, without the libraries that read it. */
export function mayHaveConfig(folder: string): boolean {
  return CONFIG_FILES.some((name) => {
    const file = path.join(folder, name);
    if (name !== 'package.json') return existsSync(file);
    return hasPackageKey(file);
  });
}

/** The configuration in a folder that is a named pipe: to read it would wait for a writer. */
export function namedPipeIn(folder: string): string | undefined {
  return CONFIG_FILES.map((name) => path.join(folder, name)).find(isNamedPipe);
}

export function isNamedPipe(file: string): boolean {
  // A link in a circle leads to none.
  return existsSync(file) && statSync(file).isFIFO();
}

/** One that is not JSON may have it: reading it says what is wrong. */
function hasPackageKey(file: string): boolean {
  if (isNamedPipe(file)) return true;
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
    // It is in the dependencies of all who write bots.
    return text.includes(`"${PACKAGE_KEY}"`) && Object.hasOwn(Object(JSON.parse(text)) as object, PACKAGE_KEY);
  } catch {
    return text.includes(`"${PACKAGE_KEY}"`);
  }
}
