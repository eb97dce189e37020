import { expect, test } from 'vitest';
import { displayWidth, fitWidth, hangingRows } from '../../../src/cli/terminal/width.ts';

test.each([
  ['', 0],
  ['alice', 5],
  ['été', 3],
  ['e\u0301te\u0301', 3],
  ['中文', 4],
  ['한국', 4],
  ['ﾊﾝ', 2],
  ['Ａ', 2],
  ['ציפור', 5],
  ['😀😃', 4],
  ['👩\u200d💻', 2],
  ['🇫🇷', 2],
  ['☎', 1],
  ['1\ufe0f\u20e3', 2],
  ['👩\u200d👩\u200d👧', 2],
  ['👍🏽', 2],
  ['🏴\u200d☠\ufe0f', 2],
  ['🏳\ufe0f\u200d🌈', 2],
  ['🈚', 2],
  ['\u{1f321}', 1],
  ['䷀', 2],
  ['각', 2],
  ['\u1112\u1161\u11ab', 2],
  ['ﾊﾞ', 2],
  ['நி', 2],
  ['a\u200bb', 2],
  ['☎\ufe0f', 2],
  ['─▁█…', 4],
])('%j takes %d columns', (text, columns) => {
  expect(displayWidth(text)).toBe(columns);
});

test.each([
  ['alice', 8, 'alice   '],
  ['alice', 5, 'alice'],
  ['alice', 4, 'ali…'],
  ['中文用户', 8, '中文用户'],
  ['中文用户', 7, '中文用…'],
  ['中文用户', 6, '中文… '],
  ['alice', 1, '…'],
  ['alice', 0, ''],
])('%j is fitted into %d columns', (text, columns, fitted) => {
  expect(fitWidth(text, columns)).toBe(fitted);
  expect(displayWidth(fitted)).toBe(columns);
});

test('a number stands at the right', () => {
  expect(fitWidth('12', 5, 'right')).toBe('   12');
});

test.each([
  ['short', ['short']],
  ['exactly so', ['exactly so']],
  ['ann says 中文 to all', ['ann says ', '  中文 to ', '  all']],
  ['', ['']],
])('%j in rows of 10 columns', (text, rows) => {
  expect(hangingRows(text, 10, '  ')).toEqual(rows);
});
