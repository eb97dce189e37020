import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { Carrier } from '../../../src/transfer/forward/carrier.ts';
import type { PipedChannel } from '../../../src/transfer/pipe.ts';

/** A channel that breaks as it is written to. */
function breaking(broken: Error): PipedChannel {
  const channel = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(broken) });
  return channel.on('error', () => undefined) as object as PipedChannel;
}

test('what the channel could not take does not count as written: the carrier ends with what broke the channel', async () => {
  const broken = new Error('broken');
  const carrier = new Carrier(breaking(broken));
  const closed = new Promise((resolve) => carrier.on('error', () => undefined).once('close', resolve));
  let counted = false;
  carrier.write('some', (error) => (counted ||= !error));
  carrier.end('more');
  await closed;
  expect(counted).toBe(false);
  expect(carrier.errored).toBe(broken);
});
