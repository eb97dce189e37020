import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { ABORTED_EARLY } from '../../../src/cluster/nodes/peer-failure.ts';
import { PeerMessages } from '../../../src/cluster/nodes/peer-messages.ts';

it('messages come as they were sent, and what is behind them is left', async () => {
  const stream = new PassThrough();
  const messages = new PeerMessages(stream, 5);
  messages.send(Buffer.from('one'), Buffer.alloc(0), Buffer.from('three'));
  stream.write('rest');
  const read = [await messages.next(), await messages.next(), await messages.next()];
  expect(read.map(String)).toEqual(['one', '', 'three']);
  expect(String(stream.read())).toBe('rest');
});

it('one that is longer than a node says is refused before it is read', async () => {
  const stream = new PassThrough();
  const messages = new PeerMessages(stream, 5);
  messages.send(Buffer.from('longer'));
  await expect(messages.next()).rejects.toThrow('it says more than a node does');
});

it.each([0, 1, 4, 6])('one of seven bytes that ends after %i is none', async (bytes) => {
  const stream = new PassThrough();
  stream.end(Buffer.from([0, 0, 0, 3, 97, 98, 99]).subarray(0, bytes));
  await expect(new PeerMessages(stream, 5).next()).rejects.toThrow(ABORTED_EARLY);
  expect(stream.listenerCount('readable')).toBe(0);
});
