import { readFileSync } from 'node:fs';
import { PACKAGE_FOLDER } from '../own-files.ts';

/** The version of the package that runs, read from its package.json. */
export function packageVersion(): string {
  const text = readFileSync(new URL('package.json', PACKAGE_FOLDER), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
