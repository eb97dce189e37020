import { MAX_MESSAGE_BYTES } from '../protocol/limits.ts';

/**
 * Cuts a text into messages of at most `maxBytes` bytes of UTF-8: at the last white space where there is one, else
 * between two characters. The white space at a cut is dropped. Half surrogate pairs become U+FFFD, as they have no UTF-8.
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
    const end = space > 0 ? space : cut;
    const part = rest.slice(0, end).trimEnd();
    if (part !== '') parts.push(part);
    rest = space > 0 ? rest.slice(end).trimStart() : rest.slice(end);
  }
  if (rest !== '' || parts.length === 0) parts.push(rest);
  return parts;
}

/** How many UTF-16 units of the text fit into so many bytes, code points kept whole, one at the least. */
function prefixLength(text: string, maxBytes: number): number {
  let bytes = 0;
  let length = 0;
  for (const char of text) {
    bytes += Buffer.byteLength(char);
    if (bytes > maxBytes && length > 0) break;
    length += char.length;
    if (bytes > maxBytes) break;
  }
  return length;
}
