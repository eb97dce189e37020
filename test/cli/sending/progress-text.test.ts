import { describe, expect, test } from 'vitest';
import { progressText } from '../../../src/cli/sending/progress-text.ts';
import { displayWidth } from '../../../src/cli/terminal/width.ts';

const PROGRESS = {
  path: 'photos/2024/summer.jpg',
  fileBytes: 50_000,
  fileSize: 100_000,
  bytes: 300_000_000,
  entries: 12,
};
const TOTALS = { bytes: 1_000_000_000, entries: 40 };

describe('the progress of a transfer', () => {
  test('is of all files and of the one that is under way, with rate and time left', () => {
    expect(progressText(PROGRESS, TOTALS, 10_000_000, 120)).toBe(
      '30 %, 286.1 MiB of 953.7 MiB, 9.5 MiB/s, 1:10 left, 12/40, photos/2024/summer.jpg 50 %',
    );
  });

  test('of one file names it once', () => {
    expect(progressText({ ...PROGRESS, entries: 0 }, { ...TOTALS, entries: 1 }, 0, 120)).toBe(
      '30 %, 286.1 MiB of 953.7 MiB, 0 B/s, photos/2024/summer.jpg',
    );
  });

  test.each([0, 1, 2, 5, 10, 20, 40, 80, 200])('never takes more than %i columns', (columns) => {
    const paths = [PROGRESS.path, '文件/写真 😀 '.repeat(20), '\u001B[2J\n', undefined];
    for (const path of paths) {
      const line = progressText({ ...PROGRESS, path }, TOTALS, 1_234_567, columns);
      expect(displayWidth(line)).toBeLessThanOrEqual(Math.max(columns - 1, 0));
      expect(line).not.toContain('\u001B');
    }
  });

  test('says what has come, and how fast, on 40 columns', () => {
    expect(progressText(PROGRESS, TOTALS, 10_000_000, 40)).toBe('30 %, 286.1 MiB of 953.7 MiB, 9.5 MiB/s');
  });

  test('says most on 20 columns', () => {
    expect(progressText(PROGRESS, TOTALS, 10_000_000, 20)).toBe('30 %, 9.5 MiB/s');
  });
});
