import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Channel, ChatosClient } from '../../src/client/index.ts';
import { parseAddress } from '../../src/net/address.ts';
import { ChatosServer } from '../../src/server/index.ts';
import { TestProxy } from '../../src/testing/proxy.ts';
import { connect, ending, next, openChannel, readAll } from '../client/real-server.ts';
import { joinAs, openChannel as openHalfTo, signalled, startBot } from '../support/bot-world.ts';
import { startServer } from './chatosbot.ts';
import { serverHere } from './server-here.ts';

/** That what is left open breaks with its server is no error of a test. */
async function open(from: ChatosClient, to: ChatosClient): Promise<[Channel, Channel]> {
  const channels = await openChannel(from, to);
  for (const channel of channels) channel.on('error', () => undefined);
  return channels;
}

/** A server in a process of its own, two clients of the library and channels between them. */
async function talking(count = 1) {
  const server = await startServer();
  return { server, ...(await talkingAt(server, count)) };
}

async function talkingAt(server: { readonly at: string }, count = 1) {
  const [alice, bob] = [await connect(server.at, 'alice'), await connect(server.at, 'bob')];
  const here: Channel[] = [];
  const there: Channel[] = [];
  for (let i = 0; i < count; i++) {
    const [one, other] = await open(alice, bob);
    one.write('half of the ans');
    await once(other, 'readable');
    here.push(one);
    there.push(other);
  }
  return { alice, bob, here, there };
}

describe('[P14] where the server is killed, its end is not the end of a channel', () => {
  test('for a user of the library', async () => {
    const { server, here, there } = await talking();
    const ends = [...here, ...there].map((channel) => ending(channel));
    server.command.kill('SIGKILL');
    expect(await Promise.all(ends)).toEqual(['CHANNEL_ABORTED', 'CHANNEL_ABORTED']);
  });

  test('for many channels at once', async () => {
    const { server, here, there } = await talking(20);
    const ends = [...here, ...there].map((channel) => ending(channel));
    server.command.kill('SIGKILL');
    expect(new Set(await Promise.all(ends))).toEqual(new Set(['CHANNEL_ABORTED']));
  });

  test("for a bot's onChannel", async () => {
    const server = await startServer();
    const outcome = signalled<unknown>();
    const begun = signalled();
    await startBot(parseAddress(server.at), {
      onPrivateRequest: () => true,
      onChannel: async (channel) => {
        channel.once('data', () => begun.resolve());
        await readAll(channel).then(outcome.resolve, outcome.resolve);
      },
    });
    const alice = await joinAs(parseAddress(server.at), 'alice');
    const { half } = await openHalfTo(alice, parseAddress(server.at));
    half.write('half of the ans');
    await begun.promise;
    server.command.kill('SIGKILL');
    expect(await outcome.promise).toMatchObject({
      code: 'CHANNEL_ABORTED',
      message: expect.stringContaining('the server went away') as string,
    });
  });

  test('where our own direction has ended already', async () => {
    const { server, here, there } = await talking();
    here[0]!.end();
    await once(there[0]!.resume(), 'end');
    const end = ending(here[0]!);
    server.command.kill('SIGKILL');
    expect(await end).toBe('CHANNEL_ABORTED');
  });

  test("where the peer's direction has ended in order, and ours ends after it was killed", async () => {
    const { server, here, there } = await talking();
    there[0]!.end();
    await once(here[0]!.resume(), 'end');
    const end = ending(here[0]!);
    server.command.kill('SIGKILL');
    await server.command.exit();
    here[0]!.end();
    expect(await end).toBe('CHANNEL_ABORTED');
  });

  test('where the client was closed before, and its channel went on', async () => {
    const { server, alice, here } = await talking();
    await alice.close();
    const end = ending(here[0]!);
    server.command.kill('SIGKILL');
    expect(await end).toBe('CHANNEL_ABORTED');
  });

  test('where it is started again at once, and the end is read after the new login', async () => {
    const server = await startServer();
    const alice = await connect(server.at, 'alice', { reconnect: { firstMs: 50 } });
    const bob = await connect(server.at, 'bob');
    const [here, there] = await open(alice, bob);
    there.write(Buffer.alloc(512 * 1024));
    await once(here, 'readable');
    const again = next(alice, 'connected');
    // From here on: where little had come, the end may be seen before the new login.
    const end = ending(
      here,
      again.then(() => undefined),
    );
    // No server is started faster than an end is noticed, but one in the same process.
    const noticed = next(alice, 'disconnected');
    server.command.kill('SIGKILL');
    await Promise.all([server.command.exit(), noticed]);
    const successor = new ChatosServer();
    onTestFinished(() => successor.close());
    await successor.listen(server.at);
    expect(await end).toBe('CHANNEL_ABORTED');
  });
});

describe('[P14] the end of a channel is believed', () => {
  test('while the server stops in order', async () => {
    const { server, here, there } = await talking();
    server.command.kill('SIGTERM');
    await server.command.line(/^stopping on SIGTERM, waiting/);
    there[0]!.end('wer');
    expect(await ending(here[0]!)).toBe('end');
    here[0]!.end();
    expect(await ending(there[0]!)).toBe('end');
    expect(await server.command.exit()).toMatchObject({ status: 0 });
  });

  test('where the client was closed before', async () => {
    const { alice, here, there } = await talkingAt(await serverHere());
    await alice.close();
    there[0]!.end('wer');
    expect(await ending(here[0]!)).toBe('end');
  });

  test('where the session was lost before, and there is another', async () => {
    const server = await serverHere();
    const proxy = await TestProxy.start(parseAddress(server.at));
    onTestFinished(() => proxy.close());
    const alice = await connect(`127.0.0.1:${proxy.address.port}`, 'alice', { reconnect: { firstMs: 10 } });
    const bob = await connect(server.at, 'bob');
    const [here, there] = await open(alice, bob);
    const again = next(alice, 'connected');
    proxy.cut('session');
    await again;
    there.end('all of it');
    expect((await readAll(here)).toString()).toBe('all of it');
  });
});
