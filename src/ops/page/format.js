/** Numbers and texts as the page shows them. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/**
 * A number and its unit: `['1.5', 'MiB']`.
 *
 * @param {number} value
 * @param {string} unit count, bytes or seconds
 * @param {string} per value or per second
 * @returns {[number: string, unit: string]}
 */
export function amount(value, unit, per = 'value') {
  const rate = per === 'per second' ? '/s' : '';
  if (unit === 'seconds') return value >= 1 ? [short(value), 's'] : [short(value * 1000), 'ms'];
  if (unit !== 'bytes') return [short(value), rate];
  let size = value;
  let power = 0;
  // 1.0 of the next unit instead of 1024.
  while (size >= (power === 0 ? 1023.5 : 1023.95) && power < BYTE_UNITS.length - 1) {
    size /= 1024;
    power += 1;
  }
  return [power === 0 ? String(Math.round(size)) : short(size), `${BYTE_UNITS[power]}${rate}`];
}

/** @param {number} value */
function short(value) {
  if (value === 0) return '0';
  if (value < 0.1) return '<0.1';
  if (value < 100 && !Number.isInteger(value)) return value.toFixed(1).replace(/\.0$/, '');
  return grouped(Math.round(value));
}

/**
 * `12 345`, with narrow spaces that do not break.
 *
 * @param {number} value
 */
export function grouped(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/**
 * A rough length of time: `45 s`, `12 min`, `3 h 12 min`, `4 d 3 h`.
 *
 * @param {number} ms
 */
export function span(ms) {
  const seconds = Math.max(Math.floor(ms / 1000), 0);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(seconds / 3600);
  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return `${minutes} min`;
  const [big, small] =
    hours < 24 ? [`${hours} h`, `${minutes % 60} min`] : [`${Math.floor(hours / 24)} d`, `${hours % 24} h`];
  return small.startsWith('0 ') ? big : `${big} ${small}`;
}

/**
 * Text from the network: what would reorder text, or cannot be seen, is written out.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (char) =>
    // It joins emoji.
    char === '\u200d' ? char : `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
}
