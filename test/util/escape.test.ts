import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeUnsafe } from '../../src/util/escape.ts';

/** What moves a terminal's cursor, changes its state, ends a line, or turns text round. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/u;

describe('escapeUnsafe', () => {
  it.each([
    ['ESC', '\u001B', '\\e'],
    ['CSI as two characters', '\u001B[2J\u001B[31m', '\\e[2J\\e[31m'],
    ['CSI as one character', '\u009B2J', '\\u{9b}2J'],
    ['OSC, which sets the title', '\u001B]0;mine\u0007', '\\e]0;mine\\u{7}'],
    ['OSC as one character, ended by ST', '\u009D0;mine\u009C', '\\u{9d}0;mine\\u{9c}'],
    ['a link', '\u001B]8;;http://x\u001B\\here', '\\e]8;;http://x\\e\\here'],
    ['a new line', 'one\ntwo', 'one\\ntwo'],
    ['a carriage return', '100%\r50%', '100%\\r50%'],
    ['a tabulator', 'a\tb', 'a\\tb'],
    ['backspace, bell, NUL and DEL', '\b\u0007\0\u007F', '\\u{8}\\u{7}\\u{0}\\u{7f}'],
    ['a line separator', 'a\u2028b\u2029c\u0085d', 'a\\u{2028}b\\u{2029}c\\u{85}d'],
    ['a direction override', 'user\u202Etxt.exe', 'user\\u{202e}txt.exe'],
    ['direction isolates and marks', '\u2066a\u2069\u200F\u061C', '\\u{2066}a\\u{2069}\\u{200f}\\u{61c}'],
    ['tags, which nobody sees', 'a\u{E0041}b', 'a\\u{e0041}b'],
    ['half of a surrogate pair', 'a\uD800b', 'a\\u{d800}b'],
  ])('shows %s instead of obeying it', (_, text, shown) => {
    expect(escapeUnsafe(text)).toBe(shown);
  });

  it.each(['', 'hello', 'héllo wörld', '日本語', 'Ελλάδα', 'שלום', '👩‍👩‍👧 😀', '"quotes" \\ and / such', '\u00A0\u3000'])(
    'leaves %j as it is',
    (text) => {
      expect(escapeUnsafe(text)).toBe(text);
    },
  );

  it('lets nothing unsafe through, whatever the text', () => {
    const any = fc.string({ unit: fc.oneof(fc.nat(0x2fff), fc.nat(0x10ffff)).map((n) => String.fromCodePoint(n)) });
    fc.assert(
      fc.property(any, (text) => {
        const shown = escapeUnsafe(text);
        expect(shown).not.toMatch(UNSAFE);
        expect(shown.isWellFormed()).toBe(true);
        expect(escapeUnsafe(shown)).toBe(shown);
      }),
    );
  });
});
