import type { LineCounter } from 'yaml';

/** As far as it is used of what the parser reports. */
interface ParseError {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [number, number];
}

/** What to do about errors that the parser reports in words of its own. */
const IN_PLAIN_WORDS: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'a second document begins here: a configuration is one, so remove the line ---',
  TAB_AS_INDENT: 'tabs cannot indent in YAML: use spaces',
  DUPLICATE_KEY: 'this key is there twice: remove one of them',
  BLOCK_AS_IMPLICIT_KEY:
    'a second key is in this value: put a text with ": " in it in quotes, or correct the indentation',
};
/** What the parser reports once more of a line where it is lost. */
const FOLLOWS = new Set(['UNEXPECTED_TOKEN', 'MULTILINE_IMPLICIT_KEY']);
/** A value without quotes that begins as an alias does, and goes on. */
const STARS = /(?:: +|- +)(\*[^\s,}\]]* [^,}\]#\n]*)/y;

/** What the parser has found, in words that say what to do; once for each line where one error leads to others. */
export function inPlainWords(
  errors: readonly ParseError[],
  content: string,
  lines: LineCounter,
): { offset: number; message: string }[] {
  const seen = new Set<number>();
  return errors.flatMap(({ code, message, pos: [offset] }) => {
    const { line } = lines.linePos(offset);
    if (seen.has(line) && FOLLOWS.has(code)) return [];
    seen.add(line);
    const stars = starsAt(content, offset);
    if (stars) return [{ offset: stars.offset, message: `a text that begins with * needs quotes: '${stars.text}'` }];
    const hint = code === 'BAD_SCALAR_START' ? ': put the text in quotes' : '';
    return [{ offset, message: IN_PLAIN_WORDS[code] ?? `${message}${hint}` }];
  });
}

/** A cron expression without quotes around an error. */
function starsAt(content: string, offset: number): { offset: number; text: string } | undefined {
  if (content[offset] !== '*') return undefined;
  const start = content.lastIndexOf('\n', offset) + 1;
  for (let at = start; at < offset; at++) {
    STARS.lastIndex = at;
    const [found, text] = STARS.exec(content) ?? [];
    if (found !== undefined && text !== undefined && at + found.length > offset) {
      return { offset: at + found.length - text.length, text: text.trimEnd() };
    }
  }
  return undefined;
}

/** What looks like a space, or like nothing. */
const ODD_SPACE = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u2060\u3000\uFEFF]/;

/** The first character of each of these lines that only looks like a space. */
export function oddSpaces(content: string, lines: Iterable<number>): { offset: number; message: string }[] {
  // A mark of the byte order may be at the beginning.
  const starts = [content.startsWith('\uFEFF') ? 1 : 0, ...[...content.matchAll(/\n/g)].map(({ index }) => index + 1)];
  return [...new Set(lines)].flatMap((line) => {
    const start = starts[line - 1] ?? content.length;
    const at = content.slice(start, starts[line]).search(ODD_SPACE);
    if (at < 0) return [];
    const code = content
      .charCodeAt(start + at)
      .toString(16)
      .toUpperCase()
      .padStart(4, '0');
    return [{ offset: start + at, message: `the character U+${code} is here, which YAML does not take for a space` }];
  });
}
