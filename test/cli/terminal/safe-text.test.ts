import { describe, expect, test } from 'vitest';
import { SafeText } from '../../../src/cli/terminal/safe-text.ts';

/** What is shown of the bytes, given in these chunks. */
function shown(...chunks: readonly (string | Buffer)[]): string {
  const text = new SafeText();
  return chunks.map((chunk) => text.write(Buffer.from(chunk))).join('') + text.end();
}

describe('SafeText', () => {
  test('passes text in any script, lines and tabs', () => {
    const text = 'a\tb\nzwölf Boxkämpfer\r\n日本語 🙂 e\u0301\n\n';
    expect(shown(text)).toBe(text);
  });

  test.each([
    ['a title', '\u001B]0;owned\u0007', '\\e]0;owned\\u{7}'],
    ['a colour', '\u001B[31mred', '\\e[31mred'],
    ['a control of one byte (C1)', '\u009B31m', '\\u{9b}31m'],
    ['an overwritten line', 'password:\rfooled', 'password:\\rfooled'],
    ['a return at the end', 'end\r', 'end\\r'],
    ['a backspace', 'yes\b\b\bno', 'yes\\u{8}\\u{8}\\u{8}no'],
    ['an override of the direction', '\u202Eexe', '\\u{202e}exe'],
    ['bytes that are no text', Buffer.from([0x61, 0x9b, 0xff, 0x62]), 'a\uFFFD\uFFFDb'],
    ['a character that is cut off', Buffer.from([0x61, 0xf0, 0x9f]), 'a\uFFFD'],
  ])('shows %s as text', (_, sent, expected) => {
    expect(shown(sent)).toBe(expected);
  });

  test('shows the same wherever chunks are cut', () => {
    const all = Buffer.from('ü 🙂\r\n\u001B]0;owned\u0007\u009B1m\r\u202E\tend\r');
    const expected = shown(all);
    for (let at = 0; at <= all.length; at += 1) expect(shown(all.subarray(0, at), all.subarray(at))).toBe(expected);
    expect(shown(...Array.from(all, (byte) => Buffer.from([byte])))).toBe(expected);
  });

  test('holds back no character that is whole', () => {
    const text = new SafeText();
    expect(text.write(Buffer.from('prompt> '))).toBe('prompt> ');
    expect(text.write(Buffer.from([0xc3]))).toBe('');
    expect(text.write(Buffer.from([0xbc]))).toBe('ü');
  });
});
