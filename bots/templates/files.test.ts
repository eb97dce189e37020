import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { TestNetwork } from 'chatosbot/testing';

/** A network with the bot on it; returns it, a user, and what asks it for a line. */
async function start(t: TestContext) {
  const directory = await mkdtemp(path.join(tmpdir(), 'files-bot-'));
  const net = await TestNetwork.start();
  t.after(async () => {
    await net.stop();
    await rm(directory, { recursive: true });
  });
  await mkdir(path.join(directory, 'shared'));
  await writeFile(path.join(directory, 'shared', 'notes.txt'), 'Buy milk.\n');
  await writeFile(path.join(directory, 'shared', 'ü.txt'), 'Umlaut.\n');
  await writeFile(path.join(directory, 'shared', '.hidden'), 'x');
  await writeFile(path.join(directory, 'secret.txt'), 'x');
  await symlink('../secret.txt', path.join(directory, 'shared', 'link.txt'));
  await net.bot(new URL('./files.ts', import.meta.url), { login: 'bot', directory });
  const ann = await net.user('ann');
  const ask = async (line: string): Promise<string> => {
    const channel = await ann.request('bot');
    channel.end(`${line}\n`);
    return Buffer.concat(await channel.toArray()).toString();
  };
  return { ask, net, ann };
}

test('lists its files, and sends them', async (t) => {
  const { ask } = await start(t);
  assert.equal(await ask(''), 'notes.txt\nü.txt\n');
  assert.equal(await ask('notes.txt'), 'Buy milk.\n');
});

test('breaks off for what is not there, is hidden, or lies outside', async (t) => {
  const { ask } = await start(t);
  for (const name of ['none.txt', '.hidden', 'link.txt', '../secret.txt', '..', '/etc/passwd', 'x'.repeat(1000)]) {
    await assert.rejects(ask(name), { code: 'CHANNEL_ABORTED' }, name);
  }
});

test('takes a name that comes in pieces', async (t) => {
  const { net, ann } = await start(t);
  const channel = await ann.request('bot');
  for (const byte of Buffer.from('ü.txt')) {
    channel.write(Buffer.of(byte));
    await net.settled();
  }
  channel.end('\n');
  assert.equal(String(Buffer.concat(await channel.toArray())), 'Umlaut.\n');
});

test('breaks off where a name does not end', async (t) => {
  const { net, ann } = await start(t);
  t.mock.timers.enable({ apis: ['setInterval'] });
  const channel = await ann.request('bot');
  channel.write('notes');
  await net.settled();
  t.mock.timers.tick(60_000);
  await assert.rejects(channel.toArray(), { code: 'CHANNEL_ABORTED' });
});
