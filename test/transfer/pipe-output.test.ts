import { Duplex, PassThrough, Writable } from 'node:stream';
import { expect, it, vi } from 'vitest';
import type { PipedChannel } from '../../src/transfer/pipe.ts';
import { pipeStreams } from './pipe-streams.ts';

const turn = (): Promise<void> => new Promise(setImmediate);

/** A channel in memory, whose peer says what is pushed. */
function channelOf(): PipedChannel {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const state = {
    login: 'ann',
    peer: 'bob',
    role: 'requester' as const,
    connectId: 1n,
    closedByPeer: false,
    inputEnded: false,
    bytesSent: 0,
    bytesReceived: 0,
    bytesMoved: 0,
  };
  const readLent = async (take: (chunk: Buffer) => void | Promise<void>): Promise<void> => {
    for await (const chunk of stream) await take(chunk as Buffer);
  };
  return Object.assign(stream, { ...state, readLent });
}

it('a pipe is done when the output has taken everything, not when it has been handed it', async () => {
  const taken: (() => void)[] = [];
  const output = new Writable({ write: (_chunk, _encoding, done) => void taken.push(done) });
  const [channel, input] = [channelOf(), new PassThrough()];
  const resolved = vi.fn<() => void>();
  const piping = pipeStreams(channel, input, output).then(() => resolved());
  channel.push('the last');
  channel.push(null);
  input.end();
  await turn();
  await turn();
  expect([taken.length, resolved.mock.calls.length]).toEqual([1, 0]);
  taken[0]!();
  await turn();
  taken[1]?.();
  await piping;
});

it('a pipe whose input and channel fail at once reports one of them, and nobody hears of the other', async () => {
  const [channel, input] = [channelOf(), new PassThrough()];
  const piping = pipeStreams(channel, input, new PassThrough());
  input.destroy(new Error('the input broke'));
  channel.destroy(new Error('the channel broke'));
  await expect(piping).rejects.toThrow('broke');
  await turn();
});
