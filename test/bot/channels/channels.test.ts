import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Context } from '../../../src/bot/plugin/context.ts';
import type { BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import type { Channel } from '../../../src/client/channel.ts';
import { endOf, joinAs, openChannel, signalled, startBot, startServer, WIDTHS } from '../../support/bot-world.ts';
import { openHalf, readAll, type RfcPeer } from '../../support/rfc-peer.ts';
import type { Address } from '../../../src/net/address.ts';

async function world(onChannel: NonNullable<BotPlugin['onChannel']>, width: 4 | 8 = 4) {
  const server = await startServer(width);
  const bots = await startBot(server, {
    onMessage: (message) => message.reply('alive'),
    onPrivateRequest: () => true,
    onChannel,
  });
  const alice = await joinAs(server, 'alice');
  const stillAlive = async (): Promise<void> => {
    alice.tell('bot', 'are you?');
    expect((await alice.next(4)).msg).toBe('alive');
  };
  return { server, alice, stillAlive, ...bots };
}

describe.each(WIDTHS)('onChannel, LONG of %i bytes', (width) => {
  it('gets a stream, who is at the other end, which side asked, and the id', async () => {
    const opened = signalled<Channel>();
    const { server, alice } = await world((channel) => opened.resolve(channel), width);
    const { connectId } = await openChannel(alice, server);
    expect(await opened.promise).toMatchObject({ peer: 'alice', role: 'target', connectId });
  });

  it('is piped through a transformation and back without a warning of a leak', async () => {
    const warnings: string[] = [];
    const onWarning = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const { server, alice } = await world((channel) => pipeline(channel, createGzip(), channel), width);
    const { half } = await openChannel(alice, server);
    half.end('data');
    expect(gunzipSync(await readAll(half)).toString()).toBe('data');
    expect(warnings).toEqual([]);
  });

  it('carries bytes both ways, each direction with its own end', async () => {
    const { server, alice } = await world(async (channel) => {
      channel.write('welcome;');
      let size = 0;
      for await (const chunk of channel) size += chunk.length;
      channel.end(`${size} bytes`);
    }, width);
    const { half } = await openChannel(alice, server);
    half.end(Buffer.alloc(300_000));
    expect((await readAll(half)).toString()).toBe('welcome;300000 bytes');
  });

  it('ends by packet 11: the peer gets 12 with the name of the bot, then the end', async () => {
    const closed = signalled();
    const { server, alice, stillAlive } = await world(async (channel) => {
      channel.resume();
      await channel.close();
      closed.resolve();
    }, width);
    const { half } = await openChannel(alice, server);
    expect((await alice.next(12)).target).toBe('bot');
    expect(await readAll(half)).toHaveLength(0);
    half.end();
    await closed.promise;
    await stillAlive();
  });

  it('ends where the peer sends packet 11', async () => {
    const ended = signalled<Channel>();
    const { server, alice, stillAlive } = await world((channel) => {
      channel.resume().once('close', () => ended.resolve(channel));
    }, width);
    const { half, connectId } = await openChannel(alice, server);
    alice.close(connectId, 'alice', 'bot');
    expect((await ended.promise).closedByPeer).toBe(true);
    expect(await readAll(half)).toHaveLength(0);
    await stillAlive();
  });
});

describe('onChannel that fails', () => {
  const asked = (channel: Channel): Promise<unknown> => new Promise((resolve) => channel.once('data', resolve));

  it.each<[string, NonNullable<BotPlugin['onChannel']>]>([
    [
      'throws',
      (channel) => {
        channel.resume();
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'rejects later',
      async (channel) => {
        await asked(channel);
        throw new Error('no');
      },
    ],
    [
      'rejects right after it has written',
      async (channel) => {
        await asked(channel);
        await new Promise<void>((done) => channel.write('x', () => done()));
        throw new Error('no');
      },
    ],
  ])('breaks the channel where it %s: the peer sees a reset, no end of file', async (_, onChannel) => {
    const { server, alice, stillAlive, log } = await world(onChannel);
    alice.request('bot');
    const { connectId } = await alice.next(8);
    const half = openHalf(server.port, connectId).then((socket) => {
      socket.write('go');
      return endOf(socket);
    });
    const how = await half.catch((error: Error) => (/ECONNRESET/.test(error.message) ? 'reset' : error.message));
    expect(how).toBe('reset');
    await log.until(/onChannel failed: no/);
    await stillAlive();
  });

  it('leaves a channel open that the hook returned with, until both have ended it', async () => {
    const returned = signalled();
    const { server, alice, runtime } = await world((channel) => {
      setImmediate(() => channel.pipe(channel));
      returned.resolve();
    });
    const { half } = await openChannel(alice, server);
    await returned.promise;
    expect(runtime.channelCount).toBe(1);
    half.write('still there');
    await new Promise((resolve) => half.once('readable', resolve));
    expect(String(half.read())).toBe('still there');
    half.end();
    await readAll(half);
  });
});

describe('a channel that breaks', () => {
  const writing = (channel: Channel): void => {
    const more = (): void => {
      while (channel.writable && channel.write(Buffer.alloc(65_536)));
    };
    channel.on('drain', more);
    more();
  };
  const iterating = async (channel: Channel): Promise<void> => {
    for await (const chunk of channel) void chunk;
  };

  it.each<[string, NonNullable<BotPlugin['onChannel']>]>([
    ['reading', (channel) => void channel.resume()],
    ['writing', writing],
    ['reading by iteration', iterating],
    ['echoing', (channel) => void channel.pipe(channel)],
  ])('while the bot is %s is a line in the log, and harms nothing', async (_, onChannel) => {
    const { server, alice, log, stillAlive } = await world(onChannel);
    const { half } = await openChannel(alice, server);
    half.resetAndDestroy();
    expect(await log.until(/private connection ended/)).toMatchObject({ level: 'info', fields: { peer: 'alice' } });
    await stillAlive();
  });

  it('right behind data is no end of file to the bot', async () => {
    const events: string[] = [];
    const closed = signalled();
    const { server, alice } = await world((channel) => {
      for (const event of ['end', 'error'] as const) channel.on(event, () => void events.push(event));
      channel.resume().once('end', closed.resolve).once('close', closed.resolve);
    });
    const { half } = await openChannel(alice, server);
    half.write('hello', () => half.resetAndDestroy());
    await closed.promise;
    expect(events).toEqual(['error']);
  });
});

describe('bot.request', () => {
  async function asking(): Promise<{ server: Address; alice: RfcPeer; bot: Context; asked: string[] }> {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    const started = signalled<Context>();
    const asked: string[] = [];
    await startBot(server, {
      onStart: started.resolve,
      onChannel: (channel) => void asked.push(channel.peer),
    });
    return { server, alice, bot: await started.promise, asked };
  }

  it('opens a channel to a peer that accepts; onChannel is not for it', async () => {
    const { server, alice, bot, asked } = await asking();
    const requested = bot.request('alice');
    expect(await alice.next(5)).toEqual({ op: 5, requester: 'bot', target: 'alice' });
    alice.ok('bot');
    const half = await openHalf(server.port, (await alice.next(8)).connectId);
    onTestFinished(() => void half.destroy());
    const channel = await requested;
    expect(channel).toMatchObject({ peer: 'alice', role: 'requester' });
    channel.end('hello');
    half.end();
    expect((await readAll(half)).toString()).toBe('hello');
    expect(asked).toEqual([]);
  });

  it('rejects where the peer refuses, is not there in time, or the request is cancelled', async () => {
    const { alice, bot } = await asking();
    const refused = bot.request('alice');
    await alice.next(5);
    alice.ko('bot');
    await expect(refused).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
    await expect(bot.request('nobody', { timeoutMs: 20 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    await expect(bot.request('nobody', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(bot.request('bot')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('puts no request that is given up already, or whose options are wrong', async () => {
    const { alice, bot } = await asking();
    await expect(bot.request('alice', { timeoutMs: 0 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    for (const wrong of [{ timeout: 5 }, { timeoutMs: NaN }, { timeoutMs: '5s' }]) {
      await expect(bot.request('alice', wrong as object)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await bot.tell('alice', 'that was all');
    expect(await alice.next()).toMatchObject({ op: 4, msg: 'that was all' });
  });

  it('gives a channel whose breaking harms nothing, though nobody listens for errors', async () => {
    const { server, alice, bot } = await asking();
    const requested = bot.request('alice');
    await alice.next(5);
    alice.ok('bot');
    const half = await openHalf(server.port, (await alice.next(8)).connectId);
    const channel = await requested;
    const closed = new Promise((resolve) => channel.once('close', resolve));
    half.resetAndDestroy();
    await closed;
    expect(channel.errored).toMatchObject({ code: 'CHANNEL_ABORTED' });
  });
});
