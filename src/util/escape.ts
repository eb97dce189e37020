import { isError, messageOf } from '../errors.ts';

/** Characters that can move a terminal's cursor, change its state or reorder text. */
const UNSAFE =
  /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069\uFEFF\u{E0000}-\u{E007F}]|\p{Cs}/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u001B': '\\e' };

/**
 * Makes text from the network safe for one line of a terminal or a log: control characters, escape sequences and
 * direction overrides are written as `\e`, `\n`, `\u{202e}`.
 */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (char) => SHORT[char] ?? `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

/** A text of at most so many characters when it is written by {@link escapeUnsafe}; a longer one ends with an ellipsis. */
export function clipEscaped(text: string, maxChars: number): string {
  if (text.length <= maxChars && escapeUnsafe(text).length <= maxChars) return text;
  let chars = 0;
  let end = 0;
  for (const char of text) {
    chars += escapeUnsafe(char).length;
    // There is room for the ellipsis behind it.
    if (chars >= maxChars) break;
    end += char.length;
  }
  return `${text.slice(0, end)}…`;
}

/**
 * An object as one line of JSON, without the newline. Characters that a terminal would interpret are written as `\u`
 * escapes, which mean the same in JSON. A bigint becomes a text, an error its message.
 */
export function toJsonLine(value: object): string {
  const json = JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each === 'bigint') return String(each);
    return isError(each) ? messageOf(each) : each;
  });
  return json.replace(UNSAFE, (char) =>
    Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}
