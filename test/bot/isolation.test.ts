import { describe, expect, it, onTestFinished } from 'vitest';
import { currentCall } from '../../src/bot/running/current-call.ts';
import type { BotPlugin } from '../../src/bot/plugin/plugin.ts';
import { endOf, expectRefusal, joinAs, openChannel, plugin, startBots, startServer } from '../support/bot-world.ts';
import { openHalf } from '../support/rfc-peer.ts';

/** A bot that works, beside one that is to fail. */
const working: BotPlugin = {
  onMessage: (message) => (message.text === 'ping' ? message.reply('pong') : undefined),
  onPrivateRequest: () => true,
  onChannel: (channel) => void channel.pipe(channel),
};

const refuse = (): never => {
  throw new Error('no');
};
const untouchable = new Proxy({}, { get: refuse, getPrototypeOf: refuse });

async function world(failing: BotPlugin) {
  const server = await startServer();
  const specs = [{ plugin: plugin('broken', failing) }, { plugin: plugin('working', working) }];
  const { log, runtime } = await startBots(server, specs);
  const alice = await joinAs(server, 'alice');
  const stillWorks = async (): Promise<void> => {
    alice.tell('working', 'ping');
    expect(await alice.next(4)).toMatchObject({ sender: 'working', msg: 'pong' });
  };
  return { server, log, runtime, alice, stillWorks };
}

describe('a plugin that fails', () => {
  it.each<[string, BotPlugin['onMessage']]>([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
    ],
    ['rejects', () => Promise.reject(new Error('boom'))],
    [
      'rejects later',
      async () => {
        await new Promise(setImmediate);
        throw new Error('boom');
      },
    ],
  ])('that %s in onMessage is logged with plugin, hook, peer and stack; the others go on', async (_, onMessage) => {
    const { log, alice, stillWorks } = await world({ onMessage: onMessage! });
    alice.tell('broken', 'hello');
    const line = await log.until(/boom/);
    expect(line).toMatchObject({
      level: 'error',
      message: 'onMessage failed: boom',
      fields: {
        plugin: 'broken',
        hook: 'onMessage',
        peer: 'alice',
        stack: expect.stringContaining('isolation.test.ts'),
      },
    });
    await stillWorks();
  });

  it('is logged with what caused its error, and of a message without end with its beginning', async () => {
    const text = 'x'.repeat(1_000);
    const { log, alice, runtime } = await world({
      onMessage: () => {
        throw new Error(text.repeat(3_000), { cause: new Error('connection refused') });
      },
    });
    alice.tell('broken', 'hello');
    const { message, fields } = await log.until(/failed/);
    expect(message).toBe(`onMessage failed: ${text}…`);
    expect(fields['stack']).toMatch(/^Error: x{1000}…\n +at [^]*\ncaused by: Error: connection refused\n +at /);
    expect(runtime.status.accounts[0]!.plugins[0]!.errors[0]!.message).toBe(`${text}…`);
  });

  it.each([
    ['a text', 'just text'],
    ['nothing', undefined],
    ['null', null],
    ['an object', { a: 1 }],
    ['what throws where it is looked at', untouchable],
    ['an error that throws where it is looked at', Object.defineProperty(new Error('x'), 'message', { get: refuse })],
  ])('may throw %s', async (_, thrown) => {
    const { log, alice, stillWorks } = await world({
      onMessage: () => {
        throw thrown;
      },
    });
    alice.tell('broken', 'hello');
    expect(await log.until(/^onMessage failed/)).toMatchObject({ fields: { plugin: 'broken', peer: 'alice' } });
    await stillWorks();
  });

  it('is called again for the next message', async () => {
    const texts: string[] = [];
    const { log, alice } = await world({
      onMessage({ text }) {
        texts.push(text);
        throw new Error(text);
      },
    });
    alice.tell('broken', 'one');
    alice.tell('broken', 'two');
    await log.until(/two/);
    expect(texts).toEqual(['one', 'two']);
  });

  it('in onStart does not keep the others from starting', async () => {
    const { log, stillWorks } = await world({ onStart: () => Promise.reject(new Error('no start')) });
    expect(await log.until(/no start/)).toMatchObject({ fields: { plugin: 'broken', hook: 'onStart' } });
    await stillWorks();
  });

  it('in onPrivateRequest means no, and is logged', async () => {
    const { log, alice, stillWorks } = await world({
      onPrivateRequest: () => {
        throw new Error('undecided');
      },
      onChannel: () => undefined,
    });
    await expectRefusal(alice, 'broken');
    expect(await log.until(/undecided/)).toMatchObject({
      fields: { plugin: 'broken', hook: 'onPrivateRequest', peer: 'alice' },
    });
    await stillWorks();
  });

  it('in onChannel is logged, and the channels of others go on', async () => {
    const { server, log, alice } = await world({
      onPrivateRequest: () => true,
      onChannel: () => {
        throw new Error('no channel');
      },
    });
    const { half } = await openChannel(alice, server, 'working');
    const bad = await openChannel(alice, server, 'broken');
    bad.half.resume();
    expect(await log.until(/no channel/)).toMatchObject({
      fields: { plugin: 'broken', hook: 'onChannel', peer: 'alice' },
    });
    half.end('still here');
    expect((await half.toArray()).join('')).toBe('still here');
  });

  it.each(['data', 'end'])(
    'in a listener for %s of a channel is told, and the channel is broken off',
    async (event) => {
      const { server, log, alice, stillWorks } = await world({
        onPrivateRequest: () => true,
        onChannel(channel) {
          if (event !== 'data') channel.resume();
          channel.on(event, () => {
            throw new Error('no listener');
          });
        },
      });
      const { half } = await openChannel(alice, server, 'broken');
      half.end('hello');
      expect(await endOf(half)).toBe('reset');
      expect(await log.until(/^uncaught: no listener/)).toMatchObject({
        level: 'error',
        fields: { plugin: 'broken', hook: 'onChannel', peer: 'alice' },
      });
      await stillWorks();
    },
  );

  it('in a listener of a channel that it asked for is told, too', async () => {
    const { server, log, alice } = await world({
      async onMessage(message, ctx) {
        const channel = await ctx.request(message.from);
        channel.on('data', () => {
          throw new Error('no listener');
        });
      },
    });
    alice.tell('broken', 'call me');
    await alice.next(5);
    alice.ok('broken');
    const { connectId } = await alice.next(8);
    const half = await openHalf(server.port, connectId, { longBytes: server.longBytes });
    onTestFinished(() => void half.destroy());
    half.write('hello');
    expect(await log.until(/^uncaught: no listener/)).toMatchObject({
      fields: { plugin: 'broken', hook: 'onMessage' },
    });
    expect(await endOf(half)).toBe('reset');
  });

  it('leaves a trace to its hook where an error escapes it', async () => {
    let escaped: unknown;
    const done = new Promise<void>((resolve) => {
      void world({
        onMessage() {
          setImmediate(() => {
            escaped = currentCall();
            resolve();
          });
        },
      }).then(({ alice }) => alice.tell('broken', 'hello'));
    });
    await done;
    expect(escaped).toMatchObject({ hook: 'onMessage', peer: 'alice', runner: { plugin: { name: 'broken' } } });
    expect(currentCall()).toBeUndefined();
  });
});
