import { test } from 'node:test';
import { TestNetwork } from 'chatosbot/testing';

test('repeats messages', async (t) => {
  const net = await TestNetwork.start();
  t.after(() => net.stop());
  await net.bot(new URL('./echo.ts', import.meta.url), { login: 'bot' });
  const [ann, bob] = [await net.user('ann'), await net.user('bob')];

  await ann.tell('bot', 'hello');
  await ann.expects('You said: hello');
  await bob.expectsNothing();

  await ann.say('hello, all');
  await bob.expects('You said: hello, all');
});
