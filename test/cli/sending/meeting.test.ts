import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { Listener } from '../../../src/cli/piping/listener.ts';
import { Meeting } from '../../../src/cli/sending/meeting.ts';
import type { ChatosClient } from '../../../src/client/client.ts';
import { makeCode } from '../../../src/transfer/secure/codes.ts';
import { secureChannel } from '../../../src/transfer/secure/secure.ts';
import { memoryPair, type MemoryChannel } from '../../transfer/verified/memory-channels.ts';

/** A sender that waits with a code, and peers that come as the test lets them. */
function meeting() {
  const client = new EventEmitter();
  const listener = new Listener(['*'], () => undefined);
  listener.listenOn(client as unknown as ChatosClient);
  const { words } = makeCode();
  const abort = new AbortController();
  const made = new Meeting({
    listener,
    words,
    returningKey: () => undefined,
    report: () => undefined,
    signal: abort.signal,
  });
  const ask = (from: string): MemoryChannel => {
    const { requester, target } = memoryPair();
    client.emit('request', { from, accept: () => Promise.resolve(target), refuse: () => undefined });
    return requester;
  };
  const guess = (from: string, code: string) => secureChannel(ask(from), { kind: 'code', code });
  return { words, ask, guess, abort, run: (timeoutMs = 5_000) => made.run(timeoutMs) };
}

const failed = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('it has not failed'),
    (error: Error) => error,
  );
const closed = (channel: MemoryChannel) => new Promise((resolve) => channel.once('close', resolve));

test('strangers who say nothing hold up nobody, and are broken off when the two have met', async () => {
  const { run, ask, guess, words } = meeting();
  const met = run();
  const strangers = ['mallory', 'oscar', 'trudy'].map((login) => closed(ask(login)));
  const startedAt = performance.now();
  await guess('bob', words);
  expect(await met).toMatchObject({ channel: { peer: expect.any(String) } });
  await Promise.all(strangers);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});

test('the first guess is the only one, however many are in their handshake', async () => {
  const { run, ask, guess } = meeting();
  const met = failed(run());
  ask('oscar');
  const wrong = failed(guess('mallory', 'zoo-zoo'));
  expect(await met).toMatchObject({ code: 'WRONG_SECRET', message: expect.stringContaining('wrong code') });
  expect(await wrong).toMatchObject({ code: 'WRONG_SECRET' });
});

test('of two who have the code at once, one is met, and the other one is refused', async () => {
  const { run, guess, words } = meeting();
  const met = run();
  const [first, second] = [guess('bob', words), failed(guess('bea', words))];
  await Promise.all([met, first]);
  expect(await second).toMatchObject({ code: 'WRONG_SECRET', message: expect.stringContaining('it was used before') });
});

test('who asks again has given up its handshake before', async () => {
  const { run, ask, guess, words } = meeting();
  const met = run();
  const before = closed(ask('bob'));
  const again = guess('bob', words);
  await Promise.all([before, again]);
  expect((await met).plain.destroyed).toBe(false);
});

test('a code that nobody uses in time is not good any more, which is said', async () => {
  const { run } = meeting();
  expect(await failed(run(20))).toMatchObject({
    code: 'TIMED_OUT',
    message: 'nobody used the code within 0.02 s, and it is not good any more: run send again for another one',
  });
});

test('who has come in time may finish', async () => {
  const { run, guess, words } = meeting();
  const met = run(1);
  await guess('bob', words);
  expect((await met).plain.destroyed).toBe(false);
});

test('an interruption breaks all handshakes off', async () => {
  const { run, ask, abort } = meeting();
  const met = failed(run());
  const stranger = closed(ask('mallory'));
  abort.abort();
  expect(await met).toMatchObject({ code: 'ABORTED' });
  await stranger;
});
