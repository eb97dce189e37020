import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Context, Timer } from '../../src/bot/plugin/context.ts';
import type { BotPlugin } from '../../src/bot/plugin/plugin.ts';
import { BotRuntime } from '../../src/bot/runtime.ts';
import type { Address } from '../../src/net/address.ts';
import { FakeClock } from '../support/bot-clock.ts';
import { MemoryLog } from '../support/bot-log.ts';
import { joinAs, plugin, signalled, startServer } from '../support/bot-world.ts';

const MINUTE = 60_000;
const START = '2025-06-01T10:00:00Z';

/** A bot that can be stopped, and started again with what it has kept. */
async function world() {
  const server = await startServer();
  const alice = await joinAs(server, 'alice');
  const clock = new FakeClock(START);
  const stateDirectory = path.join(tmpdir(), `chatosbot-test-${randomUUID()}`);
  onTestFinished(() => rm(stateDirectory, { recursive: true, force: true }));
  return { alice, clock, server, start: (parts: BotPlugin) => startBot(server, parts, clock, stateDirectory) };
}

async function startBot(server: Address, parts: BotPlugin, clock: FakeClock, stateDirectory: string) {
  const log = new MemoryLog();
  const started = signalled<Context>();
  const onStart = async (ctx: Context): Promise<void> => {
    await parts.onStart?.(ctx);
    started.resolve(ctx);
  };
  const runtime = new BotRuntime([{ plugin: plugin('bot', { ...parts, onStart }), server }], {
    log,
    clock,
    stateDirectory,
  });
  onTestFinished(() => runtime.stop({ timeoutMs: 0 }));
  await runtime.start();
  return { runtime, log, ctx: await started.promise };
}

const REMIND: BotPlugin['timers'] = {
  remind: (data, ctx, { at, lateMs }) => ctx.say(`${String(data)} ${at.toISOString().slice(11, 16)} ${lateMs}`),
};

describe('ctx.after and ctx.at', () => {
  it('call the handler once, with the data, when the time has come', async () => {
    const { alice, clock, start } = await world();
    const { ctx, runtime } = await start({ timers: REMIND });
    await ctx.at(new Date('2025-06-01T10:20:00Z'), 'remind', 'second');
    await ctx.after('10m', 'remind', 'first');
    expect(ctx.timers().map(({ name, data }) => [name, data])).toEqual([
      ['remind', 'first'],
      ['remind', 'second'],
    ]);
    clock.advance(9 * MINUTE);
    await ctx.say('nothing so far');
    expect((await alice.next(3)).msg).toBe('nothing so far');
    clock.advance(MINUTE);
    expect((await alice.next(3)).msg).toBe('first 10:10 0');
    clock.advance(10 * MINUTE);
    expect((await alice.next(3)).msg).toBe('second 10:20 0');
    expect(runtime.status.accounts[0]!.plugins[0]!.timers).toEqual({ count: 0, next: [] });
  });

  it('run after a restart, those that came meanwhile late, in order', async () => {
    const { alice, clock, start } = await world();
    const before = await start({ timers: REMIND });
    await before.ctx.after('2m', 'remind', 'two');
    await before.ctx.after('1m', 'remind', 'one');
    await before.ctx.after('1h', 'remind', 'later');
    await before.runtime.stop();
    clock.advance(5 * MINUTE);
    const after = await start({ timers: REMIND });
    expect((await alice.next(3)).msg).toBe(`one 10:01 ${4 * MINUTE}`);
    expect((await alice.next(3)).msg).toBe(`two 10:02 ${3 * MINUTE}`);
    expect(after.ctx.timers().map(({ data }) => data)).toEqual(['later']);
    await after.runtime.stop();
    const third = await start({ timers: REMIND });
    await third.ctx.say('only one is left');
    expect((await alice.next(3)).msg).toBe('only one is left');
  });

  it('run again where the process stopped before the handler had done it', async () => {
    const { alice, clock, start } = await world();
    const begun = signalled();
    const before = await start({
      timers: {
        async remind(_data, ctx) {
          begun.resolve();
          await ctx.sleep('1h');
        },
      },
    });
    await before.ctx.after('1m', 'remind', 'tea');
    clock.advance(MINUTE);
    await begun.promise;
    await before.runtime.stop();
    await start({ timers: REMIND });
    expect((await alice.next(3)).msg).toBe('tea 10:01 0');
  });

  it('run again in the newer version where a reload has ended the sleep of the handler', async () => {
    const { alice, start } = await world();
    const begun = signalled();
    const before = await start({
      timers: {
        async remind(_data, ctx) {
          begun.resolve();
          await ctx.sleep('1h');
        },
      },
    });
    await before.ctx.after(0, 'remind', 'tea');
    await begun.promise;
    await before.runtime.reload(0, plugin('bot', { timers: REMIND, onMessage: () => undefined }));
    expect((await alice.next(3)).msg).toBe('tea 10:00 0');
  });

  it('do not run again where the handler has failed', async () => {
    const { alice, clock, start } = await world();
    const { ctx, log, runtime } = await start({
      timers: {
        remind() {
          throw new Error('no tea');
        },
      },
    });
    await ctx.after('1m', 'remind');
    clock.advance(MINUTE);
    expect(await log.until(/no tea/)).toMatchObject({ level: 'error', fields: { hook: 'timer', timer: 'remind' } });
    await runtime.stop();
    const again = await start({ timers: REMIND });
    await again.ctx.say('none');
    expect((await alice.next(3)).msg).toBe('none');
  });

  it('give a handle that cancels, also for a timer of a process before', async () => {
    const { alice, clock, start } = await world();
    const before = await start({ timers: REMIND });
    const timer = await before.ctx.after('1m', 'remind', 'a');
    expect(await timer.cancel()).toBe(true);
    expect(await timer.cancel()).toBe(false);
    await before.ctx.after('2m', 'remind', 'b');
    await before.runtime.stop();
    const { ctx, runtime } = await start({ timers: REMIND });
    await waitFor(() => ctx.timers('remind').length === 1);
    expect(ctx.timers('other')).toEqual([]);
    await ctx.timers('remind')[0]!.cancel();
    await runtime.stop();
    clock.advance(5 * MINUTE);
    const third = await start({ timers: REMIND });
    await third.ctx.say('none');
    expect((await alice.next(3)).msg).toBe('none');
  });

  it('go to the new version of a plugin that is reloaded, those of its open handles too', async () => {
    const { alice, clock, start } = await world();
    const { ctx, runtime } = await start({ timers: REMIND });
    const timer: Timer = await ctx.after('1m', 'remind', 'a');
    await ctx.after('2m', 'remind', 'b');
    const newer: BotPlugin = {
      onStart: () => undefined,
      timers: { remind: (data, next) => next.say(`new: ${String(data)}`) },
    };
    await runtime.reload(0, plugin('bot', newer), {});
    await waitFor(() => runtime.status.accounts[0]!.plugins[0]!.timers.count === 2);
    expect(await timer.cancel()).toBe(true);
    clock.advance(2 * MINUTE);
    expect((await alice.next(3)).msg).toBe('new: b');
  });

  it.each<[what: string, ask: (ctx: Context) => Promise<unknown>, message: RegExp]>([
    ['an unknown timer', (ctx) => ctx.after(1, 'remnd'), /^the plugin has no timer 'remnd'; did you mean 'remind'\?$/],
    ['a length that is none', (ctx) => ctx.after('soon', 'remind'), /^'soon' is not a length of time/],
    [
      'a length of time that is too long',
      (ctx) => ctx.after('99999999w', 'remind'),
      /^'99999999w' from now is later than/,
    ],
    ['a time that is none', (ctx) => ctx.at('tomorrow', 'remind'), /^'tomorrow' is not a time/],
    ['a text with a number', (ctx) => ctx.at('lunch 12', 'remind'), /^'lunch 12' is not a time/],
    ['no date', (ctx) => ctx.at(new Date(NaN), 'remind'), /^'Invalid Date' is not a time/],
    ['null as a time', (ctx) => ctx.at(null as never, 'remind'), /^'null' is not a time/],
    ['data that is not JSON', (ctx) => ctx.after(1, 'remind', 1n), /^the data of a timer cannot be kept as JSON: /],
    ['data that JSON would change', (ctx) => ctx.after(1, 'remind', { seen: new Set([1]) }), /: a Set at 'seen' \(/],
    [
      'a function as data',
      (ctx) => ctx.after(1, 'remind', () => 1),
      /^the data of a timer cannot be kept as JSON: a function$/,
    ],
    [
      'too much data',
      (ctx) => ctx.after(1, 'remind', 'x'.repeat(16 * 1024)),
      /^the data of a timer is over 16384 bytes/,
    ],
  ])('refuse %s', async (_, ask, message) => {
    const { start } = await world();
    const { ctx } = await start({ timers: REMIND });
    await expect(ask(ctx)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message) as string,
    });
    expect(ctx.timers()).toEqual([]);
  });

  it('run at most 100 at a time, and the others when those have ended', async () => {
    const { clock, start } = await world();
    const release = signalled();
    const hundred = signalled();
    const all = signalled();
    let begun = 0;
    const remind = async (): Promise<void> => {
      begun += 1;
      if (begun === 100) hundred.resolve();
      if (begun === 150) all.resolve();
      await release.promise;
    };
    const { ctx } = await start({ timers: { remind } });
    await Promise.all(Array.from({ length: 150 }, (_, data) => ctx.after('1m', 'remind', data)));
    clock.advance(MINUTE);
    await hundred.promise;
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
    expect(begun).toBe(100);
    release.resolve();
    await all.promise;
  });

  it('refuse data beyond three MiB in all, and take more when there is room', async () => {
    const { start } = await world();
    const { ctx } = await start({ timers: REMIND });
    const data = 'x'.repeat(16 * 1024 - 2);
    const add = (): Promise<Timer> => ctx.after('1h', 'remind', data);
    const added = await Promise.all(Array.from({ length: 190 }, add));
    await expect(add()).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    await added[0]!.cancel();
    await expect(add()).resolves.toMatchObject({ name: 'remind' });
  });

  it('wait for a handler that the plugin has lost, and say so', async () => {
    const { alice, clock, start } = await world();
    const before = await start({ timers: REMIND });
    await before.ctx.after('1m', 'remind', 'tea');
    await before.runtime.stop();
    const without = await start({ timers: { other: () => undefined } });
    expect(await without.log.until(/timers wait for a handler/)).toMatchObject({
      fields: { timer: 'remind', count: 1 },
    });
    await without.runtime.stop();
    clock.advance(MINUTE);
    await start({ timers: REMIND });
    expect((await alice.next(3)).msg).toBe('tea 10:01 0');
  });
});

describe('ctx.schedule', () => {
  it('gives a handle with the next run, which cancels', async () => {
    const { clock, start } = await world();
    let runs = 0;
    const { ctx, runtime } = await start({});
    const handle = ctx.schedule({ cron: '* * * * *', timeZone: 'UTC', name: 'beat' }, () => void (runs += 1));
    expect([handle.name, handle.next]).toEqual(['beat', new Date('2025-06-01T10:01:00Z')]);
    clock.advance(MINUTE);
    handle.cancel();
    clock.advance(5 * MINUTE);
    expect(runs).toBe(1);
    expect(handle.next).toBeUndefined();
    expect(runtime.status.accounts[0]!.plugins[0]!.jobs).toEqual([]);
    expect(() => ctx.schedule({ cron: '* * * * *', name: 'beat' }, () => undefined)).not.toThrow();
  });

  it('refuses an expression alone, with how it is written', async () => {
    const { start } = await world();
    const { ctx } = await start({});
    expect(() => ctx.schedule('0 9 * * *' as never, () => undefined)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: "a schedule is an object: { cron: '0 9 * * *' }" }),
    );
  });
});

async function waitFor(isSo: () => boolean): Promise<void> {
  await expect.poll(isSo).toBe(true);
}
