import { EventEmitter } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { ChatosClient } from '../../../src/client/client.ts';
import { Listener } from '../../../src/cli/piping/listener.ts';
import { serve } from '../../../src/cli/piping/serving.ts';
import { DISCARD_SINK, EMPTY_SOURCE } from '../../../src/transfer/bytes.ts';
import { memoryPair } from '../../transfer/verified/memory-channels.ts';

/** Serves two peers at once, and ends when nobody has come for ten seconds of a clock that the test moves. */
function serving() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const stop = new AbortController();
  onTestFinished(() => {
    stop.abort();
    vi.useRealTimers();
  });
  const client = new EventEmitter();
  const connected: string[] = [];
  const report = (type: string, _text: string | undefined, fields: object): void => {
    if (type === 'connected') connected.push((fields as { peer: string }).peer);
  };
  const listener = new Listener(['*'], report);
  listener.listenOn(client as unknown as ChatosClient);
  const ends = { input: EMPTY_SOURCE, output: DISCARD_SINK };
  const flags = { keep: true, max: 2, wait: 10, quiet: true };
  const ended = serve(listener, { flags, report, login: 'bob', ends }, stop.signal).then(
    () => 'ended',
    (error: Error) => error.message,
  );
  /** A peer asks, and comes `afterMs` later; returns what ends its part. */
  const ask = (from: string, afterMs = 0): (() => void) => {
    const { requester, target } = memoryPair();
    target.peer = from;
    const accept = () => new Promise((resolve) => setTimeout(() => resolve(target), afterMs));
    client.emit('request', { from, accept, refuse: () => undefined });
    return () => requester.resume().end();
  };
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  return { ask, pass, connected, ended };
}

test('a peer that has asked in time is served, although it comes when the time is over', async () => {
  const { ask, pass, connected, ended } = serving();
  await pass(9_000);
  const leave = ask('ann', 2_000);
  await pass(3_000);
  expect(connected).toEqual(['ann']);
  leave();
  await pass(0);
  await pass(10_001);
  expect(await ended).toBe('ended');
});

test('as many as before are served at once, after a time in which one was enough', async () => {
  const { ask, pass, connected, ended } = serving();
  const leave = ask('ann');
  await pass(9_000);
  leave();
  // Who waited beside it has waited for ten seconds then, and nobody has come for two.
  await pass(2_000);
  const others = [ask('bea'), ask('cyd')];
  await pass(1);
  expect(connected).toEqual(['ann', 'bea', 'cyd']);
  for (const end of others) end();
  await pass(0);
  await pass(10_001);
  expect(await ended).toBe('ended');
});

test('it ends when nobody has come for so long, and fails where nobody has come at all', async () => {
  const { pass, ended } = serving();
  await pass(10_001);
  expect(await ended).toBe('no peer asked for a private connection within 10 s');
});
