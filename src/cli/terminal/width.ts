import { eastAsianWidth } from 'get-east-asian-width';

/** What has no column of its own. */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Mn}\p{Me}]/u;

/** Marks that stand beside their letter, and the voice marks of the half-width kana. */
const BESIDE = /[\p{Mc}\uFF9E\uFF9F]/u;

/** An emoji by what follows its first character: the selector of that form, the frame of a key, the other half of a flag. */
const EMOJI_SEQUENCE = /\uFE0F|\u20E3|^\p{Regional_Indicator}{2}/u;

/** Emoji that are joined to one. */
const JOINED_EMOJI = /\p{Extended_Pictographic}.*\u200D.*\p{Extended_Pictographic}/u;

let segmenter: Intl.Segmenter | undefined;

/** The text by characters with their marks. The segmenter is made where it is needed: that takes 20 ms. */
function segments(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return segmenter.segment(text);
}

/** How many columns a character takes, with the marks that belong to it. */
function widthOf(character: string): number {
  if (EMOJI_SEQUENCE.test(character) || JOINED_EMOJI.test(character)) return 2;
  let width = 0;
  for (const part of character) {
    if (UNSEEN.test(part)) continue;
    // Of what follows, most is drawn over the first: the vowels of a Korean syllable, the tone of a skin.
    if (width === 0 || BESIDE.test(part)) width += eastAsianWidth(part.codePointAt(0)!);
  }
  return width;
}

/** How many columns of a terminal a text takes. */
export function displayWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segments(text)) width += widthOf(segment);
  return width;
}

/** The text in exactly so many columns: cut, with an ellipsis, or filled with spaces behind it or before it. */
export function fitWidth(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const width = displayWidth(text);
  if (width > columns) return cut(text, columns);
  const space = ' '.repeat(columns - width);
  return align === 'left' ? text + space : space + text;
}

/** The text in rows of at most so many columns: those behind the first begin with the indent. */
export function hangingRows(text: string, columns: number, indent: string): string[] {
  const rows: string[] = [];
  let row = '';
  let width = 0;
  for (const { segment } of segments(text)) {
    const more = widthOf(segment);
    if (width + more > columns) {
      rows.push(row);
      [row, width] = [indent, indent.length];
    }
    row += segment;
    width += more;
  }
  return [...rows, row];
}

/** The words of a text in rows of at most so many columns; there is one at least. */
export function wrappedWords(text: string, columns: number): string[] {
  const rows: string[] = [];
  let row: string | undefined;
  for (const word of text.split(' ')) {
    const longer: string = row === undefined ? word : `${row} ${word}`;
    if (row === undefined || displayWidth(longer) <= columns) {
      row = longer;
      continue;
    }
    rows.push(row);
    row = word;
  }
  return [...rows, row ?? ''].flatMap((each) => (displayWidth(each) > columns ? hangingRows(each, columns, '') : each));
}

function cut(text: string, columns: number): string {
  if (columns <= 0) return '';
  let kept = '';
  let width = 0;
  for (const { segment } of segments(text)) {
    const more = widthOf(segment);
    if (width + more > columns - 1) break;
    kept += segment;
    width += more;
  }
  return `${kept}…${' '.repeat(columns - 1 - width)}`;
}
