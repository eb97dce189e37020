import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { ChatosError } from '../../errors.ts';

/** Files to test. */
export interface TestFiles {
  /** Files that may be plugins, as absolute paths; `sure` if they were named. */
  readonly plugins: readonly { readonly file: string; readonly sure: boolean }[];
  /** Files of tests. */
  readonly tests: readonly string[];
}

const SOURCE = /\.[cm]?[jt]s$/;
const TEST = /\.test\.[cm]?[jt]s$/;
/** Sources that are neither: declarations and configurations. */
const OTHER = /\.(d|config)\.[cm]?[jt]s$/;
/** Files that are tried, at most. */
const MAX_FILES = 10_000;

/**
 * Finds the files of some paths: in a folder at any depth, except in packages and names that begin with a dot.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if there is no such file, it is a pipe or a device, or there are too many
 */
export function findTestFiles(paths: readonly string[]): TestFiles {
  const plugins = new Map<string, { file: string; sure: boolean }>();
  const tests = new Set<string>();
  for (const each of paths) {
    const file = path.resolve(each);
    if (!existsSync(file)) throw new ChatosError('INVALID_ARGUMENT', `${each}: no such file`, { fields: { file } });
    const stats = statSync(file);
    if (stats.isFile()) {
      if (TEST.test(file)) tests.add(file);
      else plugins.set(file, { file, sure: true });
      continue;
    }
    if (!stats.isDirectory()) {
      throw new ChatosError('INVALID_ARGUMENT', `${each}: is neither a file nor a folder`, { fields: { file } });
    }
    for (const found of sourcesIn(file)) {
      if (TEST.test(found)) tests.add(found);
      else if (!plugins.has(found)) plugins.set(found, { file: found, sure: false });
    }
  }
  return { plugins: [...plugins.values()], tests: [...tests] };
}

/** The test files beside some files. */
export function testsBeside(files: readonly string[]): string[] {
  const directories = new Set(files.map((file) => path.dirname(file)).filter((directory) => existsSync(directory)));
  return [...directories].flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => TEST.test(name))
      .toSorted()
      .map((name) => path.join(directory, name)),
  );
}

function sourcesIn(root: string): string[] {
  const found: string[] = [];
  const directories = [root];
  for (let directory = directories.shift(); directory !== undefined; directory = directories.shift()) {
    const entries = readdirSync(directory, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const { name } = entry;
      if (name.startsWith('.') || name === 'node_modules') continue;
      if (entry.isDirectory()) directories.push(path.join(directory, name));
      else if (entry.isFile() && SOURCE.test(name) && !OTHER.test(name)) found.push(path.join(directory, name));
    }
    if (found.length > MAX_FILES) {
      throw new ChatosError('INVALID_ARGUMENT', `${root} has more than ${MAX_FILES} files: name those to test`);
    }
  }
  return found;
}
