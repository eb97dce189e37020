/** What could move a terminal's cursor, change its state, or show text in another order than it has. */
export const UNSAFE =
  /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069\uFEFF\u{E0000}-\u{E007F}]|\p{Cs}/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u001B': '\\e' };

/**
 * Text from the network, safe to write to a terminal or a log as part of one line: control characters, escape
 * sequences and direction overrides are shown (`\e`, `\n`, `\u{202e}`) instead of obeyed.
 */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (char) => SHORT[char] ?? `\\u{${char.codePointAt(0)!.toString(16)}}`);
}
