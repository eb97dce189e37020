import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { foretold } from '../bench/model.ts';
import { MEASURED_COSTS } from '../bench/scaling-model.ts';

const PAGE = readFileSync('docs/scaling.md', 'utf8');

/** The rows of the table behind a text, as cells. */
function rowsBehind(text: string): string[][] {
  const [, behind = ''] = PAGE.split(text);
  const [, , ...rows] = behind
    .slice(behind.indexOf('\n|') + 1)
    .split('\n\n')[0]!
    .split('\n');
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test.each([
  ['--sessions 50000`', 50_000],
  ['## A million sessions', 1_000_000],
])('the table behind %s on docs/scaling.md is what the model foretells', (text, sessions) => {
  const rows = rowsBehind(text);
  const all = foretold(sessions).map(([processes, lone, alone, , atOnce, gib]) => [
    processes,
    lone,
    alone,
    atOnce,
    gib,
  ]);
  expect(rows.length).toBeGreaterThan(4);
  expect(rows).toEqual(all.filter(([processes]) => rows.some(([first]) => first === processes)));
});

test('the costs of the model are those on docs/scaling.md', () => {
  const costs = rowsBehind('in microseconds of CPU:').map(([name, , cost]) => [name, Number(cost)]);
  expect(Object.fromEntries(costs)).toEqual(MEASURED_COSTS);
});
