import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loginKey, loginProblem } from '../../src/protocol/index.ts';

function codePoint(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

function named(characters: Iterable<string>): { name: string; character: string }[] {
  return Array.from(characters, (character) => ({ name: codePoint(character), character }));
}

const C0_AND_DELETE = Array.from({ length: 32 }, (_, i) => String.fromCharCode(i)).concat('\u007f');
const C1 = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0x80 + i));
/** Embeddings, overrides and isolates: what can make a login look like another one. */
const BIDIRECTIONAL = '\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069';
/** Zero-width, fillers, selectors, tags, and symbols without ink. */
const UNSEEN =
  '\u00ad\u034f\u115f\u17b4\u180b\u180e\u200b\u200c\u200d\u2060\u2064\u2065\u2800\u3164\ufe0f\ufeff\uffa0\ufff0\ufffc' +
  '\u{13441}\u{16fe4}\u{1bca0}\u{1d159}\u{1d173}\u{e0001}\u{e0061}\u{e0100}';
const WHITE_SPACE = ' \u00a0\u1680\u2000\u2003\u2009\u200a\u202f\u205f\u3000';

/** Any text, with more than its share of the characters that the rules name. */
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...C0_AND_DELETE, ...C1, ...Array.from(BIDIRECTIONAL + UNSEEN + WHITE_SPACE)),
    fc.constantFrom('a', 'é', '\u0301', '😀'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 10,
});

describe('loginProblem', () => {
  it.each([
    'alice',
    'a',
    'Zoé',
    'e\u0301',
    '山田太郎',
    'مريم',
    'דוד',
    '😀',
    '👩🚀',
    'नमस्ते',
    'ไม้',
    'a b',
    '-',
    '0',
    'x'.repeat(30),
    'é'.repeat(15),
    '😀'.repeat(7) + 'é',
  ])('[P7] has nothing against %j', (login) => {
    expect(loginProblem(login)).toBeUndefined();
  });

  it('[P7] objects to an empty login', () => {
    expect(loginProblem('')).toMatch(/empty/);
  });

  it.each(['x'.repeat(31), 'é'.repeat(16), '😀'.repeat(8), 'x'.repeat(1024)])(
    '[P6] objects to more than 30 bytes, counted in UTF-8: %s',
    (login) => {
      expect(loginProblem(login)).toMatch(`${Buffer.byteLength(login)} bytes`);
    },
  );

  it.each(named([...C0_AND_DELETE, ...C1]))('[P7] objects to the control character $name anywhere', ({ character }) => {
    for (const login of [character, `${character}a`, `a${character}`, `a${character}b`]) {
      expect(loginProblem(login)).toMatch(/control/);
    }
  });

  it.each(named(BIDIRECTIONAL))('[P7] objects to the direction-changing $name anywhere', ({ character }) => {
    for (const login of [character, `${character}a`, `a${character}`, `a${character}b`]) {
      expect(loginProblem(login)).toMatch(/direction/);
    }
  });

  it.each(named(WHITE_SPACE))('[P7] objects to the white space $name at either end, not inside', ({ character }) => {
    for (const login of [character, `${character}a`, `a${character}`, `${character}a${character}`]) {
      expect(loginProblem(login)).toMatch(/white space/);
    }
    expect(loginProblem(`a${character}b`)).toBeUndefined();
  });

  it.each(named(UNSEEN))('[P7] objects to $name anywhere, which nobody can see', ({ name, character }) => {
    for (const login of [character, `${character}a`, `a${character}`, `a${character}b`]) {
      expect(loginProblem(login)).toBe(`it has ${name}, which nobody can see`);
    }
  });

  it.each([
    ['format', '\u0600'],
    ['format', '\u{110bd}'],
    ['private-use', '\ue000'],
    ['private-use', '\u{10fffd}'],
    ['no character', '\u0378'],
    ['no character', '\ufdd0'],
    ['no character', '\u{10ffff}'],
  ])('[P7] objects to what is a %s character (%j)', (what, character) => {
    for (const login of [character, `a${character}`, `a${character}b`]) expect(loginProblem(login)).toMatch(what);
  });

  it.each(named('\u0301\u0e31\u093f\u20dd\u{1d165}'))(
    '[P7] objects to the combining $name at the beginning, not behind a letter',
    ({ name, character }) => {
      expect(loginProblem(character)).toMatch(`begins with ${name}`);
      expect(loginProblem(`${character}a`)).toMatch(`begins with ${name}`);
      expect(loginProblem(`a${character}`)).toBeUndefined();
    },
  );

  it.each(['\ud83d', 'a\ude00', '\ude00\ud83d'])('[RFC] objects to %j, which UTF-8 cannot carry', (login) => {
    expect(loginProblem(login)).toMatch(/surrogate/);
  });

  it('[P7] answers whatever text it is asked about', () => {
    fc.assert(
      fc.property(anyText, (login) => {
        const problem = loginProblem(login);
        const isAllowed =
          login !== '' &&
          Buffer.byteLength(login) <= 30 &&
          !/[\p{C}\p{DI}\u2028\u2029\u2800\ufffc\u{13441}\u{13442}\u{16fe4}\u{1d159}]|^\p{M}/u.test(login) &&
          !/^\s|\s$/u.test(login);
        expect(problem === undefined).toBe(isAllowed);
      }),
      { numRuns: 500 },
    );
  });
});

describe('loginKey', () => {
  it.each([
    ['é', 'e\u0301'],
    ['Å', 'A\u030a'],
    ['Å', '\u212b'],
    ['한', '\u1112\u1161\u11ab'],
    ['ệ', 'e\u0302\u0323'],
    ['ệ', 'e\u0323\u0302'],
  ])('[P7] is the same for two spellings of %s', (composed, other) => {
    expect(other).not.toBe(composed);
    expect(loginKey(other)).toBe(loginKey(composed));
  });

  it.each([
    ['alice', 'Alice'],
    ['é', 'e'],
    ['ß', 'ss'],
    ['ﬁ', 'fi'],
    ['１', '1'],
    ['a', 'а'],
    ['a b', 'ab'],
  ])('[P7] differs for %s and %s: case, accents and look-alikes count', (one, other) => {
    expect(loginKey(one)).not.toBe(loginKey(other));
  });

  it('[P7] is the key of itself, whatever the login', () => {
    fc.assert(
      fc.property(anyText, (login) => {
        const key = loginKey(login);
        expect(loginKey(key)).toBe(key);
        expect(loginKey(login.normalize('NFD'))).toBe(key);
      }),
    );
  });
});
