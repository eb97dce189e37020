import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { defineBot, type Context } from '../../src/index.ts';
import { TestNetwork } from '../../src/testing/index.ts';
import { SILENT_LOGGER } from '../../src/util/log.ts';
import { signalled } from '../support/bot-world.ts';

let net: TestNetwork;
afterEach(() => net.stop());

async function start(options?: Parameters<typeof TestNetwork.start>[0]): Promise<TestNetwork> {
  net = await TestNetwork.start(options);
  return net;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('all answers have arrived when the bots have settled, those of slow hooks and later ones too', async () => {
  await start();
  await net.bot(
    defineBot({
      name: 'slow',
      async onMessage(message, ctx) {
        await pause(20);
        await message.reply('one');
        await ctx.store.set('x', 1);
        void ctx.tell(message.from, 'long '.repeat(600));
      },
    }),
  );
  const alice = await net.user('alice');
  await alice.tell('slow', 'go');
  await alice.tell('slow', 'and again');
  await net.settled();
  const heard = alice.heard.map(({ text }) => text.slice(0, 4));
  expect(heard.filter((text) => text === 'one')).toHaveLength(2);
  expect(heard.filter((text) => text === 'long')).toHaveLength(6);
});

test('a chain of bots that speak to each other is followed to its end', async () => {
  await start();
  for (const [name, next] of [
    ['first', 'second'],
    ['second', 'third'],
    ['third', 'alice'],
  ] as const) {
    await net.bot(defineBot({ name, onMessage: ({ text }, ctx) => ctx.tell(next, `${text} ${name}`) }));
  }
  const alice = await net.user('alice');
  await alice.tell('first', 'via');
  await net.settled();
  expect(alice.heard.map(({ text }) => text)).toEqual(['via first second third']);
});

test('a hook that waits for an answer, for a private connection or in one is not waited for', async () => {
  await start();
  await net.bot({
    name: 'patient',
    onPrivateRequest: () => true,
    async onChannel(channel) {
      for await (const chunk of channel) channel.write(chunk);
      channel.end();
    },
    async onMessage(message, ctx) {
      if (message.text === 'ask') await ctx.say(`so it is ${(await message.ask('what?')).text}`);
      else await ctx.request('nobody');
    },
  });
  const [alice, bob] = [await net.user('alice'), await net.user('bob')];
  const channel = await alice.request('patient');
  await alice.tell('patient', 'ask');
  await bob.tell('patient', 'request');
  await net.settled();
  expect(alice.heard.map(({ text }) => text)).toEqual(['what?']);
  await alice.tell('patient', 'this');
  await net.settled();
  expect(bob.heard.map(({ text }) => text)).toEqual(['so it is this']);
  channel.end('still there');
  expect(String(await channel.toArray())).toBe('still there');
});

test('what goes through a private connection has come through, and what comes of it has been said', async () => {
  await start();
  await net.bot({
    name: 'mirror',
    onPrivateRequest: () => true,
    async onChannel(channel, ctx) {
      for await (const chunk of channel) channel.write(chunk);
      channel.end();
      await ctx.tell(channel.peer, 'the end');
    },
  });
  const alice = await net.user('alice');
  const channel = await alice.request('mirror');
  let received = 0;
  channel.on('data', (chunk: Buffer) => (received += chunk.length));
  channel.write(Buffer.alloc(300_000));
  await net.settled();
  expect(received).toBe(300_000);
  channel.end();
  await net.settled();
  expect(alice.heard.map(({ text }) => text)).toEqual(['the end']);
});

test('a decision about a private connection that waits for an answer is not waited for', async () => {
  await start();
  await net.bot({
    name: 'door',
    onPrivateRequest: async ({ from }, ctx) => (await ctx.ask(from, 'password?')).text === 'sesame',
    onChannel: (channel) => void channel.end('in'),
  });
  const alice = await net.user('alice');
  const asked = alice.request('door');
  await net.settled();
  await alice.expects('password?');
  await alice.tell('door', 'sesame');
  expect(String(await (await asked).toArray())).toBe('in');
});

test('a hook that does not come to its end is named when the time is up', async () => {
  await start();
  const [begun, release] = [signalled(), signalled()];
  await net.bot({
    name: 'stuck',
    onMessage: () => {
      begun.resolve();
      return release.promise;
    },
  });
  const alice = await net.user('alice');
  await alice.tell('stuck', 'hello');
  await begun.promise;
  await expect(net.settled({ timeoutMs: 100 })).rejects.toMatchObject({
    code: 'TIMED_OUT',
    message: 'the bots did not settle within 0.1 s: stuck still running',
  });
  release.resolve();
  await net.settled();
});

test('a network settles in five seconds, an advance of its clock is done in two, or else they go on', async () => {
  await start({ clock: 'fake' });
  const [begun, release] = [signalled(), signalled()];
  await net.bot({
    name: 'stuck',
    onMessage: () => {
      begun.resolve();
      return release.promise;
    },
  });
  const alice = await net.user('alice');
  await alice.tell('stuck', 'hello');
  await begun.promise;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  for (const [wait, ms] of [[() => net.settled(), 5_000] as const, [() => net.clock.advance(1), 2_000] as const]) {
    let done = false;
    const waited = wait()
      .catch((error: unknown) => error)
      .finally(() => (done = true));
    await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(ms - 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    vi.advanceTimersByTime(1);
    await waited;
  }
  release.resolve();
});

test('two bots that answer each other for ever do not keep a test for ever', async () => {
  await start();
  for (const name of ['tick', 'tock']) {
    await net.bot({ name, onMessage: (message) => message.reply('again') }, { log: SILENT_LOGGER });
  }
  const alice = await net.user('alice');
  await alice.say('go');
  await expect(net.settled({ timeoutMs: 300 })).rejects.toThrow(/did not settle within 0.3 s/);
});

test('the loop guard ends that, where it is asked for', async () => {
  await start();
  for (const name of ['tick', 'tock']) {
    await net.bot({ name, onMessage: (message) => message.reply('again') }, { loopGuard: {}, log: SILENT_LOGGER });
  }
  const alice = await net.user('alice');
  await alice.say('go');
  await net.settled();
  expect(alice.heard.length).toBeLessThan(60);
});

test('nothing is expected where a bot is silent, and what it says instead is told', async () => {
  await start();
  await net.bot('./bots/echo.ts');
  const alice = await net.user('alice');
  await alice.say('somebody: said this');
  await alice.expectsNothing();
  await alice.say('hi');
  await expect(alice.expectsNothing()).rejects.toThrow('alice expected nothing, but heard:\necho: alice: hi');
  await alice.expectsNothing();
});

test('a schedule and its catch-up are done when the clock has gone on', async () => {
  await start({ clock: 'fake' });
  const post = {
    cron: '0 9 * * *',
    timeZone: 'UTC',
    catchUp: 'all',
    run: async (ctx: Context, { due }: { due: Date }) => {
      await ctx.store.update<number>('posts', (count = 0) => count + 1);
      await ctx.say(`${due.toISOString()} ${await ctx.store.get<number>('posts')}`);
    },
  } as const;
  const bot = defineBot({ name: 'daily', schedule: { post } });
  const alice = await net.user('alice');
  const first = await net.bot(bot);
  await net.clock.advance('1d');
  await first.stop();
  net.clock.jump('2d');
  await net.bot(bot);
  await net.clock.advance(0);
  expect(alice.heard.map(({ text }) => text)).toEqual([
    '2026-01-06T09:00:00.000Z 1',
    '2026-01-07T09:00:00.000Z 2',
    '2026-01-08T09:00:00.000Z 3',
  ]);
});

test('a bot with a loop is at rest while it sleeps, wakes by the clock of the test, and ends', async () => {
  await start({ clock: { start: '2026-11-20T08:00:00Z' } });
  const alice = await net.user('alice');
  const bot = await net.bot({
    name: 'beating',
    async onStart(ctx) {
      for (;;) {
        await ctx.sleep('1m');
        await ctx.say(`beat at ${ctx.now().toISOString().slice(11, 16)}`);
      }
    },
  });
  await alice.expectsNothing();
  await net.clock.advance('2m');
  await alice.expects('beat at 08:01');
  await alice.expects('beat at 08:02');
  await alice.expectsNothing();
  await bot.stop();
  expect([net.clock.pending, bot.status.failures]).toEqual([0, 0]);
});

test('a bot sleeps longer than a timer of Node.js can, and less if its own signal says so', async () => {
  await start({ clock: { start: '2026-11-20T08:00:00Z' } });
  const alice = await net.user('alice');
  const wake = new AbortController();
  await net.bot({
    name: 'sleeper',
    async onStart(ctx) {
      await ctx.sleep('1s', { signal: wake.signal }).catch((error: Error) => ctx.say(error.message));
      await ctx.sleep('60d');
      await ctx.say('awake');
    },
  });
  wake.abort();
  await alice.expects('cancelled');
  await net.clock.advance('59d');
  await alice.expectsNothing();
  await net.clock.advance('1d');
  expect((await alice.expects('awake')).from).toBe('sleeper');
});
