import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitText } from '../../src/client/split-text.ts';

const bytes = (text: string): number => Buffer.byteLength(text);
const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** Words of all widths, a few of them longer than a message, with all kinds of white space between and around. */
const texts = fc
  .array(
    fc.tuple(
      fc.oneof(
        { weight: 9, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
        {
          weight: 1,
          arbitrary: fc.string({ unit: fc.constantFrom('a', 'é', '€', '😀'), minLength: 300, maxLength: 1500 }),
        },
      ),
      fc.constantFrom(' ', '  ', '\n', '\t ', '\u3000', '\r\n\r\n', ''),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.flat().join(''));

describe('splitText', () => {
  it.each(['', 'hello', ' kept  as it is\n', 'x'.repeat(1024), '€'.repeat(341) + 'x'])(
    'leaves a text that fits as it is (%#)',
    (text) => {
      expect(splitText(text)).toEqual([text]);
    },
  );

  it('makes one empty message of an empty text, and one that is full of more white space than fits', () => {
    expect(splitText('')).toEqual(['']);
    expect(splitText(' '.repeat(5000))).toEqual([' '.repeat(1024)]);
  });

  it('cuts at exactly 1024 bytes, between words', () => {
    const word = 'x'.repeat(1023);
    expect(splitText(`${word} b`)).toEqual([word, 'b']);
    expect(splitText(`${word}y b`)).toEqual([`${word}y`, 'b']);
    expect(splitText(`${word}yz b`)).toEqual([`${word}y`, 'z b']);
    expect(splitText(`a ${'x'.repeat(1022)}`)).toEqual([`a ${'x'.repeat(1022)}`]);
    expect(splitText(`a ${'x'.repeat(1023)}`)).toEqual(['a', 'x'.repeat(1023)]);
  });

  it('counts bytes, not characters', () => {
    expect(splitText('é'.repeat(513)).map(bytes)).toEqual([1024, 2]);
    expect(splitText('€'.repeat(342)).map(bytes)).toEqual([1023, 3]);
    expect(splitText('😀'.repeat(257)).map(bytes)).toEqual([1024, 4]);
  });

  it('cuts a word that is longer than a message between code points', () => {
    const parts = splitText(`start ${'a'.repeat(3)}${'😀'.repeat(600)} end`);
    expect(parts[0]).toBe('start');
    expect(parts.at(-1)).toMatch(/😀 end$/u);
    expect(parts.join('').isWellFormed()).toBe(true);
    expect(parts.slice(1).join('')).toBe(`aaa${'😀'.repeat(600)} end`);
  });

  it('turns half surrogate pairs into U+FFFD, which can be sent', () => {
    expect(splitText('a\uD83Db')).toEqual(['a\uFFFDb']);
    expect(splitText(`${'x'.repeat(1023)}\uDE00`).map(bytes)).toEqual([1023 + 0, 3]);
  });

  it('drops the white space at a cut, and no other', () => {
    const left = 'l'.repeat(1000);
    expect(splitText(`  ${left}  \n  ${'r'.repeat(100)}  s `)).toEqual([`  ${left}`, `${'r'.repeat(100)}  s `]);
  });

  it('never makes a part longer than a message, and never an empty one beside others', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const parts = splitText(text);
        expect(parts.every((part) => bytes(part) <= 1024)).toBe(true);
        expect(parts.length === 1 || parts.every((part) => part !== '')).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps every word, in order, and code points whole', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const wellFormed = text.toWellFormed();
        const parts = splitText(text);
        expect(parts.every((part) => part.isWellFormed())).toBe(true);
        expect(parts.join('').replaceAll(/\s/g, '')).toBe(wellFormed.replaceAll(/\s/g, ''));
        const whole = words(wellFormed).filter((word) => bytes(word) <= 1024);
        expect(words(parts.join(' '))).toEqual(expect.arrayContaining(whole));
      }),
      { numRuns: 50 },
    );
  });

  it('takes more room where it can: no two neighbours would have fitted into one message', () => {
    const short = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '😀'), minLength: 1, maxLength: 40 }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(short, (list) => {
        const parts = splitText(list.join(' '));
        for (const [i, part] of parts.slice(1).entries()) {
          expect(bytes(`${parts[i]!} ${words(part)[0]!}`)).toBeGreaterThan(1024);
        }
      }),
    );
  });

  it.each([
    ['an emoji of several code points', '👩‍👩‍👧‍👦'],
    ['a letter and its combining marks', 'e\u0301\u0323'],
    ['a flag', '🇫🇷'],
  ])('does not cut inside %s', (_, character) => {
    const text = `x${character.repeat(400)}`;
    const parts = splitText(text);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.join('')).toBe(text);
    for (const part of parts) expect(part.replace(/^x/, '').replaceAll(character, '')).toBe('');
  });

  it.each([
    ['one word', 'x'],
    ['many words', 'ab '],
    ['white space', ' x' + ' '.repeat(50)],
  ])('splits a megabyte of %s in good time', (_, piece) => {
    const before = performance.now();
    const parts = splitText(piece.repeat(Math.ceil(1e6 / piece.length)));
    expect(parts.length).toBeGreaterThan(900);
    expect(performance.now() - before).toBeLessThan(3_000);
  });
});
