import { describe, expect, it } from 'vitest';
import type { Context, Message } from '../../../src/bot/plugin/context.ts';
import type { BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import type { StopOptions } from '../../../src/bot/runtime.ts';
import type { ChatosError } from '../../../src/errors.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import { ISOLATED_TIMEOUT_MS, startIsolated } from '../../support/isolated-bots.ts';
import { joinAs, plugin, startBot, startServer, type Bots } from '../../support/bot-world.ts';

/** The drain is over when the test says so. */
const DRAIN: StopOptions = { timeoutMs: Infinity, answersMs: 4_000 };

const ORDER: BotPlugin = {
  commands: {
    order: {
      help: 'orders tea',
      run: async (_: unknown, message: Message) => {
        const { text } = await message.ask('Which tea?');
        const milk = await message.ask('With milk?');
        await message.reply(`${text}, milk: ${milk.text}`);
      },
    },
    deploy: {
      help: 'deploys',
      run: async (_: unknown, message: Message, ctx: Context) => {
        const { text } = await ctx.ask('bob', 'May it be deployed?');
        await message.reply(`bob says ${text}`);
      },
    },
  },
  onMessage: (message) => message.reply(`heard ${message.text}`),
};

async function world(parts: BotPlugin = ORDER) {
  const server = await startServer();
  const [alice, bob] = [await joinAs(server, 'alice'), await joinAs(server, 'bob')];
  const clock = new FakeClock('2026-03-03T09:00:00Z');
  const bots = await startBot(server, parts, { clock });
  return { ...bots, server, alice, bob, clock };
}

const NEWER: BotPlugin = { onMessage: (message) => message.reply(`newer: ${message.text}`) };

/** The two ways in which a plugin ends. */
const WAYS: readonly (readonly [how: string, end: (bots: Bots) => Promise<void>, isReload: boolean])[] = [
  ['stop', ({ runtime }) => runtime.stop(DRAIN), false],
  ['reload', ({ runtime }) => runtime.reload(0, plugin('bot', NEWER), DRAIN), true],
];

describe.each(WAYS)('a question at the %s', (_, end, isReload) => {
  it('is waited for, and so are those that follow in the same call', async () => {
    const bots = await world();
    const { alice } = bots;
    alice.tell('bot', '!order');
    expect((await alice.next(4)).msg).toBe('Which tea?');
    const ended = end(bots);
    alice.tell('bot', 'green');
    expect((await alice.next(4)).msg).toBe('With milk?');
    alice.tell('bot', 'no');
    expect((await alice.next(4)).msg).toBe('green, milk: no');
    await ended;
  });

  it('ends with INTERRUPTED when its time is up, and the user is told once', async () => {
    const codes: unknown[] = [];
    const bots = await world({
      ...ORDER,
      after: ({ error }) => void codes.push((error as ChatosError).code, (error as ChatosError).fields),
    });
    const { alice, bob, clock, log } = bots;
    alice.tell('bot', '!order');
    await alice.next(4);
    const ended = end(bots);
    clock.advance(3_999);
    expect(bots.runtime.questionCount).toBe(1);
    clock.advance(1);
    const words = isReload ? 'I have been updated: please ask again.' : 'I am going offline: please ask again later.';
    expect((await alice.next(4)).msg).toBe(words);
    await ended;
    expect(codes).toEqual(['INTERRUPTED', { reason: isReload ? 'reload' : 'stop', peer: 'alice', asked: true }]);
    expect(log.about(/failed/)).toEqual([]);
    expect(clock.pending).toBe(0);
    bob.tell('alice', 'nothing more');
    expect((await alice.next(4)).msg).toBe('nothing more');
  });

  it('to somebody else ends with a word to both', async () => {
    const bots = await world();
    const { alice, bob, clock } = bots;
    alice.tell('bot', '!deploy');
    expect((await bob.next(4)).msg).toBe('May it be deployed?');
    const ended = end(bots);
    clock.advance(4_000);
    const why = isReload ? 'I have been updated' : 'I am going offline';
    expect((await bob.next(4)).msg).toBe(`${why}, and no longer wait for your answer.`);
    expect((await alice.next(4)).msg).toBe(`${why}: please ask again${isReload ? '' : ' later'}.`);
    await ended;
  });
});

describe('while a bot stops', () => {
  it('nothing but answers is taken: no command, no message, not even counted', async () => {
    const bots = await world();
    const { alice, bob, runtime } = bots;
    alice.tell('bot', '!deploy');
    await bob.next(4);
    const stopped = runtime.stop(DRAIN);
    bob.say('this is no answer');
    alice.tell('bot', 'hello?');
    alice.tell('bot', '!order');
    bob.tell('bot', 'yes');
    expect((await alice.next(4)).msg).toBe('bob says yes');
    await stopped;
    expect(runtime.status.accounts[0]!.messages.heard).toBe(2);
    bob.tell('alice', 'nothing more');
    expect((await alice.next(4)).msg).toBe('nothing more');
  });

  it('a question that is asked when the time for answers is over is not sent', async () => {
    const bots = await world({
      async onMessage(message, ctx) {
        await message.reply('working');
        await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve()));
        await message
          .ask('Are you still there?')
          .catch(({ code, fields }: ChatosError) => message.reply(`${code} ${String(fields['asked'])}`));
      },
    });
    const { alice, runtime } = bots;
    alice.tell('bot', 'work');
    await alice.next(4);
    const stopped = runtime.stop({ timeoutMs: Infinity, answersMs: 0 });
    expect((await alice.next(4)).msg).toBe('INTERRUPTED false');
    await stopped;
  });

  it('a public question ends in public', async () => {
    const bots = await world();
    const { alice, bob, clock, runtime } = bots;
    alice.say('!order');
    expect((await bob.next(3)).msg).toBe('!order');
    expect((await bob.next(3)).msg).toBe('Which tea?');
    const stopped = runtime.stop(DRAIN);
    clock.advance(4_000);
    expect((await bob.next(3)).msg).toBe('I am going offline: please ask again later.');
    await stopped;
  });

  it('the time for answers is four fifths of all, by default', async () => {
    const { alice, clock, runtime } = await world();
    alice.tell('bot', '!order');
    await alice.next(4);
    const stopped = runtime.stop({ timeoutMs: 60_000 });
    expect(clock.waits.at(-1)).toBe(48_000);
    clock.advance(48_000);
    await stopped;
    expect((await alice.next(4)).msg).toMatch(/going offline/);
  });
});

it(
  'an isolated bot takes answers while it stops, and tells who is left',
  async () => {
    const server = await startServer();
    const [alice, bob] = [await joinAs(server, 'alice'), await joinAs(server, 'bob')];
    const source = `export const onMessage = async (message) =>
      message.reply('answer: ' + (await message.ask('Well?')).text);`;
    const { group } = await startIsolated(server, source);
    alice.tell('bot', 'go');
    bob.tell('bot', 'go');
    await alice.next(4);
    await bob.next(4);
    const stopped = group.stop({ timeoutMs: 3_000 });
    alice.tell('bot', 'yes');
    expect((await alice.next(4)).msg).toBe('answer: yes');
    expect((await bob.next(4)).msg).toBe('I am going offline: please ask again later.');
    await stopped;
  },
  ISOLATED_TIMEOUT_MS,
);
