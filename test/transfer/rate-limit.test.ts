import { expect, it } from 'vitest';
import { limitSink, limitSource, Pace } from '../../src/transfer/rate-limit.ts';

it('bytes are cut into a twentieth of a second each, and none may go before its time', async () => {
  const chunks = [Buffer.alloc(25), Buffer.alloc(10)];
  const source = { size: 35, read: () => Promise.resolve(chunks.shift()), close: () => undefined };
  const limited = limitSource(source, 200);
  const began = performance.now();
  const lengths: (number | undefined)[] = [];
  for (let i = 0; i < 5; i++) lengths.push((await limited.read())?.length);
  expect(lengths).toEqual([10, 10, 5, 10, undefined]);
  // What 50 ms are worth may go at once, and so may what follows it; a timer may be early by a millisecond.
  expect(performance.now() - began).toBeGreaterThan(73);
});

it('a sink is given slices, in their time', async () => {
  const lengths: number[] = [];
  const sink = {
    write: (chunk: Buffer) => Promise.resolve(void lengths.push(chunk.length)),
    end: () => Promise.resolve(),
  };
  const limited = limitSink(sink, 200);
  const began = performance.now();
  await limited.write(Buffer.alloc(25));
  await limited.write(Buffer.alloc(10));
  expect(lengths).toEqual([10, 10, 5, 10]);
  expect(performance.now() - began).toBeGreaterThan(73);
});

it('a byte at a time goes where the rate is lower than twenty a second', async () => {
  const read = (): Promise<Buffer> => Promise.resolve(Buffer.alloc(2));
  expect(await limitSource({ size: undefined, read, close: () => undefined }, 1).read()).toHaveLength(1);
});

it('waits no more where a rate is lifted', async () => {
  const pace = new Pace(1);
  await pace.admit(1000);
  const waiting = pace.admit(1);
  pace.lift();
  const all = Promise.all([waiting, pace.admit(1_000_000), pace.admit(1)]);
  await expect(all).resolves.toHaveLength(3);
});
