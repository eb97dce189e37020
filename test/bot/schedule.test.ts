import { describe, expect, it } from 'vitest';
import { announcementsPlugin } from '../../src/bot/announcements.ts';
import type { Context } from '../../src/bot/plugin/context.ts';
import { FakeClock } from '../support/bot-clock.ts';
import { joinAs, plugin, signalled, startBot, startBots, startServer } from '../support/bot-world.ts';

const MINUTE = 60_000;
const START = '2025-06-01T10:00:00Z';

async function scheduling(cron: string, run: (bot: Context) => void | Promise<void>) {
  const server = await startServer();
  const alice = await joinAs(server, 'alice');
  const clock = new FakeClock(START);
  const started = signalled();
  const onStart = (bot: Context): void => {
    bot.schedule({ cron, timeZone: 'UTC' }, () => run(bot));
    started.resolve();
  };
  const bots = await startBot(server, { onStart }, { clock });
  await started.promise;
  return { ...bots, alice, clock };
}

describe('bot.schedule', () => {
  it('runs at the times of the expression', async () => {
    const { alice, clock } = await scheduling('*/5 * * * *', (bot) => bot.say(clock.now().toISOString().slice(11, 16)));
    clock.advance(5 * MINUTE);
    expect((await alice.next(3)).msg).toBe('10:05');
    clock.advance(5 * MINUTE);
    expect((await alice.next(3)).msg).toBe('10:10');
  });

  it('logs a run that fails with its plugin, and runs again', async () => {
    let runs = 0;
    const { clock, log } = await scheduling('* * * * *', () => {
      runs += 1;
      throw new Error(`run ${runs}`);
    });
    clock.advance(MINUTE);
    expect(await log.until(/run 1/)).toMatchObject({ level: 'error', fields: { plugin: 'bot', hook: 'schedule' } });
    await new Promise(setImmediate);
    clock.advance(MINUTE);
    await log.until(/run 2/);
  });

  it('runs no more after the bot stopped, and leaves no timer', async () => {
    let runs = 0;
    const { runtime, clock } = await scheduling('* * * * *', () => void (runs += 1));
    clock.advance(MINUTE);
    expect(runs).toBe(1);
    await runtime.stop();
    expect(clock.pending).toBe(0);
    clock.advance(10 * MINUTE);
    expect(runs).toBe(1);
  });

  it('is waited for when the bot stops during a run', async () => {
    const release = signalled();
    let done = false;
    const { runtime, clock } = await scheduling('* * * * *', async () => {
      await release.promise;
      done = true;
    });
    clock.advance(MINUTE);
    const stopping = runtime.stop({ timeoutMs: 60_000 });
    release.resolve();
    await stopping;
    expect(done).toBe(true);
  });

  it('does nothing once the bot stops', async () => {
    const clock = new FakeClock(START);
    const onStop = (bot: Context): void => void bot.schedule({ cron: '* * * * *' }, () => undefined);
    const { runtime } = await startBot(await startServer(), { onStop }, { clock });
    await runtime.stop();
    expect(clock.pending).toBe(0);
  });

  it('throws a coded error for an expression or zone that is wrong', async () => {
    const { log } = await startBot(await startServer(), {
      onStart: (bot) => bot.schedule({ cron: 'soon' }, () => undefined),
    });
    expect((await log.until(/onStart failed/)).message).toMatch(/'soon' is not a cron expression/);
  });
});

describe('a schedule of a bot that has run before', () => {
  it('makes up for what was missed since, and for nothing before', async () => {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    const clock = new FakeClock('2025-06-01T10:07:00Z');
    const schedule = (['*/5 * * * *', '*/30 * * * *'] as const).map(
      (cron) => [cron, { cron, timeZone: 'UTC', run: (bot: Context) => bot.say(cron) }] as const,
    );
    const bot = plugin('bot', { schedule: Object.fromEntries(schedule) });
    const { runtime } = await startBots(server, [{ plugin: bot, since: new Date('2025-06-01T10:04:00Z') }], { clock });
    await expect.poll(() => runtime.status.accounts[0]!.plugins[0]!.jobs.length).toBe(2);
    clock.advance(0);
    expect((await alice.next(3)).msg).toBe('*/5 * * * *');
    clock.advance(3 * MINUTE);
    expect((await alice.next(3)).msg).toBe('*/5 * * * *');
    clock.advance(20 * MINUTE);
    expect((await alice.next(3)).msg).toBe('*/5 * * * *');
  });
});

describe('announcements', () => {
  it('are posted to everyone, or to one', async () => {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    const carol = await joinAs(server, 'carol');
    const clock = new FakeClock(START);
    const announcements = announcementsPlugin([
      { cron: '0 12 * * *', timeZone: 'Europe/Paris', text: 'lunch is now' },
      { cron: '30 10 * * *', timeZone: 'UTC', text: 'for you', to: 'carol' },
    ]);
    const greeter = plugin('greeter', { onStart: (bot) => bot.say('ready') });
    await startBots(server, [{ plugin: announcements }, { plugin: greeter, login: 'announcements' }], { clock });
    expect((await alice.next(3)).msg).toBe('ready');
    expect(announcements.name).toBe('announcements');
    clock.advance(30 * MINUTE);
    expect(await carol.next(4)).toMatchObject({ sender: 'announcements', target: 'carol', msg: 'for you' });
    clock.advance(24 * 60 * MINUTE);
    expect(await alice.next(3)).toMatchObject({ login: 'announcements', msg: 'lunch is now' });
  });
});
