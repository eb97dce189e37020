/** A word of a line: what stands between white space, or in quotes. */
export interface Word {
  readonly value: string;
  /** Where it begins and ends in the line. */
  readonly start: number;
  readonly end: number;
  /** Whether it was written in quotes, so that it is no flag. */
  readonly isQuoted: boolean;
}

/** What closes a quotation that begins with a character. Phones type some of these for plain quotes. */
const CLOSING: Readonly<Record<string, string>> = { '"': '"', '“': '“”"', '„': '“”"', '”': '”"', '«': '»', '»': '«»' };
const SPACE = /\s/u;
/** What a flag begins with. Phones make one dash of two. */
const DASH = /[-—–]/;

/** Splits a line into words. In quotes, `\"` is a quote and `\\` a backslash; a quote that is not closed is a character. */
export function wordsOf(line: string): Word[] {
  const words: Word[] = [];
  for (let at = 0; at < line.length;) {
    if (SPACE.test(line[at]!)) {
      at += 1;
      continue;
    }
    const word = readWordAt(line, at);
    words.push(word);
    at = word.end;
  }
  return words;
}

function readWordAt(line: string, start: number): Word {
  const quoted = readQuoted(line, start);
  if (quoted) return { ...quoted, start, isQuoted: true };
  let end = start;
  while (end < line.length && !SPACE.test(line[end]!)) {
    end += 1;
    // The value of a flag, as in --name="a b".
    const value = line[end - 1] === '=' && DASH.test(line[start]!) ? readQuoted(line, end) : undefined;
    if (value) return { value: line.slice(start, end) + value.value, start, end: value.end, isQuoted: false };
  }
  return { value: line.slice(start, end), start, end, isQuoted: false };
}

/** The text in quotes that begins here, and ends with a word; `undefined` if there is none. */
function readQuoted(line: string, start: number): { value: string; end: number } | undefined {
  const closing = CLOSING[line[start] ?? ''];
  if (closing === undefined) return undefined;
  let value = '';
  for (let at = start + 1; at < line.length; at += 1) {
    const character = line[at]!;
    const next = line[at + 1];
    if (character === '\\' && next !== undefined && (next === '\\' || closing.includes(next) || next in CLOSING)) {
      value += next;
      at += 1;
    } else if (closing.includes(character) && (next === undefined || SPACE.test(next))) {
      return { value, end: at + 1 };
    } else {
      value += character;
    }
  }
  return undefined;
}
