import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEFAULT_FLOOD_LIMITS, FLOOD_LIMIT_ROWS } from '../../src/bot/messages/flood-limits.ts';
import { DEFAULT_LOOP_LIMITS, LOOP_LIMIT_ROWS } from '../../src/bot/messages/loop-guard.ts';
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
  if (value === undefined || value === Infinity || (Array.isArray(value) && value.length === 0)) return 'none';
  if (typeof value === 'number') return String(value);
  const { burst, perSecond } = value as Rate;
  return `${burst} at once, then ${perSecond} a second`;
}

test.each([
  ['src/server/limits/server-limits.ts', 'docs/server.md', 'limits', SERVER_LIMIT_ROWS],
  ['src/bot/messages/flood-limits.ts', 'docs/messages.md', 'flood', FLOOD_LIMIT_ROWS],
  ['src/bot/messages/loop-guard.ts', 'docs/messages.md', 'loop guard', LOOP_LIMIT_ROWS],
])('each limit of %s has one sentence: in its row, its doc comment and %s', (file, page, marker, rows) => {
  const comments = readFileSync(file, 'utf8').matchAll(/^ {2}\/\*\* (.*?) @default .* \*\/\n {2}readonly (\w+): /gm);
  const [, behind = ''] = readFileSync(page, 'utf8').split(`<!-- ${marker} -->`);
  const [table = ''] = behind.trimStart().split('\n\n');
  const documented = table.matchAll(/^\| `(\w+)` *\| .*? *\| (.*?) *\|$/gm);
  const expected = Object.entries(rows).map(([name, { what }]) => [name, what]);
  expect(Array.from(comments, ([, what, name]) => [name, what])).toEqual(expected);
  expect(Array.from(documented, ([, name, what]) => [name, what])).toEqual(expected);
});
