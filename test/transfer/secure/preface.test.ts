import { expect, it } from 'vitest';
import { Preface } from '../../../src/transfer/secure/preface.ts';

it('of what nobody has read yet, little is kept: more is not taken until it is read', async () => {
  const preface = new Preface();
  const chunk = Buffer.alloc(16 * 1024);
  let kept = 0;
  let waiting: void | Promise<void> = undefined;
  for (; !waiting && kept < 1_000_000; kept += chunk.length) waiting = preface.feed(chunk);
  expect(kept).toBeLessThanOrEqual(80 * 1024);
  const isStill = await Promise.race([waiting, new Promise((resolve) => setImmediate(resolve, 'held back'))]);
  expect(isStill).toBe('held back');
  await preface.read(kept);
  const more = preface.read(1);
  await waiting;
  void preface.feed(chunk);
  expect(await more).toHaveLength(1);
});
