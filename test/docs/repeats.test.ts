import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PAGES } from './fences.ts';

/** The longest run of words that two places of the pages may share. */
const MAX_WORDS = 15;
/** What doc comments generate says some things for each of two types. */
const WRITTEN = PAGES.filter((page) => !/^docs\/(api|library.*)\.md$/.test(page));

test('what one page says, no other says again: it links to it', () => {
  const places = new Map<string, string>();
  const repeats: string[] = [];
  for (const page of WRITTEN) {
    const words = wordsOf(page);
    for (let at = 0; at + MAX_WORDS < words.length; at++) {
      const run = words.slice(at, at + MAX_WORDS + 1).join(' ');
      const before = places.get(run);
      if (before !== undefined && before !== page) repeats.push(`${before} and ${page}: ${run}`);
      places.set(run, page);
    }
  }
  expect(repeats).toEqual([]);
});

/** The words of a page, without code and the targets of links. */
function wordsOf(page: string): string[] {
  const text = readFileSync(page, 'utf8')
    .replaceAll(/^```.*?^```$/gms, '')
    .replaceAll(/\]\([^)]*\)/g, '');
  return text.toLowerCase().match(/[\p{L}\p{N}'-]+/gu) ?? [];
}
