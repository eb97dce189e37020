import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestNetwork } from 'chatosbot/testing';

const file = new URL('./announce.ts', import.meta.url);

test('announces the stand-up on working days', async (t) => {
  // A Friday, at 8:50 in Paris. The clock stands still until the test moves it.
  const net = await TestNetwork.start({ clock: { start: '2026-11-20T07:50:00Z' } });
  t.after(() => net.stop());
  await net.bot(file);
  const ann = await net.user('ann');

  await net.clock.advance('5m');
  await ann.expects('Stand-up in 5 min.');
  await net.clock.advance('2d');
  await ann.expectsNothing();
  await net.clock.advance('1d');
  await ann.expects('Stand-up in 5 min.');
});

test('makes up for a time at which it was not running, unless that is too long ago', async (t) => {
  const net = await TestNetwork.start({ clock: { start: '2026-11-20T07:50:00Z' } });
  t.after(() => net.stop());
  const ann = await net.user('ann');

  for (const [absence, said] of [
    ['7m', ['Stand-up in 3 min.']],
    ['3d4h', []],
  ] as const) {
    const bot = await net.bot(file);
    await net.settled();
    await bot.stop();
    net.clock.jump(absence);
    const before = ann.heard.length;
    const again = await net.bot(file);
    await net.settled();
    const heard = ann.heard.slice(before).map(({ text }) => text);
    assert.deepEqual(heard, said);
    await again.stop();
  }
});
