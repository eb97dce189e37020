import { describe, expect, it } from 'vitest';
import type { BotPlugin } from '../../src/bot/plugin/plugin.ts';
import { toAddress, type Address } from '../../src/net/address.ts';
import { FakeClock } from '../support/bot-clock.ts';
import { startProxy } from '../support/bot-proxy.ts';
import { createBots, joinAs, openChannel, plugin, startServer } from '../support/bot-world.ts';
import { readAll } from '../support/rfc-peer.ts';

/** A bot behind `address` that counts what happens, and tells each time that it has logged in. */
function echoing(address: Address) {
  let starts = 0;
  let logins = 0;
  const waiting: { count: number; resolve: () => void }[] = [];
  const hooks: BotPlugin = {
    onStart: () => void (starts += 1),
    onMessage: (message) => message.reply(`${message.text} to you`),
    onPrivateRequest: () => true,
    onChannel: (channel) => void channel.pipe(channel),
  };
  const onLogin = (): void => {
    logins += 1;
    for (const { count, resolve } of waiting) if (logins >= count) resolve();
  };
  const bots = createBots(address, [{ plugin: plugin('bot', hooks) }], { onLogin });
  return {
    ...bots,
    starts: () => starts,
    loggedIn: (count: number) =>
      logins >= count ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ count, resolve })),
  };
}

describe('a bot that loses its session', () => {
  it('logs in again, hears again, and does not start again', async () => {
    const server = await startServer();
    const proxy = await startProxy(server);
    const bot = echoing(proxy.address);
    await bot.runtime.start();
    const alice = await joinAs(server, 'alice');
    await proxy.cutSessions();
    await bot.loggedIn(2);
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('hello to you');
    expect(bot.starts()).toBe(1);
    expect(bot.log.about(/retrying in/)[0]).toMatchObject({ level: 'warn', fields: { login: 'bot' } });
  });

  it('keeps its open channels, and takes new ones after it', async () => {
    const server = await startServer();
    const proxy = await startProxy(server);
    const bot = echoing(proxy.address);
    await bot.runtime.start();
    const alice = await joinAs(server, 'alice');
    const first = await openChannel(alice, server);
    first.half.write('before;');
    await new Promise((resolve) => first.half.once('readable', resolve));

    await proxy.cutSessions();
    first.half.write('between;');
    await bot.loggedIn(2);
    const second = await openChannel(alice, server);
    second.half.end('new');
    expect((await readAll(second.half)).toString()).toBe('new');
    first.half.end('after');
    expect((await readAll(first.half)).toString()).toBe('before;between;after');
  });

  it('[P15] learns which channel ends by packet 12 after it came back', async () => {
    const server = await startServer();
    const proxy = await startProxy(server);
    const bot = echoing(proxy.address);
    await bot.runtime.start();
    const alice = await joinAs(server, 'alice');
    const { half, connectId } = await openChannel(alice, server);
    await proxy.cutSessions();
    await bot.loggedIn(2);
    alice.close(connectId, 'alice', 'bot');
    expect(await readAll(half)).toHaveLength(0);
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('hello to you');
  });

  it('goes over to the server that comes up in place of the old one', async () => {
    const proxy = await startProxy(await startServer());
    const bot = echoing(proxy.address);
    await bot.runtime.start();
    proxy.target = await startServer();
    await proxy.cutSessions();
    await bot.loggedIn(2);
    const alice = await joinAs(proxy.target, 'alice');
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('hello to you');
  });

  it('tries until there is a server, the first time too', async () => {
    const server = await startServer();
    const proxy = await startProxy({ ...server, port: 1 });
    const bot = echoing(proxy.address);
    const started = bot.runtime.start();
    expect(await bot.log.until(/retrying in/)).toMatchObject({ level: 'warn' });
    proxy.target = server;
    await started;
    const alice = await joinAs(server, 'alice');
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('hello to you');
  });

  it('stops at once while it waits to try again', async () => {
    const proxy = await startProxy(toAddress({ port: 1 }));
    const bot = echoing(proxy.address);
    const started = bot.runtime.start();
    await bot.log.until(/retrying in/);
    await Promise.all([
      bot.runtime.stop({ timeoutMs: 60_000 }),
      expect(started).rejects.toMatchObject({ code: 'ABORTED' }),
    ]);
  });
});

describe('schedules of a bot that has lost its session', () => {
  it.each<['none' | 'last' | 'all', string[]]>([
    // What it says waits for the connection, but for half a minute only.
    ['none', ['10:03']],
    ['last', ['10:03']],
    ['all', ['10:01', '10:02', '10:03']],
  ])('with catchUp %s', async (catchUp, expected) => {
    const server = await startServer();
    const proxy = await startProxy(server);
    const clock = new FakeClock('2025-06-01T10:00:30Z');
    let started = false;
    const times = plugin('bot', {
      onStart: () => void (started = true),
      schedule: {
        tick: {
          cron: '* * * * *',
          timeZone: 'UTC',
          catchUp,
          run: (ctx, { due }) => ctx.tell('alice', due.toISOString().slice(11, 16)),
        },
      },
    });
    const { runtime } = createBots(proxy.address, [{ plugin: times }], { clock, backoff: { firstMs: 10, maxMs: 50 } });
    await runtime.start();
    await expect.poll(() => started && runtime.status.accounts[0]!.plugins[0]!.jobs.length).toBe(1);
    const alice = await joinAs(server, 'alice');
    const account = () => runtime.status.accounts[0]!;
    const runs = () => account().plugins[0]!.calls;
    const before = runs();
    // No server until the clock has gone on.
    proxy.target = { ...server, port: 1 };
    await proxy.cutSessions();
    await expect.poll(() => account().state).toBe('connecting');
    for (let half = 1; half <= 5; half += 1) {
      clock.advance(30_000);
      for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
    }
    expect(runs() - before).toBe(catchUp === 'none' ? 3 : 0);
    proxy.target = server;
    const heard: string[] = [];
    for (const _ of expected) heard.push((await alice.next(4)).msg);
    expect(heard).toEqual(expected);
  });
});
