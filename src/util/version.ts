import { readFileSync } from 'node:fs';

/** The version of the package that runs, read from its package.json. */
export function packageVersion(): string {
  // The same path from `dist` and from `src`.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
