import { readFileSync } from 'node:fs';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { expect, it } from 'vitest';
import { makeCode, parseCode } from '../../../src/transfer/secure/codes.ts';
import { makeSecret, parseSecret } from '../../../src/transfer/secure/secret.ts';

it('a code is a number and two words of a list', () => {
  const { text, number, words } = makeCode(7);
  expect(text).toBe(`7-${words}`);
  expect(number).toBe(7);
  for (const word of words.split('-')) expect(wordlist).toContain(word);
  expect(parseCode(text)).toEqual({ text, number, words });
});

it('a code without a number is two words', () => {
  expect(makeCode().text).toMatch(/^[a-z]+-[a-z]+$/);
  expect(parseCode('velvet-orange')).toEqual({ text: 'velvet-orange', number: undefined, words: 'velvet-orange' });
});

it('codes differ', () => {
  expect(new Set(Array.from({ length: 100 }, () => makeCode().words)).size).toBeGreaterThan(95);
});

it.each([
  '7-Velvet-ORANGE',
  ' 7 velvet orange ',
  '7.velvet.orange',
  '7_velvet_orange',
  '7‐velvet–orange',
  '7--velvet-orange\n',
  '7-velv-oran',
  '7-vel-ora',
  '07-velvet-orange',
])('a code is understood as %j', (typed) => {
  expect(parseCode(typed)).toEqual({ text: '7-velvet-orange', number: 7, words: 'velvet-orange' });
});

it('a word that begins another one is itself', () => {
  expect(parseCode('act-car').words).toBe('act-car');
});

it.each([
  ['', 'expected two words'],
  ['7', 'expected two words'],
  ['velvet', 'expected two words'],
  ['7-velvet-orange-zoo', 'expected two words'],
  ['0-velvet-orange', 'its number must be 1 to 999999'],
  ['1000000-velvet-orange', 'its number must be 1 to 999999'],
  ['7-velvet-v', 'its second word is too short'],
  ['7-velvet-otherwise', 'its second word is not one that codes are made of'],
  ['7-velvte-orange', 'its first word is not one that codes are made of'],
  ['velvet-7-orange', 'expected two words'],
])('%j is no code', (typed, why) => {
  expect(() => parseCode(typed)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  expect(() => parseCode(typed)).toThrow(why);
});

it.each(['README.md', 'docs/files.md', 'docs/cli.md', 'src/transfer/secure/codes.ts'])(
  'codes in %s are codes',
  (file) => {
    const codes = readFileSync(file, 'utf8').match(/\b7-[a-z]+-[a-z]+\b/g)!;
    expect(codes.map((code) => parseCode(code).text)).toEqual(codes);
  },
);

it('what is wrong with a code is said without its words', () => {
  expect(() => parseCode('7-velvet-oragne')).toThrow(/^(?!.*(velvet|oragne))/);
});

it('a secret is a line of text with 256 bits', () => {
  const line = makeSecret();
  expect(line).toMatch(/^chatosbot-secret-[\w-]{43}$/);
  const secret = parseSecret(` ${line}\r\n`);
  expect(secret).toMatchObject({ kind: 'key', key: expect.objectContaining({ length: 32 }) });
  expect(makeSecret()).not.toBe(line);
});

it.each([
  ['', 'it is empty'],
  ['password', 'it is something else'],
  [makeSecret().slice(0, -1), 'it is not whole'],
  [`${makeSecret()} ${makeSecret()}`, 'it is not whole'],
])('what is no secret is refused, and not shown', (text, why) => {
  expect(() => parseSecret(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  expect(() => parseSecret(text)).toThrow(why);
  expect(() => parseSecret(text)).not.toThrow(text || 'none');
});
