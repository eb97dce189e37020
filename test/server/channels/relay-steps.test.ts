import { Duplex } from 'node:stream';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Receivers } from '../../../src/net/receivers.ts';
import type { Transport } from '../../../src/net/transport.ts';
import { Relay } from '../../../src/server/channels/relay.ts';
import { turn } from '../../support/server-connection.ts';
import { stopTheClock } from '../../support/server-rig.ts';

/** A connection in memory: the test says when what is written to it has been taken, and when the peer has ended it. */
class End implements Transport {
  readonly queuedBytes = 0;
  readonly encrypted = false;
  readonly certificate = undefined;
  readonly taken: (() => void)[] = [];
  readonly stream = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => void this.taken.push(done),
  });
  readonly remoteAddress: string | undefined;
  readonly ending = undefined;
  unsentBytes = 0;

  constructor(remoteAddress?: string) {
    this.remoteAddress = remoteAddress;
  }

  ended: (() => void) | undefined;
  onEnd = (listener: (() => void) | undefined): void => void (this.ended = listener);
  reset = (): void => void this.stream.destroy();
}

function relayed(addresses: readonly [string?, string?] = []) {
  const [a, b] = [new End(addresses[0]), new End(addresses[1])];
  const early = Buffer.alloc(0);
  const onDone = vi.fn<(outcome: string) => void>();
  const options = {
    mode: 'streams',
    greeting: Buffer.from('!'),
    channelIdleMs: 8_000,
    closeGraceMs: 5_000,
    receivers: new Receivers({ maxQueuedBytes: Infinity, maxTotalQueuedBytes: Infinity, writeTimeoutMs: Infinity }),
  } as const;
  const relay = new Relay({ transport: a, early }, { transport: b, early }, { ...options, onDone });
  onTestFinished(() => relay.abort());
  return { a, b, relay, onDone };
}

it('[P14] a side is read again only when everything that was read of it has been taken', async () => {
  const { a, b } = relayed();
  a.stream.push('question');
  await turn();
  expect(a.stream.isPaused()).toBe(true);
  b.taken[0]!(); // the greeting; the question follows it
  await turn();
  expect([b.taken.length, a.stream.isPaused()]).toEqual([2, true]);
  b.taken[1]!();
  await turn();
  expect(a.stream.isPaused()).toBe(false);
});

it('[P14] a channel is not idle while one side takes what waits for it, though nothing new comes', async () => {
  stopTheClock();
  const { a, b, onDone } = relayed();
  b.ended!();
  b.unsentBytes = 10;
  for (; b.unsentBytes > 0; b.unsentBytes -= 1) vi.advanceTimersByTime(6_000);
  await turn();
  expect([a.stream.destroyed, onDone.mock.calls]).toEqual([false, []]);
  vi.advanceTimersByTime(10_000);
  await turn();
  expect(onDone.mock.calls).toEqual([['idle', [0, 0]]]);
});

it('[P16] channels that have been idle for as long are broken over several turns, however many they are', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const channels = Array.from({ length: 100 }, () => relayed());
  for (const { a } of channels) {
    vi.spyOn(a, 'reset').mockImplementation(() => {
      for (const end = performance.now() + 0.2; performance.now() < end;);
      a.stream.destroy();
    });
  }
  vi.advanceTimersByTime(8_000);
  let turns = 0;
  for (; !channels.every(({ a }) => a.stream.destroyed) && turns < 1_000; turns += 1) await new Promise(setImmediate);
  expect(turns).toBeGreaterThan(10);
  await turn();
  expect(channels.map(({ onDone }) => onDone.mock.calls)).toEqual(channels.map(() => [['idle', [0, 0]]]));
});

it('[P15] a channel that broke was not closed, though CLOSE_CONNECTION comes right behind', async () => {
  const { relay, onDone } = relayed();
  relay.abort();
  relay.close();
  await turn();
  expect(onDone.mock.calls).toEqual([['aborted', [0, 0]]]);
});

const [HERE, THERE, ELSEWHERE] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];

it.each([
  ['nothing comes from it', HERE, THERE, 'there', 'dead link'],
  ['bytes come from it', HERE, THERE, 'here', undefined],
  ['bytes come from its address, which both have', HERE, HERE, 'there', undefined],
  ['bytes come from somebody, and none is known to be at its address', ELSEWHERE, THERE, 'there', undefined],
  ['more goes to it than the system takes for one that is gone', HERE, THERE, 'much from there', undefined],
])('[P14] a party that does not answer any more, while %s', async (_, here, there, bytes, outcome) => {
  stopTheClock();
  const { a, b, relay, onDone } = relayed([here, there]);
  relay.breakUnlessAlive(HERE);
  const { stream } = bytes === 'here' ? a : b;
  stream.push(Buffer.alloc(bytes.startsWith('much') ? 5 * 1024 * 1024 : 1));
  await turn();
  vi.advanceTimersByTime(5_000);
  await turn();
  expect(onDone.mock.calls.map(([ended]) => ended)).toEqual(outcome === undefined ? [] : [outcome]);
});

it('[P16] of many busy sides, as many go on in each turn as fit, in order; who sends little does not wait', async () => {
  const channels = Array.from({ length: 8 }, () => relayed());
  for (const { b } of channels) b.taken[0]!();
  await turn();
  for (const { b } of channels) vi.spyOn(b.stream, 'write').mockReturnValue(true);
  const little = channels.pop()!.a.stream;
  const busy = channels.map(({ a }) => a.stream);
  const waiting = (): number[] => busy.flatMap((stream, index) => (stream.isPaused() ? [index] : []));
  for (const stream of busy) stream.push(Buffer.alloc(200 * 1024));
  expect(waiting()).toEqual([2, 3, 4, 5, 6]);
  little.push('a line');
  expect(little.isPaused()).toBe(false);
  await new Promise(setImmediate);
  expect(waiting()).toEqual([5, 6]);
  await new Promise(setImmediate);
  expect(waiting()).toEqual([]);
});

it('[P16] a side of a channel that is being closed waits for its turn, too, though all that it sends is dropped', async () => {
  const { a, relay } = relayed();
  relay.close();
  await turn();
  a.stream.push(Buffer.alloc(2 * 1024 * 1024));
  expect(a.stream.isPaused()).toBe(true);
  await turn();
  expect(a.stream.isPaused()).toBe(false);
});
