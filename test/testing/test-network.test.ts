import { readdir } from 'node:fs/promises';
import * as v from 'valibot';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { defineBot } from '../../src/index.ts';
import { TestNetwork } from '../../src/testing/index.ts';
import { SILENT_LOGGER } from '../../src/util/log.ts';
import { tempDirectory } from '../support/bot-files.ts';

let net: TestNetwork;
beforeEach(async () => {
  net = await TestNetwork.start();
});
afterEach(() => net.stop());

test('a bot file is loaded and talked to', async () => {
  await net.bot('./bots/echo.ts');
  const alice = await net.user('alice');
  await alice.tell('echo', 'hi');
  expect(await alice.expects(/hi/)).toMatchObject({ from: 'echo', text: 'alice: hi', private: true });
});

test('a plugin object gets its options, and its private connections byte for byte', async () => {
  await net.bot(
    {
      name: 'upper',
      onPrivateRequest: () => true,
      async onChannel(channel, bot) {
        for await (const chunk of channel) channel.write(`${String(bot.options['prefix'])}${String(chunk)}`);
        channel.end();
      },
    },
    { options: { prefix: '> ' } },
  );
  const alice = await net.user('alice');
  const channel = await alice.request('upper');
  channel.end('abc');
  let received = '';
  for await (const chunk of channel) received += String(chunk);
  expect(received).toBe('> abc');
});

test('the policy is the one that was given', async () => {
  await net.bot('./bots/echo.ts', { policy: { deny: ['mal*'] } });
  const mallory = await net.user('mallory');
  await expect(mallory.request('echo')).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
});

test('an expectation that is not met tells what was heard instead', async () => {
  await net.bot('./bots/echo.ts');
  const alice = await net.user('alice');
  await alice.tell('echo', 'one');
  await expect(alice.expects('two', 200)).rejects.toThrow(/expected two within 200 ms, but heard:\necho: alice: one/);
});

test('users accept private connections of each other', async () => {
  const [alice, bob] = [await net.user('alice'), await net.user('bob')];
  const accepted = bob.acceptNext();
  const channel = await alice.request('bob');
  channel.end('x');
  const other = await accepted;
  other.end();
  expect(String(await other.toArray())).toBe('x');
});

test('users who wait for several private connections accept one request each', async () => {
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map((login) => net.user(login)));
  const accepted = [bob!.acceptNext(), bob!.acceptNext()];
  const channels = [await alice!.request('bob'), await carol!.request('bob')];
  const others = await Promise.all(accepted);
  expect(others.map(({ peer }) => peer)).toEqual(['alice', 'carol']);
  for (const channel of [...channels, ...others]) channel.end().resume();
});

test('a user who no longer waits for a private connection refuses it', async () => {
  const [alice, bob] = [await net.user('alice'), await net.user('bob')];
  await expect(bob.acceptNext(1)).rejects.toMatchObject({ code: 'TIMED_OUT' });
  await expect(alice.request('bob')).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
});

test('options are checked by the schema of the plugin, and all that is wrong is told', async () => {
  const greeter = defineBot({
    name: 'greeter',
    options: v.object({ greeting: v.optional(v.string(), 'Hello'), times: v.number() }),
    onMessage: (message, { options }) => message.reply(`${options.greeting.toUpperCase()} ${options.times}`),
  });
  await expect(net.bot(greeter, { options: { greeting: 1 } })).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringMatching(/^greeter: options\.greeting: .*\ngreeter: options\.times: /),
  });
  await net.bot(greeter, { options: { times: 2 } });
  const alice = await net.user('alice');
  await alice.say('hi');
  await alice.expects('HELLO 2');
});

test('a bot tells how it is, keeps its store when it is stopped, and is reloaded', async () => {
  const counter = (step: number) =>
    defineBot({
      name: 'counter',
      onMessage: async (message, ctx) =>
        message.reply(String(await ctx.store.update<number>('count', (count = 0) => count + step))),
    });
  const bot = await net.bot(counter(1));
  const alice = await net.user('alice');
  await alice.tell('counter', 'x');
  await alice.expects('1');
  await bot.reload(counter(10));
  await alice.tell('counter', 'x');
  await alice.expects('11');
  await net.settled();
  expect(bot.status).toMatchObject({ name: 'counter', state: 'running', failures: 0 });
  await bot.stop();
  expect(bot.status.state).toBe('stopped');
  await net.bot(counter(100));
  await alice.tell('counter', 'x');
  await alice.expects('111');
});

test('a plugin may be named by its URL', async () => {
  const bot = await net.bot(new URL('../../bots/echo.ts', import.meta.url));
  expect(bot.status).toMatchObject({ name: 'echo', file: expect.stringMatching(/bots.echo\.ts$/) });
});

test('a login that is taken is refused', async () => {
  await net.user('echo');
  await expect(net.bot('./bots/echo.ts', { log: SILENT_LOGGER })).rejects.toMatchObject({ code: 'LOGIN_REFUSED' });
});

test('stopping removes what the bots kept, unless it was told where to', async () => {
  const keeper = defineBot({ name: 'keeper', onStart: (ctx) => ctx.store.set('x', 1) });
  const stateDirectory = await tempDirectory();
  const other = await TestNetwork.start({ stateDirectory });
  await other.bot(keeper);
  await other.settled();
  await other.stop();
  expect(await readdir(stateDirectory, { recursive: true })).not.toEqual([]);

  // A temporary directory of its own: other tests make folders in the one that all share.
  const temporary = await tempDirectory();
  vi.stubEnv('TMPDIR', temporary);
  const forgetful = await TestNetwork.start();
  await forgetful.bot(keeper);
  await forgetful.settled();
  expect(await readdir(temporary)).not.toEqual([]);
  await forgetful.stop();
  vi.unstubAllEnvs();
  expect(await readdir(temporary)).toEqual([]);
});

test('stopping does not wait for private connections that a bot does not read', async () => {
  await net.bot({ name: 'deaf', onPrivateRequest: () => true, onChannel: () => undefined }, { log: SILENT_LOGGER });
  const alice = await net.user('alice');
  const channel = await alice.request('deaf');
  channel.on('error', () => undefined).write(Buffer.alloc(1_000_000));
  await net.settled();
  // Nothing else ends it: the time in which it may end by itself does not pass.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  await expect(net.stop()).resolves.toBeUndefined();
});

test('a network is stopped by the end of its scope', async () => {
  const other = await TestNetwork.start();
  await other[Symbol.asyncDispose]();
  await expect(other.user('alice')).rejects.toMatchObject({
    code: expect.stringMatching(/CONNECTION_LOST|CONNECT_FAILED/),
  });
});

test('anyone who wants to waits for ever', async () => {
  const alice = await net.user('alice');
  const waiting = alice.expects('hi', Infinity);
  await net.settled({ timeoutMs: Infinity });
  const bob = await net.user('bob');
  await bob.say('hi');
  expect(await waiting).toMatchObject({ from: 'bob' });
});

const echo = { name: 'echo', onMessage: () => undefined };

test.each<[what: string, run: () => Promise<unknown>, message: string]>([
  [
    'a network',
    () => TestNetwork.start({ longbytes: 8 } as object),
    "network options: unknown key 'longbytes'; did you",
  ],
  ['a server', () => TestNetwork.start({ limits: { maxConnections: 0 } }), 'server limits: maxConnections: expected'],
  ['a bot', () => net.bot(echo, { loopguard: {} } as object), "bot options: unknown key 'loopguard'; did you mean"],
  ['a limit', () => net.bot(echo, { breaker: { maxFailures: 0 } }), 'breaker limits: maxFailures: expected a whole'],
  ['settled', () => net.settled({ timeoutMs: NaN }), 'settled: timeoutMs: expected milliseconds'],
  [
    'a stop',
    async () => (await net.bot(echo)).stop({ timeout: 1 } as object),
    "stop: unknown key 'timeout'; did you mean",
  ],
  ['a user', async () => (await net.user('ann')).expects('hi', -1), 'expects: timeoutMs: expected milliseconds'],
])('options of %s are checked when they are handed in', async (_, run, message) => {
  const error = { code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) as string };
  await expect(run()).rejects.toMatchObject(error);
});
