import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Context, Message } from '../../src/bot/plugin/context.ts';
import type { BotPlugin } from '../../src/bot/plugin/plugin.ts';
import { ChatosClient } from '../../src/client/client.ts';
import type { RuntimeOptions } from '../../src/bot/runtime-options.ts';
import { FakeClock } from '../support/bot-clock.ts';
import { joinAs, openChannel, plugin, signalled, startBot, startServer } from '../support/bot-world.ts';

const START = '2025-06-01T10:00:00Z';
const MINUTE = 60_000;
const LONG_MS = 60_000;

async function world(first: BotPlugin, options: RuntimeOptions = {}) {
  const server = await startServer();
  const clock = new FakeClock(START);
  const bots = await startBot(server, first, { clock, ...options });
  const alice = await joinAs(server, 'alice');
  const reload = (parts: BotPlugin, timeoutMs = LONG_MS): Promise<void> =>
    bots.runtime.reload(0, plugin('bot', parts), { timeoutMs });
  const status = () => bots.runtime.status.accounts[0]!.plugins[0]!;
  const ask = async (text: string): Promise<string> => {
    alice.tell('bot', text);
    return (await alice.next(4)).msg;
  };
  return { ...bots, server, clock, alice, reload, status, ask };
}

/** A version that answers with its number. */
const version = (number: number): BotPlugin => ({ onMessage: (message) => message.reply(`version ${number}`) });

describe('reloading a plugin', () => {
  it('leaves one answer to a message, however often it was done', async () => {
    const { reload, ask, alice } = await world(version(0));
    for (let number = 1; number <= 5; number += 1) {
      await reload(version(number));
      expect(await ask('hello')).toBe(`version ${number}`);
    }
    alice.tell('bot', 'once more');
    await alice.next(4);
    await expect(alice.next(4, { timeoutMs: 50 })).rejects.toThrow('not within 50 ms');
  });

  it('keeps one of several reloads at once after another, and ends with the last', async () => {
    const lives: string[] = [];
    const living = (number: number): BotPlugin => ({
      ...version(number),
      onStart: () => void lives.push(`start ${number}`),
      onStop: () => void lives.push(`stop ${number}`),
    });
    const { reload, ask } = await world(living(0));
    await Promise.all([1, 2, 3].map((number) => reload(living(number))));
    expect(lives).toEqual(['start 0', 'stop 0', 'start 1', 'stop 1', 'start 2', 'stop 2', 'start 3']);
    expect(await ask('hello')).toBe('version 3');
  });

  it('lets the old version finish, and then starts the new one, which hears nothing before', async () => {
    const release = signalled();
    const begun = signalled();
    const events: string[] = [];
    const { reload, alice, runtime } = await world({
      async onMessage(message) {
        begun.resolve();
        await release.promise;
        await message.reply('old');
      },
      onStop: () => void events.push('old stops'),
    });
    alice.tell('bot', 'one');
    await begun.promise;
    // These wait behind the one under way, and are still the old version's.
    alice.tell('bot', 'two');
    alice.say('three');
    await expect.poll(() => runtime.status.accounts[0]!.messages.heard).toBe(3);
    const reloading = reload({
      onStart: () => void events.push('new starts'),
      onMessage: (message) => (events.push(`new hears ${message.text}`), message.reply('new')),
    });
    alice.tell('bot', 'four');
    await expect.poll(() => runtime.status.accounts[0]!.messages.heard).toBe(4);
    expect(events).toEqual([]);
    release.resolve();
    await reloading;
    for (const answer of ['old', 'old', 'new']) expect((await alice.next(4)).msg).toBe(answer);
    expect(events).toEqual(['old stops', 'new starts', 'new hears four']);
  });

  it('cuts the old version off when it does not finish: nothing that it kept works any more', async () => {
    let kept: { message: Message; ctx: Context } | undefined;
    const begun = signalled();
    const { reload, alice, log, ask } = await world({
      onMessage(message, ctx) {
        kept = { message, ctx };
        begun.resolve();
        return new Promise(() => undefined);
      },
    });
    alice.tell('bot', 'hello');
    await begun.promise;
    await reload(version(2), 20);
    expect(log.about(/reloading: hooks of the old version were still running/)).toHaveLength(1);
    const { message, ctx } = kept!;
    for (const attempt of [
      () => message.reply('from the past'),
      () => message.ask('from the past'),
      () => ctx.say('from the past'),
      () => ctx.tell('alice', 'from the past'),
      () => ctx.ask('alice', 'from the past'),
      () => ctx.request('alice'),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'ABORTED' });
    }
    ctx.schedule({ cron: '* * * * *' }, () => undefined);
    expect(ctx.signal.aborted).toBe(true);
    expect(await ask('hello')).toBe('version 2');
  });

  it('has nothing run for a tick that came before a command added the job, while onStart goes on', async () => {
    const lates: number[] = [];
    const watching: BotPlugin = {
      async onStart(ctx) {
        for (;;) await ctx.sleep('1d');
      },
      commands: {
        watch: {
          help: 'watches',
          run(_: unknown, message: Message, ctx: Context) {
            ctx.schedule({ cron: '* * * * *', name: 'watch' }, ({ lateMs }) => void lates.push(lateMs));
            return message.reply('watching');
          },
        },
      },
    };
    const { reload, ask, clock } = await world(watching);
    clock.advance(MINUTE / 2);
    await reload(watching);
    clock.advance(MINUTE * 0.75);
    expect(await ask('!watch')).toBe('watching');
    clock.advance(MINUTE);
    await expect.poll(() => lates).toEqual([0]);
  });

  it('takes commands and jobs away that the new version does not have', async () => {
    const runs: string[] = [];
    const job = (name: string) => ({ [name]: { cron: '* * * * *', run: () => void runs.push(name) } });
    const { reload, ask, clock, status } = await world({
      commands: { old: { help: 'goes', run: (_: unknown, message: Message) => message.reply('old') } },
      schedule: { ...job('goes'), ...job('stays') },
    });
    expect(await ask('!old')).toBe('old');
    await reload({
      commands: { fresh: { help: 'comes', run: (_: unknown, message: Message) => message.reply('fresh') } },
      schedule: { ...job('stays'), ...job('comes') },
    });
    expect(await ask('!old')).toBe('There is no such command; !help lists them.');
    expect(await ask('!fresh')).toBe('fresh');
    await expect.poll(() => status().jobs.map(({ name }) => name)).toEqual(['stays', 'comes']);
    clock.advance(MINUTE);
    expect(runs).toEqual(['stays', 'comes']);
  });

  it('keeps open channels, and the store', async () => {
    const started = signalled();
    const { reload, alice, server, status } = await world({
      onPrivateRequest: () => true,
      onChannel: (channel) => void channel.pipe(channel),
      onStart: async (ctx) => {
        await ctx.store.set('who', 'the first');
        started.resolve();
      },
    });
    await started.promise;
    const { half } = await openChannel(alice, server);
    half.write('one;');
    await new Promise((resolve) => half.once('readable', resolve));
    const found = signalled<unknown>();
    await reload({ onStart: async (ctx) => found.resolve(await ctx.store.get('who')) });
    expect(await found.promise).toBe('the first');
    half.end('two');
    expect((await half.toArray()).join('')).toBe('one;two');
    expect(status().hooks).toEqual(['onStart']);
  });

  it('of a bot that is stopped during it lets both versions end', async () => {
    const release = signalled();
    const begun = signalled();
    const { reload, alice, runtime } = await world({
      async onMessage(message) {
        begun.resolve();
        await release.promise;
        await message.reply('finished');
      },
    });
    alice.tell('bot', 'hello');
    await begun.promise;
    let starts = 0;
    const reloading = reload({ onStart: () => void (starts += 1) });
    const stopping = runtime.stop({ timeoutMs: LONG_MS });
    release.resolve();
    await Promise.all([reloading, stopping]);
    expect((await alice.next(4)).msg).toBe('finished');
    expect(starts).toBe(0);
    await reload(version(3));
  });
});

describe('a tick that is due while a plugin is loaded anew', () => {
  it.each(['none', 'last', 'all'] as const)('is run by the new version, with catchUp %s', async (catchUp) => {
    const release = signalled();
    const begun = signalled();
    const runs: string[] = [];
    const schedule = (who: string): BotPlugin['schedule'] => ({
      job: {
        cron: '* * * * *',
        timeZone: 'UTC',
        catchUp,
        run: (_, { due }) => void runs.push(`${who} ${due.toISOString().slice(11, 16)}`),
      },
    });
    const { reload, alice, clock, status } = await world({
      schedule: schedule('old'),
      async onMessage() {
        begun.resolve();
        await release.promise;
      },
    });
    await expect.poll(() => status().jobs.length).toBe(1);
    for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
    clock.advance(MINUTE);
    await expect.poll(() => runs).toEqual(['old 10:01']);
    alice.tell('bot', 'be slow');
    await begun.promise;
    const reloading = reload({ schedule: schedule('new') });
    clock.advance(90_000);
    release.resolve();
    await reloading;
    await expect.poll(() => status().jobs.length).toBe(1);
    await expect
      .poll(() => {
        clock.advance(0);
        return runs;
      })
      .toEqual(['old 10:01', 'new 10:02']);
    clock.advance(30_000);
    await expect.poll(() => runs).toEqual(['old 10:01', 'new 10:02', 'new 10:03']);
  });

  it('is run also where it was overdue when the reload began', async () => {
    const runs: string[] = [];
    const schedule = (who: string): BotPlugin['schedule'] => ({
      job: { cron: '* * * * *', timeZone: 'UTC', run: () => void runs.push(who) },
    });
    const { reload, clock, status } = await world({ schedule: schedule('old') });
    await expect.poll(() => status().jobs.length).toBe(1);
    // A busy process: the time has come, the timer has not.
    clock.jump(MINUTE + 5);
    await reload({ schedule: schedule('new') });
    await expect.poll(() => status().jobs.length).toBe(1);
    clock.advance(0);
    expect(runs).toEqual(['new']);
  });
});

describe('two hundred reloads', () => {
  it('leave the counts of timers, jobs, channels and listeners unchanged', async () => {
    const create = vi.spyOn(ChatosClient, 'create');
    onTestFinished(() => create.mockRestore());
    const full = (number: number): BotPlugin => ({
      ...version(number),
      commands: { ping: { help: 'pings', run: (_: unknown, message: Message) => message.reply('pong') } },
      schedule: {
        none: { cron: '* * * * *', run: () => undefined },
        last: { cron: '*/5 * * * *', catchUp: 'last', run: () => undefined },
      },
      onPrivateRequest: () => true,
      onChannel: (channel) => void channel.pipe(channel),
      async onStart(ctx) {
        ctx.schedule({ cron: '0 * * * *' }, () => undefined);
        await ctx.store.set('n', number);
      },
      onStop: () => undefined,
    });
    const { reload, ask, clock, alice, server, runtime, status } = await world(full(0));
    const client = create.mock.results[0]!.value as ChatosClient;
    await openChannel(alice, server);
    const counts = () => ({
      timers: clock.pending,
      jobs: status().jobs.length,
      channels: runtime.channelCount,
      plugins: runtime.status.accounts[0]!.plugins.length,
      listeners: client.eventNames().map((name) => [name, client.listenerCount(name)]),
    });
    const settled = async () => {
      await expect.poll(() => status().jobs.length).toBe(3);
      await expect.poll(() => status().running).toBe(0);
    };
    for (let number = 1; number <= 5; number += 1) await reload(full(number));
    await settled();
    const before = counts();
    for (let number = 6; number <= 15; number += 1) await reload(full(number));
    await settled();
    expect(counts()).toEqual(before);
    expect(await ask('hello')).toBe('version 15');
    expect(await ask('!ping')).toBe('pong');
  });
});
