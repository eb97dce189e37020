import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { ChatosServer } from '../../src/server/server.ts';
import type { ServerStats } from '../../src/server/stats.ts';
import { TestNetwork } from '../../src/testing/index.ts';
import { SILENT_LOGGER } from '../../src/util/log.ts';

let net: TestNetwork;
beforeEach(async () => {
  net = await TestNetwork.start();
});
afterEach(() => net.stop());

const echo = () => net.bot('./bots/echo.ts', { log: SILENT_LOGGER });

test('a bot whose connection is cut comes back, and what is said then is answered', async () => {
  const bot = await echo();
  const alice = await net.user('alice');
  const before = bot.account.since;
  await net.cut('echo');
  await net.settled();
  expect(bot.account.state).toBe('connected');
  expect(bot.account.since.getTime()).toBeGreaterThan(before.getTime());
  await alice.tell('echo', 'again');
  await alice.expects('alice: again');
});

test('what a bot says while its connection is cut arrives when it is back', async () => {
  let speak: ((text: string) => Promise<void>) | undefined;
  await net.bot({ name: 'speaker', onStart: (ctx) => void (speak = (text) => ctx.say(text)) }, { log: SILENT_LOGGER });
  const alice = await net.user('alice');
  await net.cut('speaker');
  const said = speak!('after all');
  await net.settled();
  await said;
  expect(alice.heard.map(({ text }) => text)).toEqual(['after all']);
});

test('a private connection that is cut is an abort for both sides', async () => {
  const errors: unknown[] = [];
  await net.bot({
    name: 'sink',
    onPrivateRequest: () => true,
    onChannel: (channel) => void channel.on('error', (error) => errors.push(error)).resume(),
  });
  const alice = await net.user('alice');
  const channel = await alice.request('sink');
  await net.settled();
  const broken = new Promise((resolve) => channel.once('error', resolve));
  await net.cut('alice', 'channels');
  expect(await broken).toMatchObject({ code: 'CHANNEL_ABORTED' });
  await alice.tell('sink', 'the session is still there');
  await net.settled();
  expect(errors).toMatchObject([{ code: 'CHANNEL_ABORTED' }]);
});

test('a user that is cut is gone, and may log in again at once', async () => {
  const alice = await net.user('alice');
  await net.cut('alice');
  await expect(
    alice
      .say('x')
      .then(() => net.settled())
      .then(() => alice.say('x')),
  ).rejects.toMatchObject({
    code: expect.stringMatching(/NOT_CONNECTED|CONNECTION_LOST/),
  });
  const again = await net.user('alice');
  await echo();
  await again.tell('echo', 'back');
  await again.expects('alice: back');
});

test('a cut that the server does not notice is waited for a second, and no longer', async () => {
  await net.user('alice');
  vi.useFakeTimers({ toFake: ['performance'] });
  const stats = vi.spyOn(ChatosServer.prototype, 'stats', 'get').mockReturnValue({ connections: 9 } as ServerStats);
  onTestFinished(() => {
    vi.useRealTimers();
    stats.mockRestore();
  });
  let done = false;
  const cut = net.cut('alice').then(() => (done = true));
  vi.advanceTimersByTime(999);
  for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(done).toBe(false);
  vi.advanceTimersByTime(1);
  await cut;
});

test('a slow reader hears nothing until it reads on, and holds nobody up', async () => {
  await echo();
  const [alice, bob] = [await net.user('alice'), await net.user('bob')];
  net.stall('alice');
  await bob.say('to all');
  await bob.expects('bob: to all');
  await net.settled();
  expect(alice.heard).toEqual([]);
  net.resume('alice');
  await net.settled();
  expect(alice.heard.map(({ from, text }) => `${from}> ${text}`)).toEqual(['bob> to all', 'echo> bob: to all']);
});

test('a private connection of a slow reader stops its sender, and loses nothing', async () => {
  // More than all the buffers of the system on the way can hold.
  const bytes = 96 * 1024 * 1024;
  const sent = { bytes: 0 };
  await net.bot({
    name: 'source',
    onPrivateRequest: () => true,
    async onChannel(channel) {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      await new Promise((resolve) => channel.once('data', resolve));
      while (sent.bytes < bytes) {
        sent.bytes += chunk.length;
        if (!channel.write(chunk)) await new Promise((resolve) => channel.once('drain', resolve));
      }
      channel.end();
    },
  });
  const alice = await net.user('alice');
  const channel = await alice.request('source');
  net.stall('alice', 'channels');
  channel.end('go');
  let received = 0;
  const all = (async () => {
    for await (const chunk of channel) received += chunk.length;
  })();
  // Until nothing moves any more.
  for (let before = 0; sent.bytes === 0 || sent.bytes > before;) {
    before = sent.bytes;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(sent.bytes).toBeLessThan(bytes);
  expect(received).toBe(0);
  net.resume('alice');
  await all;
  expect(received).toBe(bytes);
});

test('a slow reader gets nothing on private connections that are opened later either', async () => {
  await net.bot({ name: 'door', onPrivateRequest: () => true, onChannel: (channel) => void channel.end('in') });
  const alice = await net.user('alice');
  net.stall('alice', 'channels');
  let opened = false;
  const opening = alice.request('door').finally(() => (opened = true));
  await net.settled();
  expect(opened).toBe(false);
  net.resume('alice', 'channels');
  expect(String(await (await opening).toArray())).toBe('in');
});

test('a fault of somebody who is not there is refused', async () => {
  await echo();
  await expect(net.cut('ech')).rejects.toThrow('there is no ech in this network; there are echo');
});
