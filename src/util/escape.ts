/** Characters that can move a terminal's cursor, change its state or reorder text. */
export const UNSAFE =
  /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069\uFEFF\u{E0000}-\u{E007F}]|\p{Cs}/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u001B': '\\e' };

/**
 * Makes text from the network safe for one line of a terminal or a log: control characters, escape sequences and
 * direction overrides are written as `\e`, `\n`, `\u{202e}`.
 */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (char) => SHORT[char] ?? `\\u{${char.codePointAt(0)!.toString(16)}}`);
}
