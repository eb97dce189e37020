import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { skeletonsOf } from '../../../src/server/logins/look-alikes.ts';

const alike = (one: string, other: string): boolean => {
  const skeletons = skeletonsOf(one);
  return skeletonsOf(other).some((skeleton) => skeletons.includes(skeleton));
};

const textOf = (hex: string): string =>
  String.fromCodePoint(...hex.split(' ').map((codePoint) => Number.parseInt(codePoint, 16)));

/** Lines of Unicode's own table. */
const SAMPLE = readFileSync(new URL('confusables-sample.txt', import.meta.url), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, source, prototype] = /^([0-9A-F]+) ;\t([0-9A-F ]+) ;\tMA$/.exec(line) ?? [];
    return source && prototype
      ? [{ codePoint: `U+${source}`, source: textOf(source), prototype: textOf(prototype) }]
      : [];
  });

describe('skeletonsOf', () => {
  it.each([
    ['alice', 'Alice', 'another case'],
    ['alice', 'аlice', 'a Cyrillic letter'],
    ['alice', 'Αlice', 'a Greek capital'],
    ['alice', 'ａｌｉｃｅ', 'full width'],
    ['alice', '𝒶𝓁𝒾𝒸ℯ', 'a mathematical alphabet'],
    ['alice', 'a1ice', 'a digit'],
    ['AI', 'Al', 'a capital that looks like a small letter'],
    ['mike', 'MIKE', 'capitals that look like other letters than their small ones'],
    ['MIKE', 'MlKE', 'a small letter among capitals'],
    ['bob0', 'bobO', 'zero'],
    ['bob-1', 'bob-l', 'one'],
    ['bob-1', 'bob-I', 'one and a capital'],
    ['modern', 'modem', 'two letters that look like one'],
    ['straße', 'STRASSE', 'a letter that two are in capitals'],
    ['σίσυφος', 'ΣΊΣΥΦΟΣ', 'a final sigma'],
    ['ﬁn', 'fin', 'a ligature'],
    ['zo\u00e9', 'ZOE\u0301', 'another spelling and case'],
    ['ann lee', 'ann\u00a0 lee', 'other white space'],
    ["o'neil", 'o’neil', 'another apostrophe'],
    ['bob-2', 'bob‐2', 'another hyphen'],
    ['ВОВА', 'BOBA', 'an alphabet, altogether'],
  ])('[P7] finds %s and %s alike: %3$s', (one, other) => {
    expect(alike(one, other)).toBe(true);
    expect(alike(other, one)).toBe(true);
  });

  it.each([
    ['alice', 'alicia'],
    ['zoe', 'zoé'],
    ['al', 'ai'],
    ['bob-2', 'bob-3'],
    ['bob_2', 'bob-2'],
    ['ann lee', 'annlee'],
    ['山田', '山本'],
    ['вова', 'вера'],
  ])('[P7] keeps %s and %s apart', (one, other) => {
    expect(alike(one, other)).toBe(false);
  });

  it('[P7] keeps apart the numbers that the command line puts behind a taken login', () => {
    const skeletons = Array.from({ length: 99 }, (_, i) => skeletonsOf(i === 0 ? 'mowgli' : `mowgli-${i + 1}`)).flat();
    expect(new Set(skeletons).size).toBe(skeletons.length);
  });

  it.each(SAMPLE)('[P7] finds $codePoint like what Unicode finds it like', ({ source, prototype }) => {
    expect(alike(`a${source}`, `a${prototype}`)).toBe(true);
  });

  it('[P7] finds any text like itself, and like itself in capitals and in other normal forms', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 15 }), (text) => {
        for (const other of [text.toUpperCase(), text.normalize('NFKC'), text.normalize('NFD')]) {
          expect(alike(text, other)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
