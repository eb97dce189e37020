import { Buffer } from 'node:buffer';
import process from 'node:process';
import { expect, test } from 'vitest';
import { freeBuffer } from '../../src/util/free-buffer.ts';

test('a large buffer is gone at once, however many there are', () => {
  const before = process.memoryUsage.rss();
  for (let round = 0; round < 100; round += 1) {
    const bytes = Buffer.alloc(4 * 1024 * 1024, round + 1);
    freeBuffer(bytes);
    expect(bytes.length).toBe(0);
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(30 * 1024 * 1024);
});

test('a small one, which shares its memory with others, stays', () => {
  const [one, other] = [Buffer.from('one'), Buffer.from('other')];
  expect(one.buffer).toBe(other.buffer);
  freeBuffer(one);
  expect(other.toString()).toBe('other');
});
