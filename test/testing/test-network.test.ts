import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestNetwork } from '../../src/testing/index.ts';

let net: TestNetwork;
beforeEach(async () => {
  net = await TestNetwork.start();
});
afterEach(() => net.stop());

test('a bot file is loaded and talked to', async () => {
  await net.bot('./bots/echo.ts');
  const alice = await net.user('alice');
  await alice.tell('echo', 'hi');
  expect(await alice.expects(/hi/)).toMatchObject({ from: 'echo', text: 'alice: hi', private: true });
});

test('a plugin object gets its options, and its private connections byte for byte', async () => {
  await net.bot(
    {
      name: 'upper',
      onPrivateRequest: () => true,
      async onChannel(channel, bot) {
        for await (const chunk of channel) channel.write(`${String(bot.options['prefix'])}${String(chunk)}`);
        channel.end();
      },
    },
    { options: { prefix: '> ' } },
  );
  const alice = await net.user('alice');
  const channel = await alice.request('upper');
  channel.end('abc');
  let received = '';
  for await (const chunk of channel) received += String(chunk);
  expect(received).toBe('> abc');
});

test('the policy is the one that was given', async () => {
  await net.bot('./bots/echo.ts', { policy: { deny: ['mal*'] } });
  const mallory = await net.user('mallory');
  await expect(mallory.request('echo')).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
});

test('an expectation that is not met tells what was heard instead', async () => {
  await net.bot('./bots/echo.ts');
  const alice = await net.user('alice');
  await alice.tell('echo', 'one');
  await expect(alice.expects('two', 200)).rejects.toThrow(/expected two within 200 ms, but heard:\necho: alice: one/);
});

test('users accept private connections of each other', async () => {
  const [alice, bob] = [await net.user('alice'), await net.user('bob')];
  const accepted = bob.acceptNext();
  const channel = await alice.request('bob');
  channel.end('x');
  const other = await accepted;
  other.end();
  expect(String(await other.toArray())).toBe('x');
});
