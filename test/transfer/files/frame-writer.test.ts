import { expect, it } from 'vitest';
import { HEADER_BYTES } from '../../../src/transfer/files/frames.ts';
import { FrameWriter } from '../../../src/transfer/files/frame-writer.ts';
import type { PipedChannel } from '../../../src/transfer/pipe.ts';

it('a last word is not kept to a rate, nor behind what is', async () => {
  const written: Buffer[] = [];
  const write = (bytes: Buffer, done: () => void): void => {
    written.push(Buffer.from(bytes));
    done();
  };
  const out = new FrameWriter({ peer: 'bob', write } as unknown as PipedChannel, 1000);
  const piece = out.sendInPlace('data', Buffer.alloc(HEADER_BYTES + 100_000));
  out.hurry();
  await out.send('fail', Buffer.from('why'));
  await Promise.all([piece, out.flush()]);
  expect(Buffer.concat(written)).toHaveLength(HEADER_BYTES + 100_000 + HEADER_BYTES + 3);
});
