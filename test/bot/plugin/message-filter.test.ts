import { describe, expect, it } from 'vitest';
import { readPlugin } from '../../../src/bot/loading/read-plugin.ts';
import { defineBot, type BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import { joinAs, plugin, startBots, startServer } from '../../support/bot-world.ts';

async function talking(parts: unknown) {
  const server = await startServer();
  await startBots(server, [{ plugin: plugin('bot', parts as BotPlugin) }]);
  const join = (login: string) => joinAs(server, login);
  return { join };
}

describe('handlers with filters', () => {
  it('are tried in order: the first that matches is called, and no other', async () => {
    const { join } = await talking(
      defineBot({
        onMessage: [
          { when: { text: 'ping' }, run: (message) => message.reply('exactly') },
          { when: { text: /^p(.)ng$/ }, run: (message) => message.reply(`pattern ${message.match[1]}`) },
          { when: { private: true }, run: (message) => message.reply('private') },
          { when: {}, run: (message) => message.reply('any') },
        ],
      }),
    );
    const alice = await join('alice');
    for (const [text, answer] of [
      ['ping', 'exactly'],
      ['pong', 'pattern o'],
      ['ping ', 'private'],
    ] as const) {
      alice.tell('bot', text);
      expect((await alice.next(4)).msg).toBe(answer);
    }
    alice.say('hello');
    await alice.next(3);
    expect((await alice.next(3)).msg).toBe('any');
  });

  it.each(['g', 'y', 'gy', ''])('match each message anew with the flags %j', async (flags) => {
    const { join } = await talking(
      defineBot({ onMessage: [{ when: { text: new RegExp('hi', flags) }, run: (message) => message.reply('yes') }] }),
    );
    const alice = await join('alice');
    for (let times = 0; times < 3; times += 1) {
      alice.tell('bot', 'hi');
      expect((await alice.next(4)).msg).toBe('yes');
    }
  });

  it('choose what is for the bot, and have the rest of it', async () => {
    const { join } = await talking(
      defineBot({
        onMessage: [
          { when: { addressed: true }, run: (message, ctx) => ctx.tell('alice', `for me: ${message.rest}`) },
          { when: { addressed: false }, run: (message, ctx) => ctx.tell('alice', `not for me: ${message.text}`) },
        ],
      }),
    );
    const alice = await join('alice');
    for (const [text, rest] of [
      ['bot: hello', 'hello'],
      ['Bot,  hello', 'hello'],
      ['@bot hello', 'hello'],
      ['@BOT: hello', 'hello'],
      ['well @bot, hello', 'well @bot, hello'],
    ]) {
      alice.say(text!);
      expect((await alice.next(4)).msg).toBe(`for me: ${rest}`);
    }
    for (const text of [
      'bot hello',
      'robot: hello',
      'botany: hello',
      '@bots hello',
      '@bot-2 hello',
      'me@bot.org',
      'hello bot:',
    ]) {
      alice.say(text);
      expect((await alice.next(4)).msg).toBe(`not for me: ${text}`);
    }
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('for me: hello');
  });

  it('choose by who speaks, with wildcards', async () => {
    const { join } = await talking(
      defineBot({
        onMessage: [
          { when: { from: ['ops-*', 'root'] }, run: (message) => message.reply('at your service') },
          { when: { from: 'b?b' }, run: (message) => message.reply('oh, you') },
          { when: { private: true }, run: (message) => message.reply('who are you?') },
        ],
      }),
    );
    for (const [login, answer] of [
      ['ops-1', 'at your service'],
      ['root', 'at your service'],
      ['bob', 'oh, you'],
      ['roots', 'who are you?'],
    ] as const) {
      const peer = await join(login);
      peer.tell('bot', 'hello');
      expect((await peer.next(4)).msg).toBe(answer);
    }
  });
});

describe('a filter that cannot be meant', () => {
  const run = (): void => undefined;
  it.each([
    ['an unknown key', { txt: 'x' }, /onMessage\[0\]\.when: unknown key 'txt'/],
    ['a text that is a number', { text: 5 }, /when\.text must be a text or a regular expression/],
    ['a login that is none', { from: [1] }, /when\.from must be a login pattern/],
    ['private as a text', { private: 'yes' }, /when\.private must be true or false/],
  ])('is told when the plugin is loaded: %s', (_, when, expected) => {
    const read = () => readPlugin({ onMessage: [{ when, run }] }, { name: 'x', file: '/x.ts', shown: 'x.ts' });
    expect(read).toThrow(expected);
  });
});
