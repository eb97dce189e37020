import { writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BotWorker } from '../../../src/bot/isolation/bot-worker.ts';
import { BotRuntime } from '../../../src/bot/runtime.ts';
import type { RuntimeEvent } from '../../../src/bot/events.ts';
import { tempDirectory } from '../../support/bot-files.ts';
import { MemoryLog } from '../../support/bot-log.ts';
import { startProxy } from '../../support/bot-proxy.ts';
import { createBots, expectRefusal, joinAs, openChannel, plugin, startServer } from '../../support/bot-world.ts';
import { createIsolated, ISOLATED_TIMEOUT_MS, startIsolated, writeVersion } from '../../support/isolated-bots.ts';

vi.setConfig({ testTimeout: ISOLATED_TIMEOUT_MS });

const taker = `
  export const onChannel = (channel) => void channel.pipe(channel);
  export const onMessage = (message, bot) => {
    if (message.text === 'exit') process.exit(1);
    return message.reply('heard');
  };
`;

it('a bot that is stopped in time leaves nothing to wait for', async () => {
  const { group } = await startIsolated(await startServer(), taker);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  await group.stop({ timeoutMs: 60_000 });
  expect(vi.getTimerCount()).toBe(0);
});

describe('isolated bots and others', () => {
  it('share the limits of the policy; a worker that ends gives its places back', async () => {
    const server = await startServer();
    const other = plugin('other', { onChannel: (channel) => void channel.pipe(channel) });
    const policy = { default: 'accept' as const, limits: { maxChannels: 2 } };
    const { log } = await startIsolated(server, taker, {}, { others: [{ plugin: other, server }], policy });
    const alice = await joinAs(server, 'alice');
    await openChannel(alice, server, 'bot');
    await openChannel(alice, server, 'other');
    await expectRefusal(alice, 'other');
    await expectRefusal(alice, 'bot');
    expect(await log.until(/refused/)).toMatchObject({ fields: { rule: 'limits.maxChannels' } });
    expect(log.about(/refused/).map(({ fields }) => fields['bot'])).toEqual(['other', 'bot']);
    alice.tell('bot', 'exit');
    await log.until(/is restarted now/);
    await openChannel(alice, server, 'other');
  });

  it('are limited in their requests together, and the limit is reported once', async () => {
    const server = await startServer();
    const other = plugin('other', { onChannel: (channel) => void channel.end() });
    const policy = { default: 'refuse' as const, limits: { maxRequestsPerMinute: 2 } };
    const { log } = await startIsolated(server, taker, {}, { others: [{ plugin: other, server }], policy });
    const alice = await joinAs(server, 'alice');
    for (const bot of ['bot', 'other', 'bot', 'bot']) await expectRefusal(alice, bot);
    await log.until(/refused/);
    const rules = log.about(/refused/).map(({ fields }) => fields['rule']);
    expect(rules).toEqual(['default refuse', 'default refuse', 'limits.maxRequestsPerMinute']);
  });

  it('keep their stores apart: one plugin with one login on two servers', async () => {
    const [here, there] = [await startServer(), await startServer()];
    const log = new MemoryLog();
    const source = `export const onMessage = async (m, { store }) => m.reply(String(await store.update('n', (n = 0) => n + 1)));`;
    const stateDirectory = await tempDirectory();
    const { bot } = await createIsolated(source, {}, log);
    await bot.load();
    const same = plugin('bot', {
      onMessage: async (message, { store }) =>
        message.reply(String(await store.update<number>('n', (n = 10) => n + 1))),
    });
    const entries = [
      { plugin: same, server: here },
      { plugin: same, isolated: bot, server: there },
    ];
    const group = new BotRuntime(entries, { stateDirectory, log });
    onTestFinished(() => group.stop({ timeoutMs: 0 }));
    await group.start();
    for (const [server, count] of [
      [here, '11'],
      [there, '1'],
    ] as const) {
      const alice = await joinAs(server, 'alice');
      alice.tell('bot', 'count');
      expect((await alice.next(4)).msg).toBe(count);
    }
    const stores = await readdir(path.join(stateDirectory, 'stores'));
    expect(stores.toSorted()).toEqual(['bot@bot', `bot@bot@127.0.0.1%3a${there.port}`]);
  });

  it('report their events, and messages are numbered on when a worker is replaced', async () => {
    const server = await startServer();
    const events: RuntimeEvent[] = [];
    const observer = (event: RuntimeEvent): void => void events.push(event);
    const { log } = await startIsolated(server, taker, {}, { observer });
    const alice = await joinAs(server, 'alice');
    alice.tell('bot', 'one');
    await alice.next(4);
    alice.tell('bot', 'exit');
    await log.until(/its worker was restarted/);
    alice.tell('bot', 'two');
    await alice.next(4);
    const told = events.flatMap((event) => {
      if (event.type === 'heard') return [`heard ${event.number} ${event.text}`];
      return event.type === 'said' ? [`said to ${event.answers}`] : [event.type];
    });
    expect(told).toEqual([
      'connected',
      'heard 1 one',
      'said to 1',
      'heard 2 exit',
      'connected',
      'heard 3 two',
      'said to 3',
    ]);
  });

  it('are all stopped where one of them is refused its login', async () => {
    const server = await startServer();
    await joinAs(server, 'bot');
    const other = plugin('other', { onStart() {} });
    const starting = startIsolated(server, taker, {}, { others: [{ plugin: other, server }] });
    await expect(starting).rejects.toMatchObject({ code: 'LOGIN_REFUSED' });
    await joinAs(server, 'other');
  });
});

describe('a standby in a worker', () => {
  it('takes over when the login is free; when it loses it, it leaves its store to the other one', async () => {
    const server = await startServer();
    const proxy = await startProxy(server);
    const alice = await joinAs(server, 'alice');
    const ask = async (): Promise<string> => {
      alice.tell('bot', 'count');
      return (await alice.next(4)).msg;
    };
    const log = new MemoryLog();
    const source = `export const onMessage = async (m, { store }) => m.reply('first ' + await store.update('n', (n = 0) => n + 1));`;
    const { bot } = await createIsolated(source, {}, log);
    await bot.load();
    const stateDirectory = await tempDirectory();
    const options = { stateDirectory, standby: true, backoff: { firstMs: 20, maxMs: 20 } };
    const entries = [{ plugin: plugin('bot', { onStart() {} }), isolated: bot, server: proxy.address }];
    const first = new BotRuntime(entries, { ...options, log });
    onTestFinished(() => first.stop({ timeoutMs: 0 }));
    await first.start();
    expect(await ask()).toBe('first 1');

    const other = plugin('bot', {
      onMessage: async (message, { store }) =>
        message.reply(`second ${await store.update<number>('n', (n = 0) => n + 1)}`),
    });
    const second = createBots(server, [{ plugin: other }], options);
    const taking = second.runtime.start();
    await second.log.until(/^standing by/);
    proxy.target = { ...server, port: 1 };
    await proxy.cutSessions();
    await taking;
    proxy.target = server;
    await log.until(/^standing by/);
    await expect.poll(() => first.status.accounts[0]!.state).toBe('standby');
    expect(await ask()).toBe('second 2');

    await second.runtime.stop();
    await expect.poll(() => first.status.accounts[0]!.state, { timeout: 10_000 }).toBe('connected');
    expect(await ask()).toBe('first 3');
  });
});

describe('a reload in a worker', () => {
  it('keeps session, store and messages; a version that does not load changes nothing', async () => {
    const server = await startServer();
    const { bot, group, file, log } = await startIsolated(server, taker);
    const alice = await joinAs(server, 'alice');
    const version = async (text: string): Promise<void> => {
      await writeVersion(file, text);
      await bot.load();
      await group.reload(0, plugin('bot', { onStart() {} }), { options: {}, timeoutMs: 1_000 });
    };
    await version(`export const onMessage = (message) => message.reply('second');`);
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('second');
    await expect(version(`export const onMessage = ;`)).rejects.toMatchObject({ code: 'INVALID_PLUGIN' });
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('second');
    expect(log.about(/restarted/)).toEqual([]);
  });

  it('that fails while its worker is restarted is retried, and follows when the file is right', async () => {
    const server = await startServer();
    const { bot, file, log } = await startIsolated(server, taker, {});
    const alice = await joinAs(server, 'alice');
    await writeVersion(file, `export const onStart = ;`);
    alice.tell('bot', 'exit');
    await log.until(/cannot be restarted: .*bot\.ts:1/);
    await writeVersion(file, `export const onMessage = (message) => message.reply('mended');`);
    await bot.load();
    await log.until(/its worker was restarted/);
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('mended');
  });

  it('that comes while the worker of one that failed is ended starts the only worker', async () => {
    const server = await startServer();
    const { bot, file, log } = await startIsolated(server, taker, {});
    const alice = await joinAs(server, 'alice');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    await writeVersion(file, `export const onStart = ;`);
    alice.tell('bot', 'exit');
    await log.until(/is restarted now/);
    vi.advanceTimersByTime(0);
    await log.until(/cannot be restarted: .*bot\.ts:1/);
    let loaded: Promise<unknown> | undefined;
    const spied = vi.spyOn(BotWorker.prototype, 'terminate');
    onTestFinished(() => spied.mockRestore());
    spied.mockImplementationOnce(async function (this: BotWorker, reason) {
      writeFileSync(file, `export const onMessage = (message) => message.reply('mended');`);
      loaded = bot.load();
      await this.terminate(reason);
    });
    const failed = bot.load().catch((error: unknown) => error);
    await expect.poll(() => loaded).toBeDefined();
    await loaded;
    expect(await failed).toMatchObject({ code: 'INVALID_PLUGIN' });
    await log.until(/its worker was restarted/);
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('mended');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that its schema refuses while its worker is restarted follows when the file is right', async () => {
    const server = await startServer();
    const { bot, file, log } = await startIsolated(server, taker, {});
    const alice = await joinAs(server, 'alice');
    const schema = `{ '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'too few' }] }) } }`;
    await writeVersion(file, `export const options = ${schema}; export const onStart = () => {};`);
    alice.tell('bot', 'exit');
    await log.until(/cannot be restarted: too few/);
    expect(await bot.load()).toMatchObject({ problems: [{ message: 'too few' }] });
    await writeVersion(file, `export const onMessage = (message) => message.reply('mended');`);
    await bot.load();
    await log.until(/its worker was restarted/);
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('mended');
  });

  it('that never finishes loading leaves the old version at work', async () => {
    const server = await startServer();
    const { bot, file, log } = await startIsolated(server, taker, { loadTimeoutMs: 300 });
    const alice = await joinAs(server, 'alice');
    await writeVersion(file, `await new Promise(() => {}); export const onMessage = () => {};`);
    await expect(bot.load()).rejects.toThrow('loading timed out after 0.3 s');
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('heard');
    expect(log.about(/restarted/)).toEqual([]);
  });

  it('of a bot that has stopped is refused, and starts no worker', async () => {
    const server = await startServer();
    const { bot, group, status } = await startIsolated(server, taker);
    await group.stop();
    await expect(bot.load()).rejects.toMatchObject({ code: 'ABORTED' });
    expect(status().isolation).toMatchObject({ running: false });
    await joinAs(server, 'bot');
  });
});
