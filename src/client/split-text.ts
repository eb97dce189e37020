import { MAX_MESSAGE_BYTES } from '../protocol/limits.ts';

/**
 * Cuts a text into messages of at most `maxBytes` bytes of UTF-8: at the last white space if there is any, else between
 * two characters as people see them. White space at a cut is dropped, unless there is nothing else. Half surrogate pairs
 * become U+FFFD, as they have no UTF-8.
 */
export function splitText(text: string, maxBytes: number = MAX_MESSAGE_BYTES): string[] {
  let rest = text.toWellFormed();
  if (Buffer.byteLength(rest) <= maxBytes) return [rest];
  const parts: string[] = [];
  for (;;) {
    const cut = prefixLength(rest, maxBytes);
    if (cut === rest.length) break;
    const head = rest.slice(0, cut);
    // A space right behind the prefix is as good a place as one inside it.
    const space = /\s/.test(rest[cut]!) ? cut : head.search(/\s\S*$/);
    const end = space > 0 ? space : graphemeStart(rest, cut);
    const part = rest.slice(0, end).trimEnd();
    if (part !== '') parts.push(part);
    rest = space > 0 ? rest.slice(end).trimStart() : rest.slice(end);
  }
  if (rest !== '') parts.push(rest);
  if (parts.length === 0) parts.push(text.slice(0, prefixLength(text, maxBytes)));
  return parts;
}

/** Made when a text is first cut within a word: it takes as long as a tenth of the start of a bot. */
let graphemes: Intl.Segmenter | undefined;
/** What of the next message is looked at to see whether its first character began before the cut. */
const LOOK_AHEAD = 64;

/** The last place, not after `cut`, between two characters as people see them; `cut` itself where there is none. */
function graphemeStart(text: string, cut: number): number {
  graphemes ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return graphemes.segment(text.slice(0, cut + LOOK_AHEAD)).containing(cut)?.index || cut;
}

/** How many UTF-16 units of the text fit into so many bytes, code points kept whole. */
function prefixLength(text: string, maxBytes: number): number {
  let bytes = 0;
  let length = 0;
  for (const char of text) {
    bytes += Buffer.byteLength(char);
    if (bytes > maxBytes) break;
    length += char.length;
  }
  return length;
}
