import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesLogin } from '../../src/policy/login-glob.ts';

/** The same by the shortest means: a regular expression, which a hostile pattern would slow down. */
function matchesNaively(pattern: string, login: string): boolean {
  const source = Array.from(pattern.normalize('NFC'))
    .map((char) => (char === '*' ? '.*' : char === '?' ? '.' : char.replace(/[\\^$.*+?()[\]{}|/-]/u, String.raw`\$&`)))
    .join('');
  return new RegExp(`^${source}$`, 'su').test(login.normalize('NFC'));
}

describe('matchesLogin', () => {
  it.each([
    ['alice', 'alice', true],
    ['alice', 'alice2', false],
    ['alice', 'malice', false],
    ['alice', 'Alice', false],
    ['alice', '', false],
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anybody', true],
    ['ops-*', 'ops-7', true],
    ['ops-*', 'ops-', true],
    ['ops-*', 'ops', false],
    ['*-ops', 'night-ops', true],
    ['*-ops', 'night-ops-2', false],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'a1b2b3c', true],
    ['a*b*c', 'acb', false],
    ['*ab', 'aab', true],
    ['*aab', 'aaaab', true],
    ['**', 'x', true],
    ['a**b', 'ab', true],
    ['?', 'x', true],
    ['?', '', false],
    ['?', 'xy', false],
    ['?', '😀', true],
    ['user-??', 'user-42', true],
    ['user-??', 'user-7', false],
    ['*?', '', false],
    ['?*', 'x', true],
    ['a.c', 'abc', false],
    ['a.c', 'a.c', true],
    ['[ab]', 'a', false],
    ['[ab]', '[ab]', true],
    ['a+', 'aa', false],
    ['a\\*', 'a*', false],
    ['two words', 'two words', true],
  ])('%j on %j: %s', (pattern, login, expected) => {
    expect(matchesLogin(pattern, login)).toBe(expected);
  });

  it('[P7] compares as logins are compared: composed and decomposed characters are the same', () => {
    expect(matchesLogin('Ren\u00E9', 'Rene\u0301')).toBe(true);
    expect(matchesLogin('Rene\u0301*', 'Ren\u00E9e')).toBe(true);
    expect(matchesLogin('Ren?', 'Rene\u0301')).toBe(true);
  });

  it('decides as a regular expression does', () => {
    const text = (chars: string) => fc.string({ unit: fc.constantFrom(...Array.from(chars)), maxLength: 9 });
    fc.assert(
      fc.property(text('ab.\\[é😀*?*?'), text('ab.\\[é😀'), (pattern, login) => {
        expect(matchesLogin(pattern, login)).toBe(matchesNaively(pattern, login));
      }),
      { numRuns: 2_000 },
    );
  });

  it('matches every login that a pattern was made from by wildcards', () => {
    const part = fc.record({ text: fc.string({ maxLength: 5 }), wild: fc.constantFrom('*', 'keep') });
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const login = parts.map(({ text }) => text.replaceAll(/[*?]/g, '-')).join('');
        const pattern = parts.map(({ text, wild }) => (wild === '*' ? '*' : text.replaceAll(/[*?]/g, '-'))).join('');
        expect(matchesLogin(pattern, login)).toBe(true);
      }),
    );
  });

  it.each([
    ['a*'.repeat(15) + 'b', 'a'.repeat(30)],
    ['*a'.repeat(5_000) + 'b', 'a'.repeat(20_000)],
    ['*'.repeat(20_000) + 'b', 'a'.repeat(20_000)],
    [`${'a*'.repeat(50)}b`, 'a'.repeat(20_000)],
    [`*${'a'.repeat(1_000)}b`, 'a'.repeat(10_000)],
  ])('finishes at once on a hostile pattern (%#)', (pattern, login) => {
    const before = process.cpuUsage();
    expect(matchesLogin(pattern, login)).toBe(false);
    // What others take of the processor meanwhile is not its fault.
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
  });
});
