import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEFAULT_POLICY_LIMITS } from '../../src/policy/limits.ts';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/options.ts';

test.each([
  ['docs/server.md', DEFAULT_SERVER_LIMITS],
  ['docs/policy.md', DEFAULT_POLICY_LIMITS],
])('%s has a row for each limit, with its default', (page, defaults) => {
  const text = readFileSync(page, 'utf8');
  const [, table = ''] = text.split('<!-- limits -->');
  const rows = [...table.matchAll(/^\| `(\w+)` *\| (\d+|none) *\|/gm)];
  const documented = rows.map(([, name, value]) => [name, value === 'none' ? undefined : Number(value)]);
  expect(Object.fromEntries(documented)).toEqual(defaults);
  expect(documented).toHaveLength(Object.keys(defaults).length);
});
