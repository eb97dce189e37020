import { describe, expect, test } from 'vitest';
import type { BotPlugin } from '../../src/bot/plugin/plugin.ts';
import { createBots, joinAs, openChannel, plugin, signalled, startBot, startServer } from '../support/bot-world.ts';
import { readAll } from '../support/rfc-peer.ts';

/** A version that answers every message with its number. */
const version = (number: number, more: BotPlugin = {}) =>
  plugin('bot', { onMessage: (message) => message.reply(`v${number}: ${message.text}`), ...more });

describe('a plugin that is put in the place of an older version', () => {
  test('answers from then on, alone, in the same session', async () => {
    const server = await startServer();
    const { runtime } = await startBot(server, version(1).hooks);
    const alice = await joinAs(server, 'alice');
    for (let number = 2; number <= 4; number += 1) {
      await runtime.reload(0, version(number));
      alice.tell('bot', 'hi');
      expect(await alice.next(4)).toMatchObject({ msg: `v${number}: hi` });
    }
    alice.tell('bot', 'the last');
    expect(await alice.next(4)).toMatchObject({ msg: 'v4: the last' });
    expect(runtime.status.accounts[0]!.plugins).toHaveLength(1);
  });

  test('hears nothing before its onStart, and that comes when onStop of the one before has finished', async () => {
    const server = await startServer();
    const order: string[] = [];
    const { promise: mayStop, resolve: letStop } = signalled();
    const { runtime } = await startBot(server, {
      onStop: async () => {
        await mayStop;
        order.push('old onStop');
      },
    });
    const alice = await joinAs(server, 'alice');
    const reloading = runtime.reload(
      0,
      version(2, {
        onStart: () => void order.push('new onStart'),
        onMessage: (message) => {
          order.push('new onMessage');
          return message.reply('here');
        },
      }),
    );
    alice.tell('bot', 'hi');
    // What was said after it has come back: the server and the bot have seen the first one, too.
    alice.say('round');
    await alice.next(3);
    letStop();
    await reloading;
    expect(await alice.next(4)).toMatchObject({ msg: 'here' });
    expect(order.slice(0, 3)).toEqual(['old onStop', 'new onStart', 'new onMessage']);
  });

  test('leaves to the one before what that has heard: each message is answered once', async () => {
    const server = await startServer();
    const { promise: heard, resolve: tellHeard } = signalled();
    const { promise: mayAnswer, resolve: letAnswer } = signalled();
    const { runtime } = await startBot(server, {
      onMessage: async (message) => {
        tellHeard();
        await mayAnswer;
        await message.reply(`old: ${message.text}`);
      },
    });
    const alice = await joinAs(server, 'alice');
    alice.tell('bot', 'one');
    alice.tell('bot', 'two');
    await heard;
    const bob = await joinAs(server, 'bob');
    // Bob's message is behind those of Alice: when he hears himself, the bot has them all.
    bob.say('round');
    await bob.next(3);
    const reloading = runtime.reload(0, version(2));
    alice.tell('bot', 'three');
    letAnswer();
    await reloading;
    const answers = [await alice.next(4), await alice.next(4), await alice.next(4)].map((packet) => packet['msg']);
    expect(answers.toSorted()).toEqual(['old: one', 'old: two', 'v2: three']);
  });

  test('does not wait for private connections, and they go on', async () => {
    const server = await startServer();
    const { runtime } = await startBot(server, {
      onPrivateRequest: () => true,
      onChannel: async (channel, bot) => {
        for await (const chunk of channel) {
          channel.write(`old: ${String(chunk)}`);
          if (String(chunk) === 'speak') await bot.tell(channel.peer, 'still here');
        }
        channel.end();
      },
    });
    const alice = await joinAs(server, 'alice');
    const { half } = await openChannel(alice, server);
    half.write('hello;');
    await new Promise((resolve) => half.once('readable', resolve));
    await runtime.reload(
      0,
      version(2, { onPrivateRequest: () => true, onChannel: (channel) => void channel.end('new') }),
      {
        timeoutMs: 60_000,
      },
    );
    half.write('speak');
    expect(await alice.next(4)).toMatchObject({ msg: 'still here' });
    const { half: second } = await openChannel(alice, server);
    expect(String(await readAll(second))).toBe('new');
    half.end('bye');
    expect(String(await readAll(half))).toMatch(/^old: hello;old: speak(old: )?bye$/);
  });

  test('runs its schedules, and those of the one before no more', async () => {
    const server = await startServer();
    const schedule = (text: string): BotPlugin => ({
      schedule: { tick: { cron: '* * * * * *', run: (bot) => bot.say(text) } },
    });
    const { runtime } = await startBot(server, schedule('old'));
    const alice = await joinAs(server, 'alice');
    expect(await alice.next(3, { timeoutMs: 5_000 })).toMatchObject({ msg: 'old' });
    await runtime.reload(0, plugin('bot', schedule('new')));
    const said = [];
    while (said.filter((text) => text === 'new').length < 2)
      said.push((await alice.next(3, { timeoutMs: 5_000 }))['msg']);
    expect(said.slice(said.indexOf('new'))).toEqual(['new', 'new']);
    expect(runtime.status.accounts[0]!.plugins[0]!.jobs).toHaveLength(1);
  });

  test('begins after the time that it is given where the one before does not finish, which is told', async () => {
    const server = await startServer();
    const { promise: heard, resolve: tellHeard } = signalled();
    const { runtime, log } = await startBot(server, {
      onMessage: () => {
        tellHeard();
        return new Promise(() => undefined);
      },
    });
    const alice = await joinAs(server, 'alice');
    alice.tell('bot', 'hang');
    await heard;
    await runtime.reload(0, version(2), { timeoutMs: 50 });
    alice.tell('bot', 'hi');
    expect(await alice.next(4)).toMatchObject({ msg: 'v2: hi' });
    expect(JSON.stringify(log.lines)).toContain('hooks of the old version were still running');
  });

  test('is started by the first login where there was none yet', async () => {
    const server = await startServer();
    const started: number[] = [];
    const entry = (number: number) => version(number, { onStart: () => void started.push(number) });
    const { runtime } = createBots(server, [{ plugin: entry(1) }]);
    await runtime.reload(0, entry(2));
    await runtime.start();
    const alice = await joinAs(server, 'alice');
    alice.tell('bot', 'hi');
    expect(await alice.next(4)).toMatchObject({ msg: 'v2: hi' });
    expect(started).toEqual([2]);
  });
});
