import { expect, onTestFinished, test, vi } from 'vitest';
import { HeldBytes } from '../../src/net/held-bytes.ts';

test('bytes that come one by one are kept in order, in at most twice their memory', () => {
  const held = new HeldBytes();
  const bytes = Buffer.from(Array.from({ length: 60_000 }, (_, i) => i % 251));
  for (let i = 0; i < bytes.length; i++) held.append(bytes.subarray(i, i + 1));
  expect(held.length).toBe(60_000);
  const taken = held.take();
  expect(taken.equals(bytes)).toBe(true);
  expect(taken.buffer.byteLength).toBeLessThanOrEqual(120_000);
  expect([held.length, held.take().length]).toEqual([0, 0]);
});

test('bytes that come one by one are copied a few times each, not all at every byte', () => {
  const allocations = vi.spyOn(Buffer, 'allocUnsafeSlow');
  onTestFinished(() => allocations.mockRestore());
  const held = new HeldBytes();
  for (let i = 0; i < 60_000; i++) held.append(Buffer.from('x'));
  expect(allocations.mock.calls.length).toBeLessThan(10);
});

test('bytes that were taken stay as they are', () => {
  const held = new HeldBytes();
  held.append(Buffer.from('one'));
  const taken = held.take();
  held.append(Buffer.from('two'));
  expect(taken.toString()).toBe('one');
});

test('bytes are copied: what they were read into may be used again', () => {
  const held = new HeldBytes();
  const chunk = Buffer.from('one');
  held.append(chunk);
  chunk.fill('x');
  held.append(Buffer.from(',two'));
  expect(held.take().toString()).toBe('one,two');
});
