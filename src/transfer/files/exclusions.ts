import { Glob } from '../../policy/glob.ts';

interface Exclusion {
  readonly glob: Glob;
  /** Whether it is compared with the whole path, and not with the name alone. */
  readonly isPath: boolean;
  readonly foldersOnly: boolean;
}

/** What of a folder is not to be sent. */
export class Exclusions {
  readonly #all: readonly Exclusion[];

  /** @param patterns with a slash in it: the path from the folder that is sent; with one at the end: folders only */
  constructor(patterns: readonly string[]) {
    this.#all = patterns.map((pattern) => {
      const text = pattern.replace(/^(?:\.?\/)+|\/+$/g, '');
      const isPath = pattern.replace(/\/+$/, '').includes('/');
      return { glob: new Glob(text), isPath, foldersOnly: pattern.endsWith('/') };
    });
  }

  /** @param path from the folder that is sent, without its name */
  matches(path: string, isFolder: boolean): boolean {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return this.#all.some(
      ({ glob, isPath, foldersOnly }) => (isFolder || !foldersOnly) && glob.matches(isPath ? path : name),
    );
  }
}
