import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { Channel } from '../../src/client/index.ts';

/** A channel whose connection does not come to the end of its output before it breaks. */
function breaking() {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(), final() {} });
  const transport = { stream, onEnd: () => undefined, reset: () => void stream.destroy() };
  const channel = new Channel({
    transport,
    rest: Buffer.alloc(0),
    login: 'ann',
    peer: 'bob',
    role: 'requester',
    connectId: 1n,
    requestClose: () => false,
  });
  return { stream, channel };
}

it.each([
  ['breaks', new Error('broken')],
  ['is gone', undefined],
])('an end that is under way when the connection %s has not been sent', async (_, cause) => {
  const { stream, channel } = breaking();
  const events: string[] = [];
  channel.on('finish', () => events.push('finish')).on('error', () => events.push('error'));
  const called = new Promise((resolve) => channel.end('all', (error?: Error | null) => resolve(error)));
  // By then the end is under way.
  await new Promise((resolve) => setImmediate(resolve));
  stream.destroy(cause);
  expect(await called).toMatchObject({ code: 'CHANNEL_ABORTED' });
  expect(events).toEqual(['error']);
});

it('an end that cannot be sent has failed with what has ended the channel', async () => {
  const { stream, channel } = breaking();
  channel.on('error', () => undefined);
  const called = new Promise((resolve) => channel.end('all', (error?: Error | null) => resolve(error)));
  await new Promise((resolve) => setImmediate(resolve));
  channel.markClosedByPeer();
  const cause = new Error('broken');
  stream.destroy(cause);
  expect(await called).toMatchObject({ code: 'CHANNEL_CLOSED', cause });
});
