import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEFAULT_FLOOD_LIMITS } from '../../src/bot/messages/flood-limits.ts';
import { DEFAULT_LOOP_LIMITS } from '../../src/bot/messages/loop-guard.ts';
import type { Rate } from '../../src/util/token-bucket.ts';
import { DEFAULT_POLICY_LIMITS } from '../../src/policy/limits.ts';
import { DEFAULT_SERVER_LIMITS, SERVER_LIMIT_ROWS } from '../../src/server/limits/server-limits.ts';

test.each([
  ['docs/server.md', 'limits', DEFAULT_SERVER_LIMITS],
  ['docs/policy.md', 'limits', DEFAULT_POLICY_LIMITS],
  ['docs/messages.md', 'flood', DEFAULT_FLOOD_LIMITS],
  ['docs/messages.md', 'loop guard', DEFAULT_LOOP_LIMITS],
])('%s has a row for each of its %s, with the default', (page, marker, defaults) => {
  const text = readFileSync(page, 'utf8');
  const [, behind = ''] = text.split(`<!-- ${marker} -->`);
  const [table = ''] = behind.trimStart().split('\n\n');
  const rows = [...table.matchAll(/^\| `(\w+)` *\| (.*?) *\|/gm)].map(([, name, value]) => [name, value]);
  expect(rows).toEqual(Object.entries(defaults).map(([name, value]) => [name, shown(value)]));
});

/** A default, as a table shows it. */
function shown(value: number | Rate | readonly string[] | undefined): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  if (typeof value === 'number') return String(value);
  const { burst, perSecond } = value as Rate;
  return `${burst} at once, then ${perSecond} a second`;
}

test('each limit of a server has one sentence: in its row, its doc comment and docs/server.md', () => {
  const source = readFileSync('src/server/limits/server-limits.ts', 'utf8');
  const comments = [...source.matchAll(/^ {2}\/\*\* (.*) @default (\d+) \*\/\n {2}readonly (\w+): number;$/gm)];
  const page = readFileSync('docs/server.md', 'utf8').split('<!-- limits -->')[1]!;
  const rows = [...page.matchAll(/^\| `(\w+)` *\| (\d+) *\| (.*?) *\|$/gm)];
  const expected = Object.entries(SERVER_LIMIT_ROWS).map(([name, row]) => [name, String(row.default), row.what]);
  expect(comments.map(([, what, value, name]) => [name, value, what])).toEqual(expected);
  expect(rows.map(([, name, value, what]) => [name, value, what])).toEqual(expected);
});
