import net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toAddress } from '../../../src/net/address.ts';
import type { Message } from '../../../src/bot/plugin/context.ts';
import {
  createBots,
  joinAs,
  plugin,
  signalled,
  startBot,
  startBots,
  startServer,
  WIDTHS,
} from '../../support/bot-world.ts';
import { packet, str } from '../../support/rfc-peer.ts';

describe.each(WIDTHS)('messages to a bot, LONG of %i bytes', (width) => {
  it('hears what is said to everyone, and replies to everyone', async () => {
    const server = await startServer(width);
    const heard = signalled<Message>();
    await startBot(server, {
      async onMessage(message) {
        heard.resolve(message);
        await message.reply(`you said ${message.text}`);
      },
    });
    const alice = await joinAs(server, 'alice');
    const carol = await joinAs(server, 'carol');
    alice.say('hello');
    expect(await heard.promise).toMatchObject({ from: 'alice', text: 'hello', private: false });
    for (const peer of [alice, carol]) {
      expect(await peer.next()).toEqual({ op: 3, login: 'alice', msg: 'hello' });
      expect(await peer.next()).toEqual({ op: 3, login: 'bot', msg: 'you said hello' });
    }
  });

  it('hears what is said to it alone, and replies to the sender alone', async () => {
    const server = await startServer(width);
    const heard = signalled<Message>();
    await startBot(server, {
      async onMessage(message) {
        if (!message.private) return;
        heard.resolve(message);
        await message.reply('pst');
      },
    });
    const alice = await joinAs(server, 'alice');
    const carol = await joinAs(server, 'carol');
    alice.tell('bot', 'a secret');
    expect(await heard.promise).toMatchObject({ from: 'alice', text: 'a secret', private: true });
    expect(await alice.next()).toEqual({ op: 4, sender: 'bot', target: 'alice', msg: 'pst' });
    alice.say('end');
    expect(await carol.next()).toEqual({ op: 3, login: 'alice', msg: 'end' });
  });
});

describe('messages to a bot', () => {
  it('does not hear itself', async () => {
    const server = await startServer();
    const texts: string[] = [];
    const heardAll = signalled();
    await startBot(server, {
      onStart: (bot) => bot.say('mine'),
      async onMessage(message) {
        texts.push(`${message.from}: ${message.text}`);
        if (message.text === 'end') heardAll.resolve();
        else await message.reply('an answer');
      },
    });
    const alice = await joinAs(server, 'alice');
    alice.say('one');
    while ((await alice.next(3)).msg !== 'an answer');
    alice.say('end');
    await heardAll.promise;
    expect(texts).toEqual(['alice: one', 'alice: end']);
  });

  it('splits a long reply, public or private, into messages that arrive in order', async () => {
    const server = await startServer();
    const text = Array.from({ length: 2_000 }, (_, i) => `word${i}é`).join(' ');
    await startBot(server, { onMessage: (message) => message.reply(text) });
    const alice = await joinAs(server, 'alice');
    const collect = async (op: 3 | 4): Promise<string> => {
      const parts: string[] = [];
      while (parts.join(' ').length < text.length) {
        const got = await alice.next(op);
        if ('login' in got && got.login === 'alice') continue;
        expect(Buffer.byteLength(got.msg)).toBeLessThanOrEqual(1024);
        parts.push(got.msg);
      }
      expect(parts.length).toBeGreaterThan(10);
      return parts.join(' ');
    };
    alice.tell('bot', 'go');
    expect(await collect(4)).toBe(text);
    alice.say('go');
    expect(await collect(3)).toBe(text);
  });

  it('gives every plugin of the process the message, and its own name, login and options', async () => {
    const server = await startServer();
    const seen: unknown[] = [];
    const all = signalled();
    const listener = (name: string) =>
      plugin(name, {
        onMessage(_, { name: own, login, options }) {
          seen.push({ own, login, options });
          if (seen.length === 3) all.resolve();
        },
      });
    await startBots(server, [
      { plugin: listener('one') },
      { plugin: listener('two'), login: 'deux', options: { a: 1 } },
      { plugin: listener('three'), login: 'deux' },
    ]);
    (await joinAs(server, 'alice')).say('hello');
    await all.promise;
    expect(seen).toHaveLength(3);
    expect(seen).toEqual(
      expect.arrayContaining([
        { own: 'one', login: 'one', options: {} },
        { own: 'two', login: 'deux', options: { a: 1 } },
        { own: 'three', login: 'deux', options: {} },
      ]),
    );
  });

  it('says to everyone and tells one, unasked, in parts where it is long', async () => {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    await startBot(server, {
      async onStart(bot) {
        await bot.tell('alice', `${'x'.repeat(1000)} ${'y'.repeat(1000)}`);
        await bot.say('done');
      },
    });
    expect((await alice.next(4)).msg).toBe('x'.repeat(1000));
    expect((await alice.next(4)).msg).toBe('y'.repeat(1000));
    expect((await alice.next(3)).msg).toBe('done');
  });

  it('answers a message that comes in the same segment as LOGIN_ACCEPTED, after onStart', async () => {
    const answered = signalled<string>();
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write(Buffer.concat([packet(1), packet(3, str('alice'), str('quick'))]));
        socket.on('data', (bytes) => answered.resolve(bytes.toString()));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as net.AddressInfo;
    const calls: string[] = [];
    const hooks = {
      onStart: () => void calls.push('onStart'),
      async onMessage(message: Message) {
        calls.push('onMessage');
        await message.reply('answer');
      },
    };
    const { runtime, log } = createBots(toAddress({ port }), [{ plugin: plugin('bot', hooks) }]);
    await runtime.start();
    const failed = log.until(/onMessage failed/).then(({ message }) => message);
    expect(await Promise.race([answered.promise, failed])).toContain('answer');
    expect(calls).toEqual(['onStart', 'onMessage']);
  });
});
