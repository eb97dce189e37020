import { setImmediate as setImmediately } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { HEADER_BYTES } from '../../../src/transfer/files/frames.ts';
import { FrameWriter } from '../../../src/transfer/files/frame-writer.ts';
import type { PipedChannel } from '../../../src/transfer/pipe.ts';

it('a last word is not kept to a rate, and comes behind what was', async () => {
  const written: Buffer[] = [];
  const write = (bytes: Buffer, done: () => void): void => {
    written.push(Buffer.from(bytes));
    setImmediate(done);
  };
  const out = new FrameWriter({ peer: 'bob', write } as unknown as PipedChannel, 1000);
  const piece = out.sendInPlace('data', Buffer.alloc(HEADER_BYTES + 10_000));
  await setImmediately();
  out.hurry();
  await out.send('fail', Buffer.from('why'));
  await Promise.all([piece, out.flush()]);
  const all = Buffer.concat(written);
  expect(all).toHaveLength(HEADER_BYTES + 10_000 + HEADER_BYTES + 3);
  expect(all.subarray(-3).toString()).toBe('why');
});

it('frames that are sent at the same time come whole, each where it was gathered', async () => {
  const written: Buffer[] = [];
  const write = (bytes: Buffer, done: () => void): void => {
    written.push(Buffer.from(bytes));
    setImmediate(done);
  };
  const out = new FrameWriter({ peer: 'bob', write } as unknown as PipedChannel);
  const sizes = [60_000, 64_000, 5_000, 100_000, 5_000];
  await Promise.all(sizes.map((bytes) => out.send('hashes', Buffer.alloc(bytes))));
  await out.flush();
  const all = Buffer.concat(written);
  const come: number[] = [];
  for (let at = 0; at < all.length; at += HEADER_BYTES + come.at(-1)!) come.push(all.readUInt32BE(at + 1));
  const ascending = (a: number, b: number): number => a - b;
  expect(come.toSorted(ascending)).toEqual(sizes.toSorted(ascending));
});
