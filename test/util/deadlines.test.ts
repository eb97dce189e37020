import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { heapBytes } from '../support/heap.ts';
import { Deadlines } from '../../src/util/deadlines.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

function queue(ms: number) {
  const due: string[] = [];
  return { due, deadlines: new Deadlines<string>(ms, (item) => due.push(item)) };
}

test('each item runs out after its own time, by one timer', () => {
  const { due, deadlines } = queue(1000);
  deadlines.add('a');
  vi.advanceTimersByTime(400);
  deadlines.add('b');
  deadlines.add('c');
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(599);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(due).toEqual(['a']);
  vi.advanceTimersByTime(399);
  expect(due).toEqual(['a']);
  vi.advanceTimersByTime(1);
  expect(due).toEqual(['a', 'b', 'c']);
  expect(vi.getTimerCount()).toBe(0);
});

test('what is deleted does not run out, wherever it stands', () => {
  const { due, deadlines } = queue(1000);
  const [a, , c, , e] = ['a', 'b', 'c', 'd', 'e'].map((item) => deadlines.add(item));
  for (const each of [c, a, e, c, undefined]) deadlines.delete(each);
  expect(deadlines.size).toBe(2);
  vi.advanceTimersByTime(1000);
  expect(due).toEqual(['b', 'd']);
});

test('no timer is left once all are deleted', () => {
  const { deadlines } = queue(1000);
  const [a, b] = [deadlines.add('a'), deadlines.add('b')];
  deadlines.delete(a);
  deadlines.delete(b);
  expect(vi.getTimerCount()).toBe(0);
  expect(deadlines.shift()).toBeUndefined();
});

test('the one that is due next can be taken out', () => {
  const { due, deadlines } = queue(1000);
  deadlines.add('a');
  vi.advanceTimersByTime(500);
  deadlines.add('b');
  expect(deadlines.shift()).toBe('a');
  vi.advanceTimersByTime(999);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(due).toEqual(['b']);
});

test('thousands that are due at once run out over several turns of the event loop', async () => {
  vi.useRealTimers();
  const counts = [0];
  const deadlines = new Deadlines<string>(1, () => {
    counts[counts.length - 1]! += 1;
    for (const end = performance.now() + 0.1; performance.now() < end;);
  });
  for (let i = 0; i < 300; i++) deadlines.add('x');
  while (deadlines.size > 0) {
    await new Promise((resolve) => setImmediate(resolve));
    counts.push(0);
  }
  expect(Math.max(...counts)).toBeLessThanOrEqual(20);
});

test('at most 500 run out in one turn, however little time they take', () => {
  const { due, deadlines } = queue(1000);
  for (let i = 0; i < 1_200; i++) deadlines.add('x');
  for (const ran of [500, 1_000, 1_200]) {
    vi.advanceTimersToNextTimer();
    expect(due.length).toBe(ran);
  }
  expect(vi.getTimerCount()).toBe(0);
});

test('an item that is added when another runs out has all of its time', () => {
  const due: string[] = [];
  const deadlines: Deadlines<string> = new Deadlines(1000, (item) => {
    due.push(item);
    if (due.length < 3) deadlines.add('again');
  });
  deadlines.add('first');
  vi.advanceTimersByTime(1999);
  expect(due).toEqual(['first']);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(1001);
  expect(due).toEqual(['first', 'again', 'again']);
  expect(vi.getTimerCount()).toBe(0);
});

test('an infinite time never runs out', () => {
  const { due, deadlines } = queue(Infinity);
  deadlines.add('a');
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(3_600_000);
  expect(due).toEqual([]);
  expect(deadlines.size).toBe(1);
});

test('who keeps a deadline that was deleted keeps none of those that came after it', async () => {
  const deadlines = new Deadlines<number[]>(1000, () => undefined);
  const heavy = (): number[] => Array<number>(1000).fill(0);
  const kept = deadlines.add(heavy());
  const before = await heapBytes();
  let last = kept;
  for (let i = 0; i < 2_000; i++) {
    const next = deadlines.add(heavy());
    deadlines.delete(last);
    last = next;
  }
  expect(await heapBytes(before + 1024 * 1024)).toBeLessThan(before + 1024 * 1024);
  deadlines.delete(kept);
  expect(deadlines.size).toBe(1);
});

test('another time holds for those that wait, from when they were added', () => {
  const { due, deadlines } = queue(1_000);
  deadlines.add('a');
  vi.advanceTimersByTime(400);
  deadlines.add('b');
  deadlines.ms = 500;
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(99);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(due).toEqual(['a']);
  deadlines.ms = 2_000;
  vi.advanceTimersByTime(1_899);
  expect(due).toEqual(['a']);
  vi.advanceTimersByTime(1);
  expect(due).toEqual(['a', 'b']);
});

test('another time may be none, and one again', () => {
  const { due, deadlines } = queue(1_000);
  deadlines.add('a');
  deadlines.ms = Infinity;
  vi.advanceTimersByTime(10_000);
  expect(due).toEqual([]);
  deadlines.ms = 100;
  vi.advanceTimersByTime(0);
  expect(due).toEqual(['a']);
  expect(vi.getTimerCount()).toBe(0);
});

test('the others run out, too, where one is answered by an error', () => {
  const due: string[] = [];
  const deadlines = new Deadlines<string>(1000, (item) => {
    due.push(item);
    if (item === 'a') throw new Error('of a');
  });
  deadlines.add('a');
  deadlines.add('b');
  expect(() => vi.advanceTimersByTime(1000)).toThrow('of a');
  vi.advanceTimersByTime(1);
  expect(due).toEqual(['a', 'b']);
  deadlines.add('c');
  vi.advanceTimersByTime(1000);
  expect(due).toEqual(['a', 'b', 'c']);
});
