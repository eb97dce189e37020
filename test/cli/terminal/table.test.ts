import { expect, test } from 'vitest';
import { displayWidth } from '../../../src/cli/terminal/width.ts';
import { formatTable } from '../../../src/cli/terminal/table.ts';

const table = (...names: readonly string[]): string[] =>
  formatTable(
    names.map((name, index) => ({ name, count: 10 ** index })),
    [
      { title: 'NAME', of: ({ name }) => name },
      { title: 'N', of: ({ count }) => count },
      { title: 'END', of: () => '|' },
    ],
  );

test('columns are aligned by what a terminal shows of wide characters, marks and emoji', () => {
  const lines = table('alice', '你好', 'e\u0301te\u0301', '👩\u200d👩\u200d👧', '🇫🇷', '\u1112\u1161\u11ab');
  expect(lines.slice(0, 3)).toEqual(['NAME        N  END', 'alice       1  |', '你好       10  |']);
  const ends = lines.slice(1).map((line) => displayWidth(line.slice(0, line.indexOf('|'))));
  expect(new Set(ends)).toEqual(new Set([15]));
});

test('a cell that is too wide is cut to 80 columns, never within a character', () => {
  const [, wide] = table('你'.repeat(60));
  expect(wide).toMatch(/^你{39}… +1 {2}\|$/u);
  expect(table('x'.repeat(80))[1]).toMatch(/^x{80} {2}/);
  expect(table('x'.repeat(81))[1]).toMatch(/^x{79}… {2}/);
});

test('a column that may be whole is, and goes on below itself on a terminal', () => {
  const why =
    'node a answers there, and not node b: serve.cluster.peer of one of the two is wrong, and more of the same';
  const columns = [
    { title: 'NODE', of: () => 'b' },
    { title: 'WHY', of: (each: string) => each, isWhole: true },
  ];
  expect(formatTable([why, ''], columns)).toEqual(['NODE  WHY', `b     ${why}`, 'b']);
  expect(formatTable([why], columns, 60)).toEqual([
    'NODE  WHY',
    'b     node a answers there, and not node b:',
    '      serve.cluster.peer of one of the two is wrong, and',
    '      more of the same',
  ]);
  // A word that is longer than there is room, and a terminal that has none.
  expect(formatTable(['x'.repeat(30)], columns, 26)).toEqual([
    'NODE  WHY',
    `b     ${'x'.repeat(20)}`,
    `      ${'x'.repeat(10)}`,
  ]);
  expect(formatTable([why], columns, 25)).toEqual(['NODE  WHY', `b     ${why}`]);
});

test('a table has as many rows as a server has sessions', () => {
  // More than a function can take as its arguments.
  const rows = Array.from({ length: 150_000 }, () => 'x');
  expect(formatTable(rows, [{ title: 'N', of: (row) => row }])).toHaveLength(150_001);
});
