import { test } from 'node:test';
import { TestNetwork } from 'chatosbot/testing';

const file = new URL('./command.ts', import.meta.url);

test('counts, and goes on counting after a restart', async (t) => {
  const net = await TestNetwork.start();
  t.after(() => net.stop());
  const ann = await net.user('ann');

  const bot = await net.bot(file, { login: 'bot' });
  await ann.tell('bot', '!tally');
  await ann.expects('Nothing was counted yet.');
  await ann.tell('bot', '!count pears 2');
  await ann.expects('pears: 2');
  await bot.stop();

  await net.bot(file, { login: 'bot' });
  await ann.tell('bot', '!count pears');
  await ann.expects('pears: 3');
});

test('shows the usage of a command', async (t) => {
  const net = await TestNetwork.start();
  t.after(() => net.stop());
  await net.bot(file, { login: 'bot' });
  const ann = await net.user('ann');

  await ann.tell('bot', '!count pears many');
  await ann.expects(/by must be a whole number .* usage: !count <what> \[by\]/);
});
