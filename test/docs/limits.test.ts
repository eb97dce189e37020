import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/options.ts';

test('docs/server.md has a row for each limit of the server, with its default', () => {
  const text = readFileSync('docs/server.md', 'utf8');
  const [, table = ''] = text.split('<!-- limits -->');
  const documented = [...table.matchAll(/^\| `(\w+)` *\| (\d+) *\|/gm)].map(([, name, value]) => [name, Number(value)]);
  expect(Object.fromEntries(documented)).toEqual(DEFAULT_SERVER_LIMITS);
});
