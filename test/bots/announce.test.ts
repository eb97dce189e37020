import { describe, expect, it } from 'vitest';
import { Activity } from '../../src/bot/running/activity.ts';
import { FakeClock } from '../support/bot-clock.ts';
import { joinAs, startBots, startServer, WIDTHS } from '../support/bot-world.ts';
import { shippedBot, shippedEntry } from './serving.ts';

describe.each(WIDTHS)('the announce bot, LONG of %i bytes', (width) => {
  it('posts the time to everyone on its schedule', async () => {
    const server = await startServer(width);
    const peers = [await joinAs(server, 'alice'), await joinAs(server, 'carol')];
    await startBots(server, [{ plugin: await shippedBot('announce'), options: { cron: '* * * * * *' } }]);
    for (const peer of peers) {
      const { login, msg } = await peer.next(3);
      expect(login).toBe('announce');
      expect(msg).toMatch(/^It is \d\d:\d\d\.$/);
    }
  });
});

describe('the announce bot', () => {
  it('posts at every full hour where nothing else is said', async () => {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    const clock = new FakeClock('2025-06-01T10:20:00Z');
    const activity = new Activity();
    const { log } = await startBots(server, [await shippedEntry('announce')], { clock, activity });
    await activity.idle();
    clock.advance(39 * 60_000);
    clock.advance(60_000);
    expect((await alice.next(3)).login).toBe('announce');
    expect(log.about(/failed/)).toEqual([]);
  });

  it('tells the time of the zone that it is given', async () => {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    const before = new Date();
    await startBots(server, [
      { plugin: await shippedBot('announce'), options: { cron: '* * * * * *', timeZone: 'Asia/Kolkata' } },
    ]);
    const { msg } = await alice.next(3);
    const times = [before, new Date()].map((date) => {
      const parts = { timeZone: 'Asia/Kolkata', hour: '2-digit', minute: '2-digit' } as const;
      return `It is ${date.toLocaleTimeString('en-GB', parts)}.`;
    });
    expect(times).toContain(msg);
  });

  it('says what is wrong with its options, and harms nobody', async () => {
    const server = await startServer();
    const specs = [
      { plugin: await shippedBot('announce'), options: { cron: 'soon' } },
      { plugin: await shippedBot('echo') },
    ];
    const { log } = await startBots(server, specs);
    expect(await log.until(/'soon' is not a cron expression/)).toMatchObject({
      fields: { plugin: 'announce', hook: 'schedule' },
    });
    const alice = await joinAs(server, 'alice');
    alice.tell('echo', 'there?');
    expect((await alice.next(4)).msg).toBe('alice: there?');
  });
});
