import { describe, expect, it } from 'vitest';
import { closest } from '../../src/util/closest.ts';
import {
  formatBytes,
  formatDuration,
  formatSeconds,
  formatSpan,
  inNumber,
  truncate,
} from '../../src/util/printable.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [1024 ** 2, '1.0 MiB'],
    [1.5 * 1024 ** 2, '1.5 MiB'],
    [1024 ** 3 - 1, '1.0 GiB'],
    [5 * 1024 ** 3, '5.0 GiB'],
    [1024 ** 4, '1.0 TiB'],
    [5000 * 1024 ** 4, '5000.0 TiB'],
  ])('says %i as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatSpan', () => {
  it.each([
    [-5_000, '0 s'],
    [999, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_599_999, '59 min'],
    [3_600_000, '1 h'],
    [11_520_000, '3 h 12 min'],
    [86_399_999, '23 h 59 min'],
    [86_400_000, '1 d'],
    [100 * 86_400_000 + 3 * 3_600_000, '100 d 3 h'],
  ])('says %i ms as %s', (ms, text) => {
    expect(formatSpan(ms)).toBe(text);
  });
});

describe('formatSeconds', () => {
  it.each([
    [2_000, '2 s'],
    [1_999.999_199, '2 s'],
    [1_250, '1.25 s'],
    [299.999_7, '0.3 s'],
    [5, '0.005 s'],
  ])('says %d ms as %s', (ms, text) => {
    expect(formatSeconds(ms)).toBe(text);
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0.0 s'],
    [49, '0.0 s'],
    [400, '0.4 s'],
    [9_949, '9.9 s'],
    [10_000, '10 s'],
    [12_345, '12 s'],
    [59_499, '59 s'],
    [59_500, '1:00'],
    [187_000, '3:07'],
    [3_599_499, '59:59'],
    [3_599_500, '1:00:00'],
    [3_727_000, '1:02:07'],
    [100 * 3_600_000, '100:00:00'],
  ])('says %i ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('closest', () => {
  const words = ['server', 'login', 'bots', 'policy', 'announcements', 'to'];

  it.each([
    ['sever', 'server'],
    ['serverr', 'server'],
    ['LOGIN', 'login'],
    ['lgoin', 'login'],
    ['logn', 'login'],
    ['bot', 'bots'],
    ['polcy', 'policy'],
    ['anouncement', 'announcements'],
    ['ot', 'to'],
    ['too', 'to'],
    ['', undefined],
    ['something else', undefined],
    ['policy', 'policy'],
  ])('finds for %j: %j', (word, found) => {
    expect(closest(word, words)).toBe(found);
  });

  it('prefers the word that is nearer, and of equals the first', () => {
    expect(closest('cats', ['carts', 'cat', 'cats'])).toBe('cats');
    expect(closest('cas', ['cat', 'car'])).toBe('cat');
    expect(closest('anything', [])).toBeUndefined();
  });

  it('finds nothing of which not one letter is as it was', () => {
    expect(closest('x', ['y'])).toBeUndefined();
  });
});

it.each([
  [1, 'line{s} {was|were} lost', 'line was lost'],
  [2, 'line{s} {was|were} lost', 'lines were lost'],
  [0, '{it was|they were} of none', 'they were of none'],
  [1, '{it was|they were} of none', 'it was of none'],
])('of %i, %j is %j', (count, text, said) => {
  expect(inNumber(count, text)).toBe(said);
});

it('a message of 1,000 characters is shown whole, and a longer one is cut', () => {
  const longest = 'x'.repeat(1_000);
  expect([truncate(longest), truncate(`${longest}y`)]).toEqual([longest, `${longest}…`]);
});
