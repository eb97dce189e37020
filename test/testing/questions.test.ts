import { expect, onTestFinished, test } from 'vitest';
import { defineBot } from '../../src/index.ts';
import { TestNetwork, type TestNetworkOptions } from '../../src/testing/index.ts';

const asker = defineBot({
  name: 'asker',
  onMessage: async (message) => message.reply((await message.ask('Well?')).text),
});

async function asked(options?: TestNetworkOptions) {
  const net = await TestNetwork.start(options);
  onTestFinished(() => net.stop());
  const bot = await net.bot(asker);
  const alice = await net.user('alice');
  await alice.tell('asker', 'hi');
  await alice.expects('Well?');
  return { bot, alice };
}

test('while time stands still, a reload ends questions at once, and the user is told', async () => {
  const { bot, alice } = await asked({ clock: 'fake' });
  await bot.reload(asker);
  await alice.expects('I have been updated: please ask again.');
  await alice.tell('asker', 'hi');
  await alice.expects('Well?');
  await bot.stop();
  await alice.expects('I am going offline: please ask again later.');
  expect(alice.heard).toHaveLength(4);
});

test('with the real clock, a question may be answered while the bot stops', async () => {
  const { bot, alice } = await asked();
  const stopped = bot.stop({ timeoutMs: 60_000 });
  await alice.tell('asker', 'in time');
  await alice.expects('in time');
  await stopped;
  expect(alice.heard).toHaveLength(2);
});
