/** What terminals show two columns wide: the scripts of East Asia, and emoji. */
const WIDE =
  /^[\p{Emoji_Presentation}\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{18AFF}\u{1B000}-\u{1B2FF}\u{1F300}-\u{1F64F}\u{1F900}-\u{1F9FF}\u{20000}-\u{3FFFD}]/u;

/** What has no column of its own. */
const NARROW = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]+$/u;

const SEGMENTER = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** How many columns a character takes, with the marks that belong to it. */
function widthOf(character: string): number {
  if (NARROW.test(character)) return 0;
  // The selector asks for the form that is an emoji.
  return WIDE.test(character) || character.includes('\uFE0F') ? 2 : 1;
}

/** How many columns of a terminal a text takes. */
export function displayWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of SEGMENTER.segment(text)) width += widthOf(segment);
  return width;
}

/** The text in exactly so many columns: cut, with an ellipsis, or filled with spaces behind it or before it. */
export function fitWidth(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const width = displayWidth(text);
  if (width > columns) return cut(text, columns);
  const space = ' '.repeat(columns - width);
  return align === 'left' ? text + space : space + text;
}

function cut(text: string, columns: number): string {
  if (columns <= 0) return '';
  let kept = '';
  let width = 0;
  for (const { segment } of SEGMENTER.segment(text)) {
    const more = widthOf(segment);
    if (width + more > columns - 1) break;
    kept += segment;
    width += more;
  }
  return `${kept}…${' '.repeat(columns - 1 - width)}`;
}
