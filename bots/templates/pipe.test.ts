import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { TestNetwork } from 'chatosbot/testing';

async function start(t: TestContext) {
  const directory = await mkdtemp(path.join(tmpdir(), 'pipe-bot-'));
  const net = await TestNetwork.start();
  t.after(async () => {
    await net.stop();
    await rm(directory, { recursive: true });
  });
  const bot = await net.bot(new URL('./pipe.ts', import.meta.url), { login: 'bot', directory });
  return { net, bot, received: path.join(directory, 'received') };
}

test('keeps what a friend sends, byte for byte', async (t) => {
  const { net, received } = await start(t);
  const ann = await net.user('ann');
  const sent = Buffer.alloc(1024 * 1024, 'All bytes from \x00 to \xff. ', 'latin1');

  const channel = await ann.request('bot');
  channel.end(sent);
  assert.equal(String(await channel.toArray()), '1048576 bytes received\n');
  const [name = ''] = await readdir(received);
  assert.deepEqual(await readFile(path.join(received, name)), sent);
});

test('keeps nothing of a connection that breaks', async (t) => {
  const { net, bot, received } = await start(t);
  const ann = await net.user('ann');

  const channel = await ann.request('bot');
  const broken = new Promise((resolve) => channel.once('error', resolve));
  channel.resume().write('the first half');
  await net.settled();
  await net.cut('ann', 'channels');
  await broken;
  await bot.stop({ timeoutMs: 10_000 });
  assert.deepEqual(await readdir(received), []);
});

test('refuses everybody else', async (t) => {
  const { net } = await start(t);
  const mallory = await net.user('mallory');
  await assert.rejects(mallory.request('bot'), { code: 'REQUEST_REFUSED' });
});
