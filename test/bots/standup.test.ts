import { describe, expect, it } from 'vitest';
import { TestNetwork } from '../../src/testing/index.ts';

const BOT = 'bots/standup.ts';
const OPTIONS = { options: { timeZone: 'UTC' } };

/** On a Thursday morning. */
async function start(): Promise<TestNetwork> {
  return TestNetwork.start({ clock: { start: '2026-11-26T08:00Z' } });
}

describe('the stand-up bot', () => {
  it('names those who are away until the time is over that they gave, over a restart too', async () => {
    const net = await start();
    const bot = await net.bot(BOT, OPTIONS);
    const ann = await net.user('ann');
    await ann.tell('standup', '!away --for 24h30m');
    await ann.expects('Why?');
    await ann.tell('standup', 'x'.repeat(101));
    await ann.expects('In a hundred characters, please.');
    await ann.tell('standup', 'at sea');
    await ann.expects('Noted: at sea.');
    await net.clock.advance('1h');
    await ann.expects('Stand-up! Away: ann (at sea).');
    await bot.stop();
    net.clock.jump('23h30m');
    await net.bot(BOT, OPTIONS);
    await net.clock.advance('30m');
    await expect(ann.expects('Stand-up! Everybody is here.')).resolves.toBeDefined();
    await net.stop();
  });

  it('takes nobody back by what was said before, and changes nothing for a user who gives up', async () => {
    const net = await start();
    await net.bot(BOT, OPTIONS);
    const ann = await net.user('ann');
    for (const [how, why] of [
      ['!away --for 30m', 'lunch'],
      ['!afk', 'at sea'],
    ]) {
      await ann.tell('standup', how!);
      await ann.expects('Why?');
      await ann.tell('standup', why!);
      await ann.expects(`Noted: ${why}.`);
    }
    await ann.tell('standup', '!away --for 1m');
    await ann.expects('Why?');
    await ann.tell('standup', 'Never mind');
    await ann.expects('Then nothing changes.');
    await net.clock.advance('1h');
    await expect(ann.expects('Stand-up! Away: ann (at sea).')).resolves.toBeDefined();
    await net.stop();
  });

  it('names fifty, and says how many there are beside them', async () => {
    const net = await start();
    await net.bot(BOT, OPTIONS);
    const ann = await net.user('ann');
    for (let index = 0; index < 52; index++) {
      const user = await net.user(`user-${index}`);
      await user.tell('standup', '!away');
      await user.expects('Why?');
      await user.tell('standup', 'ill');
      await user.expects('Noted: ill.');
      await user.leave();
    }
    await net.clock.advance('1h');
    const { text } = await ann.expects(/^Stand-up! Away: user-0 \(ill\), .*, 2 more\.$/);
    expect(text.match(/user-/g)).toHaveLength(50);
    await net.stop();
  });
});
