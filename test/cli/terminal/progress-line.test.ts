import { describe, expect, test } from 'vitest';
import {
  eraseLine,
  figuresBetween,
  progressLine,
  summaryLine,
  type ProgressFigures,
} from '../../../src/cli/terminal/progress-line.ts';

const MiB = 1024 ** 2;

const SENDING: ProgressFigures = {
  sent: 300.5 * MiB,
  received: 0,
  total: 1000 * MiB,
  sentPerSecond: 50.5 * MiB,
  receivedPerSecond: 0,
  elapsedMs: 62_000,
};

const RECEIVING: ProgressFigures = {
  sent: 12,
  received: 1023.9 * MiB,
  sentPerSecond: 0,
  receivedPerSecond: 1023.9 * MiB,
  elapsedMs: 3_600_000,
};

describe('the line of a transfer that goes on', () => {
  test.each([
    [80, 'sent 300.5 MiB, 50.5 MiB/s, 30 %, 14 s left, 1:02'],
    [40, 'sent 300.5 MiB, 50.5 MiB/s, 30 %'],
    [20, '300.5 MiB, 30 %'],
    [16, '300.5 MiB, 30 %'],
    [15, '300.5 MiB'],
  ])('of a known size, on %i columns', (columns, expected) => {
    expect(progressLine(SENDING, columns)).toBe(expected);
  });

  test.each([
    [80, 'received 1023.9 MiB, 1023.9 MiB/s, sent 12 B, 1:00:00'],
    [40, 'received 1023.9 MiB, 1023.9 MiB/s'],
    [20, '1023.9 MiB'],
  ])('shows first what moves, on %i columns', (columns, expected) => {
    expect(progressLine(RECEIVING, columns)).toBe(expected);
  });

  test('keeps bytes and rate on 20 columns where they fit', () => {
    const figures = { ...SENDING, sent: 3 * MiB, sentPerSecond: 9.5 * MiB };
    expect(progressLine({ ...figures, total: undefined }, 20)).toBe('3.0 MiB, 9.5 MiB/s');
    expect(progressLine(figures, 20)).toBe('3.0 MiB, 0 %');
  });

  test('never fills the last column', () => {
    for (let columns = 1; columns < 100; columns += 1) {
      for (const figures of [SENDING, RECEIVING]) {
        expect(progressLine(figures, columns).length).toBeLessThan(columns);
      }
    }
  });

  test('says how much of a known size is there while nothing moves, without a guess when it ends', () => {
    expect(progressLine({ ...SENDING, sentPerSecond: 0 }, 80)).toBe('sent 300.5 MiB, 0 B/s, 30 %, 1:02');
  });

  test('has no share of an input that is sent whole, has grown, or is empty', () => {
    expect(progressLine({ ...SENDING, total: 300 * MiB }, 80)).toBe('sent 300.5 MiB, 50.5 MiB/s, 1:02');
    expect(progressLine({ ...SENDING, total: SENDING.sent }, 80)).toBe('sent 300.5 MiB, 50.5 MiB/s, 1:02');
    expect(progressLine({ ...SENDING, sent: 0, total: 0 }, 80)).toBe('sent 0 B, 50.5 MiB/s, 1:02');
  });
});

test('the line that stays has both directions, and what was left', () => {
  const figures = { ...SENDING, received: 6 };
  expect(summaryLine(figures)).toBe('sent 300.5 MiB, received 6 B, 50.5 MiB/s, 1:02, 30 %, 14 s left');
  expect(summaryLine({ ...figures, total: undefined })).toBe('sent 300.5 MiB, received 6 B, 50.5 MiB/s, 1:02');
});

test('no figure is negative, whatever was counted', () => {
  const at = (ms: number, sent: number, received: number) => ({ at: ms, sent, received });
  expect(figuresBetween(at(0, 40, 40), at(1000, 0, 3))).toEqual({
    sent: 0,
    received: 3,
    sentPerSecond: 0,
    receivedPerSecond: 0,
  });
  expect(figuresBetween(at(5, 0, 0), at(5, -1, 2))).toEqual({
    sent: 0,
    received: 2,
    sentPerSecond: 0,
    receivedPerSecond: 2000,
  });
});

test('a line that a narrower terminal has wrapped is erased with all its rows', () => {
  expect(eraseLine(0, 20)).toBe('\r\u001B[K');
  expect(eraseLine(19, 20)).toBe('\r\u001B[K');
  expect(eraseLine(41, 20)).toBe('\r\u001B[2A\u001B[J');
});
