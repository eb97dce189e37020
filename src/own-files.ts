import path from 'node:path';

/** The folder of this package: that above `src`, or above `dist`, in both of which this file lies. */
export const PACKAGE_FOLDER = new URL('../', import.meta.url);

const EXTENSION = path.extname(import.meta.url);

/** A file of this package, by its path in `src`. */
export function ownFile(name: string): URL {
  return new URL(`./${name}`, import.meta.url);
}

/** A module that something loads by its path, such as `cluster/workers/main`. In what is built, `rolldown.config.js` names each. */
export function ownModule(name: string): URL {
  return ownFile(`${name}${EXTENSION}`);
}
