import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { isChatosError } from '../../src/errors.ts';
import { defineBot } from '../../src/index.ts';
import { FakeClock, TestNetwork, type TestNetworkOptions } from '../../src/testing/index.ts';
import { SILENT_LOGGER } from '../../src/util/log.ts';

const START = '2026-11-22T08:00:00Z';

describe('a fake clock', () => {
  test('runs timers in the order in which they are due, with what they bring about between them', async () => {
    const clock = new FakeClock(START);
    const log: string[] = [];
    const note = (text: string) => (): void => {
      log.push(`${clock.now().toISOString().slice(11, 19)} ${text}`);
      void Promise.resolve().then(() => log.push(`then ${text}`));
    };
    clock.after(2_000, note('b'));
    clock.after(1_000, note('a'));
    const cancel = clock.after(1_500, note('never'));
    clock.after(1_000, () => clock.after(500, note('c')));
    cancel();
    await clock.advance('1m');
    expect(log).toEqual(['08:00:01 a', 'then a', '08:00:01 c', 'then c', '08:00:02 b', 'then b']);
    expect(clock.now().toISOString()).toBe('2026-11-22T08:01:00.000Z');
    expect(clock.pending).toBe(0);
  });

  test('runs timers that are due at the same time in the order in which they were set', () => {
    const clock = new FakeClock(START);
    const log: string[] = [];
    for (const name of ['a', 'b', 'c']) clock.after(1_000, () => log.push(name));
    clock.tick('1s');
    expect(log).toEqual(['a', 'b', 'c']);
  });

  test('leaves no time limit behind when it has been advanced', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    await new FakeClock(START).advance('1m');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('has no timer for what the clock of the machine would never call back', async () => {
    const clock = new FakeClock(START);
    let ran = false;
    for (const ms of [2 ** 31, Infinity]) clock.after(ms, () => (ran = true));
    expect(clock.pending).toBe(0);
    await clock.advance('60d');
    expect(ran).toBe(false);
  });

  test('runs what is overdue after a jump at the next advance, and no sooner', async () => {
    const clock = new FakeClock(START);
    let ran: Date | undefined;
    clock.after(60_000, () => (ran = clock.now()));
    clock.jump('8h');
    expect(ran).toBeUndefined();
    await clock.advance(0);
    expect(ran?.toISOString()).toBe('2026-11-22T16:00:00.000Z');
  });

  test('keeps the length of waits where it is set back', async () => {
    const clock = new FakeClock(START);
    let runs = 0;
    clock.after(60_000, () => (runs += 1));
    clock.set('2026-11-22T02:00:00Z');
    await clock.advance('1m');
    expect(runs).toBe(1);
  });

  test.each([
    ['250ms', 250],
    ['10min', 600_000],
    ['1h30min', 5_400_000],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
    [5, 5],
  ])('knows how long %s is', async (duration, ms) => {
    const clock = new FakeClock(0);
    await clock.advance(duration);
    expect(clock.now().getTime()).toBe(ms);
  });

  test.each(['soon', '', '1 hour', -1, NaN, Infinity])('refuses %s', async (duration) => {
    await expect(new FakeClock(0).advance(duration)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('refuses to go where no date is', async () => {
    const clock = new FakeClock(0);
    await expect(clock.advance('999999999d')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await clock.advance('99999999d');
    expect(clock.now().toISOString()).toBe('+275760-09-12T00:00:00.000Z');
  });

  test('refuses to go on where timers bring about timers for ever', async () => {
    const clock = new FakeClock(0);
    const again = (): void => void clock.after(0, again);
    again();
    expect(() => clock.tick(1)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('a network with a fake clock', () => {
  let net: TestNetwork;
  afterEach(() => net.stop());
  const start = async (clock: TestNetworkOptions['clock'] = { start: START }): Promise<TestNetwork> =>
    (net = await TestNetwork.start({ clock }));

  test('stands where it was told to', async () => {
    await start();
    expect(net.clock.now().toISOString()).toBe('2026-11-22T08:00:00.000Z');
  });

  test('has none to drive where it goes by the real one', async () => {
    await start('real');
    expect(() => net.clock).toThrow(/start it with \{ clock: 'fake' \}/);
  });

  test('ends a question that nobody answers, and a private request', async () => {
    await start();
    await net.bot({
      name: 'asker',
      async onMessage(message, ctx) {
        const wanted =
          message.text === 'ask'
            ? message.ask('well?', { timeoutMs: 3_600_000 })
            : ctx.request('nobody', { timeoutMs: 7_200_000 });
        await wanted.catch((error: unknown) => {
          if (isChatosError(error)) return ctx.say(`${error.code} at ${net.clock.now().toISOString().slice(11, 16)}`);
          throw error;
        });
      },
    });
    const [alice, bob] = [await net.user('alice'), await net.user('bob')];
    await alice.tell('asker', 'ask');
    await bob.tell('asker', 'request');
    await net.clock.advance('59m');
    expect(bob.heard).toEqual([]);
    await net.clock.advance('1d');
    expect(bob.heard.map(({ text }) => text)).toEqual(['TIMED_OUT at 09:00', 'TIMED_OUT at 10:00']);
  });

  test('lets messages out as the flood limits allow, which are off unless asked for', async () => {
    await start();
    const burst = defineBot({
      async onMessage(message) {
        for (let n = 1; n <= 30; n++) void message.reply(String(n));
      },
    });
    await net.bot(burst, { login: 'free' });
    await net.bot(burst, { login: 'bounded', flood: {} });
    const alice = await net.user('alice');
    await alice.tell('free', 'go');
    await net.settled();
    expect(alice.heard).toHaveLength(30);
    const bob = await net.user('bob');
    await bob.tell('bounded', 'go');
    await net.settled();
    expect(bob.heard).toHaveLength(20);
    await net.clock.advance('1s');
    expect(bob.heard).toHaveLength(25);
    await net.clock.advance('1s');
    expect(bob.heard.map(({ text }) => Number(text))).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
  });

  test('brings a bot back that was suspended', async () => {
    await start();
    let broken = true;
    const bot = await net.bot(
      {
        name: 'frail',
        onMessage(message) {
          if (broken) throw new Error('broken');
          return message.reply('whole');
        },
      },
      { log: SILENT_LOGGER },
    );
    const alice = await net.user('alice');
    for (let n = 0; n < 5; n++) await alice.tell('frail', 'hi');
    await net.settled();
    expect(bot.status.state).toBe('suspended');
    broken = false;
    await alice.tell('frail', 'hi');
    await alice.expectsNothing();
    await net.clock.advance('30s');
    await alice.tell('frail', 'hi');
    await net.settled();
    expect(alice.heard.map(({ text }) => text)).toEqual(['whole']);
    expect(bot.status.state).toBe('running');
  });

  test("opens and closes a policy's hours, and ends a private connection when its time is up", async () => {
    await start();
    await net.bot('./bots/echo.ts', {
      policy: {
        rules: [{ hours: '09:00-17:00', timeZone: 'UTC', decision: 'accept', limits: { maxLifetimeMs: 600_000 } }],
        default: 'refuse',
      },
    });
    const alice = await net.user('alice');
    await expect(alice.request('echo')).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
    await net.clock.advance('1h');
    const channel = await alice.request('echo');
    const ended = new Promise((resolve) => channel.once('error', resolve).resume());
    await net.settled();
    await net.clock.advance('10m');
    expect(await ended).toMatchObject({ code: 'CHANNEL_ABORTED' });
  });

  test('goes a month on in a moment', async () => {
    await start();
    await net.bot(
      defineBot({
        name: 'monthly',
        schedule: { post: { cron: '0 0 1 * *', timeZone: 'UTC', run: (ctx) => ctx.say('1st') } },
      }),
    );
    const alice = await net.user('alice');
    await net.clock.advance('30d');
    expect(alice.heard).toHaveLength(1);
  });
});
