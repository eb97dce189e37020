import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Context } from '../../src/bot/plugin/context.ts';
import type { BotPlugin } from '../../src/bot/plugin/plugin.ts';
import { FakeClock } from '../support/bot-clock.ts';
import { startProxy } from '../support/bot-proxy.ts';
import { createBots, joinAs, plugin, signalled, startServer } from '../support/bot-world.ts';

/** A standby tries again after up to two seconds. */
const SOON = { timeout: 10_000 };

/** A bot that counts in its store, with a job that tells that it is at work. */
const counter = (name: string, lives: string[]): BotPlugin => ({
  onStart: () => void lives.push(`${name} starts`),
  onStop: () => void lives.push(`${name} stops`),
  onMessage: async (message, ctx) => {
    const count = await ctx.store.update<number>('count', (old = 0) => old + 1);
    await message.reply(`${name} ${count}`);
  },
  schedule: { job: { cron: '0 0 1 1 *', run: () => undefined } },
});

it('a standby that loses its login to the other one leaves it its store, and takes over again later', async () => {
  const server = await startServer();
  const proxy = await startProxy(server);
  const stateDirectory = path.join(tmpdir(), `chatosbot-test-${randomUUID()}`);
  onTestFinished(() => rm(stateDirectory, { recursive: true, force: true }));
  const lives: string[] = [];
  const options = { standby: true, stateDirectory, backoff: { firstMs: 20, maxMs: 20 } };
  const clock = new FakeClock('2026-03-03T09:00:00Z');
  const first = createBots(proxy.address, [{ plugin: plugin('bot', counter('first', lives)) }], { ...options, clock });
  const second = createBots(server, [{ plugin: plugin('bot', counter('second', lives)) }], options);
  const alice = await joinAs(server, 'alice');
  const ask = async (): Promise<string> => {
    alice.tell('bot', 'count');
    return (await alice.next(4)).msg;
  };
  await first.runtime.start();
  const taking = second.runtime.start();
  await second.log.until(/standing by/);
  expect(await ask()).toBe('first 1');

  // The first is cut off, and finds its way back when the second is in.
  proxy.target = { ...server, port: 1 };
  await proxy.cutSessions();
  await taking;
  proxy.target = server;
  await first.log.until(/standing by/);
  await expect.poll(() => lives, SOON).toEqual(['first starts', 'second starts', 'first stops']);
  const [account] = first.runtime.status.accounts;
  expect(account).toMatchObject({ state: 'standby', plugins: [{ state: 'waiting', jobs: [] }] });
  expect(await ask()).toBe('second 2');
  expect(clock.pending).toBe(0);

  await second.runtime.stop();
  await expect.poll(() => first.runtime.status.accounts[0]!.state, SOON).toBe('connected');
  await expect.poll(() => lives.slice(3), SOON).toEqual(['second stops', 'first starts']);
  expect(await ask()).toBe('first 3');
  expect(first.runtime.status.accounts[0]!.plugins[0]!.jobs).toHaveLength(1);
  // A reload finds its place still.
  await first.runtime.reload(0, plugin('bot', counter('newer', lives)));
  expect(await ask()).toBe('newer 4');
});

it('a standby that loses its login gives up what waits to be said, and says nothing of it when it takes over', async () => {
  const server = await startServer();
  const proxy = await startProxy(server);
  const options = { standby: true, backoff: { firstMs: 20, maxMs: 20 } };
  const said: Promise<unknown>[] = [];
  const speak = signalled();
  const told = (ctx: Context, text: string): Promise<unknown> => ctx.say(text).catch((error: unknown) => error);
  const talker: BotPlugin = {
    async onMessage(_, ctx) {
      await speak.promise;
      said.push(told(ctx, 'too late'));
      await said[0];
    },
    onStop: (ctx) => void said.push(told(ctx, 'goodbye')),
    onStart: (ctx) => ctx.say('here I am'),
  };
  const first = createBots(proxy.address, [{ plugin: plugin('bot', talker) }], options);
  const second = createBots(server, [{ plugin: plugin('bot', { onMessage: () => undefined }) }], options);
  const alice = await joinAs(server, 'alice');
  await first.runtime.start();
  expect(await alice.next(3)).toMatchObject({ msg: 'here I am' });
  alice.tell('bot', 'hello');
  await expect.poll(() => first.runtime.status.accounts[0]!.messages.heard, SOON).toBe(1);

  proxy.target = { ...server, port: 1 };
  await proxy.cutSessions();
  await second.runtime.start();
  speak.resolve();
  await expect.poll(() => first.runtime.status.accounts[0]!.messages.waiting, SOON).toBe(1);
  proxy.target = server;
  await expect.poll(() => said.length, SOON).toBe(2);
  expect(await Promise.all(said)).toMatchObject([{ code: 'ABORTED' }, { code: 'ABORTED' }]);

  await second.runtime.stop();
  expect(await alice.next(3)).toMatchObject({ msg: 'here I am' });
});

it('a standby that loses its login leaves its store to the other one after 5 s, though a hook does not end', async () => {
  const server = await startServer();
  const proxy = await startProxy(server);
  const stateDirectory = path.join(tmpdir(), `chatosbot-test-${randomUUID()}`);
  onTestFinished(() => rm(stateDirectory, { recursive: true, force: true }));
  const options = { standby: true, stateDirectory, backoff: { firstMs: 20, maxMs: 20 } };
  const stopping = signalled();
  const stuck: BotPlugin = {
    onStart: (ctx) => ctx.store.set('count', 1),
    onStop: () => {
      stopping.resolve();
      return new Promise(() => undefined);
    },
  };
  const clock = new FakeClock('2026-03-03T09:00:00Z');
  const first = createBots(proxy.address, [{ plugin: plugin('bot', stuck) }], { ...options, clock });
  const second = createBots(server, [{ plugin: plugin('bot', counter('second', [])) }], options);
  const alice = await joinAs(server, 'alice');
  await first.runtime.start();
  const taking = second.runtime.start();
  await second.log.until(/standing by/);
  proxy.target = { ...server, port: 1 };
  await proxy.cutSessions();
  await taking;
  proxy.target = server;
  await stopping.promise;
  clock.advance(5_000);
  alice.tell('bot', 'count');
  expect((await alice.next(4, { timeoutMs: 10_000 })).msg).toBe('second 2');
});
