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
