import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Context, Message } from '../../src/bot/plugin/context.ts';
import { defineDialogue, type Dialogue, type DialogueStep } from '../../src/bot/plugin/dialogue.ts';
import type { BotPlugin, HandledMessage } from '../../src/bot/plugin/plugin.ts';
import { BotRuntime, type StopOptions } from '../../src/bot/runtime.ts';
import type { Address } from '../../src/net/address.ts';
import { FakeClock } from '../support/bot-clock.ts';
import { MemoryLog } from '../support/bot-log.ts';
import { joinAs, plugin, signalled, startServer } from '../support/bot-world.ts';
import type { RfcPeer } from '../support/rfc-peer.ts';

const MINUTE = 60_000;
/** Nothing is waited for. */
const AT_ONCE: StopOptions = { timeoutMs: 0 };

interface Order {
  size?: string;
  count?: number;
}

const NOTHING: Order = {};

const order = defineDialogue({
  data: NOTHING,
  timeout: '10m',
  cancel: ['Never mind'],
  steps: {
    size: {
      ask: 'Small or large?',
      answer: { type: 'choice', of: ['small', 'large'] },
      run: ({ answer, data }) => void (data.size = answer),
      next: 'count',
    },
    count: {
      ask: ({ size }) => `How many ${size} ones?`,
      answer: { type: 'integer', min: 1 },
      validate: ({ answer, data }) => data.size === 'small' || answer < 4 || 'At most three large ones.',
      run: ({ answer, data }) => void (data.count = answer),
      next: ({ answer }) => (answer === 1 ? undefined : 'sure'),
    },
    sure: {
      ask: 'Sure?',
      run: async ({ answer, data, message }) => message.reply(`${answer}: ${data.count} ${data.size}, ${message.from}`),
    },
  },
});

/** Begins the dialogue at !order. */
const shop = (dialogue: BotPlugin['dialogues'] = { order }): BotPlugin => ({
  dialogues: dialogue,
  commands: {
    order: {
      help: 'orders',
      run: (_: unknown, message: Message, ctx: Context) => ctx.begin(Object.values(dialogue)[0]!, message),
    },
    hello: { help: 'says hello', run: (_: unknown, message: Message) => message.reply('hello') },
  },
  onMessage: (message) => message.reply(`heard ${message.text}`),
});

async function world() {
  const server = await startServer();
  const alice = await joinAs(server, 'alice');
  const clock = new FakeClock('2026-03-03T09:00:00Z');
  const stateDirectory = path.join(tmpdir(), `chatosbot-test-${randomUUID()}`);
  onTestFinished(() => rm(stateDirectory, { recursive: true, force: true }));
  const start = (...plugins: BotPlugin[]) => startBots(server, plugins, clock, stateDirectory);
  return { server, alice, clock, start, talk: talkOf(alice) };
}

async function startBots(server: Address, plugins: readonly BotPlugin[], clock: FakeClock, stateDirectory: string) {
  const log = new MemoryLog();
  const entries = plugins.map((parts, index) => ({ plugin: plugin(`bot${index}`, parts), server, login: 'bot' }));
  const runtime = new BotRuntime(entries, { log, clock, stateDirectory, flood: false, loopGuard: false });
  onTestFinished(() => runtime.stop(AT_ONCE));
  await runtime.start();
  const status = () => runtime.status.accounts[0]!.plugins[0]!;
  return { runtime, log, status };
}

/** What a dialogue can be ended by. */
interface Ending {
  readonly clock: FakeClock;
  readonly talk: (text: string) => Promise<string>;
  readonly runtime: BotRuntime;
}

const sayWhy: NonNullable<Dialogue<Order>['onEnd']> = ({ reason, peer, data }, ctx) =>
  ctx.tell(peer, `${reason}: ${data.size} for ${peer}`);

/** Says why its dialogue has ended; 13 ones are an error. */
function ending(onEnd: NonNullable<Dialogue<Order>['onEnd']> = sayWhy, steps = order.steps): BotPlugin {
  const count: DialogueStep = {
    ask: 'How many?',
    answer: { type: 'integer', min: 1 },
    run: ({ answer }) => {
      if (Number(answer) === 13) throw new Error('unlucky');
    },
  };
  const known = 'count' in steps ? { ...steps, count } : steps;
  return shop({ order: { ...order, onEnd, steps: known } });
}

/** Says something to the bot alone; resolves to its next message. */
const talkOf =
  (peer: RfcPeer) =>
  async (text: string): Promise<string> => {
    peer.tell('bot', text);
    return (await peer.next(4)).msg;
  };

describe('a dialogue', () => {
  it('goes from step to step, with data, answers of their types, and chosen steps', async () => {
    const { talk, start } = await world();
    const { status } = await start(shop());
    expect(await talk('!order')).toBe('Small or large?');
    expect(await talk(' LARGE ')).toBe('How many large ones?');
    expect(await talk('2')).toBe('Sure?');
    expect(status().dialogues).toBe(1);
    expect(status().timers.count).toBe(1);
    expect(await talk('yes, please')).toBe('yes, please: 2 large, alice');
    await expect.poll(() => status()).toMatchObject({ dialogues: 0, timers: { count: 0 } });
    expect(await talk('and now?')).toBe('heard and now?');
    expect(await talk('!order')).toBe('Small or large?');
  });

  it('says what is wrong with an answer, and ends when that was so too often', async () => {
    const { talk, alice, start } = await world();
    await start(shop());
    await talk('!order');
    expect(await talk('huge')).toBe("It must be one of small, large, not 'huge'.");
    expect(await talk('large')).toBe('How many large ones?');
    expect(await talk('none')).toBe("It must be a whole number of 1 or more, not 'none'.");
    expect(await talk('4')).toBe('At most three large ones.');
    expect(await talk('5')).toBe('At most three large ones.');
    expect((await alice.next(4)).msg).toBe('I have asked often enough: I no longer wait for your answer.');
    expect(await talk('3')).toBe('heard 3');
  });

  it.each(['!cancel', ' never MIND', '! cancel'.replace(' ', '')])('is cancelled by %j', async (words) => {
    const { talk, start } = await world();
    await start(shop());
    await talk('!order');
    expect(await talk(words)).toBe('Cancelled.');
    expect(await talk('small')).toBe('heard small');
    expect(await talk('!cancel')).toBe('There is nothing to cancel.');
  });

  it('lets commands through, and takes the next message after them as its answer', async () => {
    const { talk, start } = await world();
    await start(shop());
    await talk('!order');
    expect(await talk('!hello')).toBe('hello');
    expect(await talk('!order')).toBe('Answer my last question first, or send !cancel.');
    expect(await talk('small')).toBe('How many small ones?');
  });

  it('goes on after a restart, where it was, and asks nothing twice', async () => {
    const { talk, start } = await world();
    const before = await start(shop());
    await talk('!order');
    await talk('large');
    await before.runtime.stop(AT_ONCE);
    const { status } = await start(shop());
    expect(await talk('2')).toBe('Sure?');
    expect(status().dialogues).toBe(1);
    expect(await talk('yes')).toBe('yes: 2 large, alice');
  });

  it('asks again after a restart where a step was cut short', async () => {
    const { alice, talk, start } = await world();
    const begun = signalled();
    const slow = defineDialogue({
      data: {},
      steps: {
        only: {
          ask: 'Well?',
          run: async (_, ctx) => {
            begun.resolve();
            await ctx.sleep('1h');
          },
        },
      },
    });
    const before = await start(shop({ slow }));
    await talk('!order');
    alice.tell('bot', 'yes');
    await begun.promise;
    await before.runtime.stop();
    const again = defineDialogue({
      data: {},
      steps: { only: { ask: 'Well?', run: ({ message }) => message.reply('done') } },
    });
    await start(shop({ slow: again }));
    expect((await alice.next(4)).msg).toBe('Well?');
    expect(await talk('yes')).toBe('done');
  });

  it('goes on after a reload, with the steps of the new version', async () => {
    const { talk, start } = await world();
    const { runtime } = await start(shop());
    await talk('!order');
    const newer = defineDialogue({
      data: NOTHING,
      steps: { size: { ask: 'Size?', run: ({ answer, message }) => message.reply(`newer: ${answer}`) } },
    });
    await runtime.reload(0, plugin('bot0', shop({ order: newer })));
    expect(await talk('small')).toBe('newer: small');
  });

  it.each<[what: string, parts: BotPlugin]>([
    ['step', shop({ order: defineDialogue({ data: {}, steps: { other: { ask: 'Other?' } } }) })],
    ['dialogue', { onMessage: (message) => message.reply(`heard ${message.text}`) }],
  ])('whose %s is gone after a reload ends with a word, and is reported', async (_, parts) => {
    const { alice, talk, start } = await world();
    const { runtime, log, status } = await start(shop());
    await talk('!order');
    await runtime.reload(0, plugin('bot0', parts));
    expect((await alice.next(4)).msg).toBe('I have been updated, and no longer wait for your answer.');
    expect(log.about(/no longer has its step/)).toMatchObject([
      { level: 'warn', fields: { dialogue: 'order', step: 'size', peer: 'alice' } },
    ]);
    expect(status().dialogues).toBe(0);
    expect(await talk('small')).toBe('heard small');
  });

  it('ends when there is no answer in time, which each answer begins anew', async () => {
    const { alice, clock, talk, start } = await world();
    const { status } = await start(shop());
    await talk('!order');
    clock.advance(9 * MINUTE);
    await talk('large');
    clock.advance(9 * MINUTE);
    await expect.poll(() => status().timers.next).toMatchObject([{ at: new Date('2026-03-03T09:19:00Z') }]);
    expect(status().dialogues).toBe(1);
    clock.advance(MINUTE);
    expect((await alice.next(4)).msg).toBe('That took too long: I no longer wait for your answer.');
    expect(await talk('2')).toBe('heard 2');
  });

  it('ends when its time was up while the bot was down', async () => {
    const { alice, clock, talk, start } = await world();
    const before = await start(shop());
    await talk('!order');
    await before.runtime.stop(AT_ONCE);
    clock.advance(60 * MINUTE);
    await start(shop());
    expect((await alice.next(4)).msg).toBe('That took too long: I no longer wait for your answer.');
  });

  it('whose step throws ends, and the error is logged', async () => {
    const { talk, start } = await world();
    const broken = defineDialogue({
      data: {},
      steps: {
        only: {
          ask: 'Well?',
          run: () => {
            throw new Error('no oven');
          },
        },
      },
    });
    const { log, status } = await start(shop({ broken }));
    await talk('!order');
    expect(await talk('yes')).toBe('Something went wrong.');
    expect(await log.until(/no oven/)).toMatchObject({ level: 'error', fields: { hook: 'dialogue', peer: 'alice' } });
    expect(status()).toMatchObject({ dialogues: 0, failures: 1 });
  });

  it.each<[reason: string, end: (world: Ending) => Promise<unknown> | void]>([
    ['cancelled', ({ talk }) => talk('!cancel')],
    ['timed out', ({ clock }) => clock.advance(10 * MINUTE)],
    ['invalid', async ({ talk }) => [await talk('0'), await talk('0'), await talk('0')]],
    ['failed', ({ talk }) => talk('13')],
    ['updated', ({ runtime }) => runtime.reload(0, plugin('bot0', ending(sayWhy, { other: { ask: 'Other?' } })))],
  ])('that ends before its last step calls onEnd, also after a restart: %s', async (reason, end) => {
    const { alice, clock, talk, start } = await world();
    const before = await start(ending());
    await talk('!order');
    await talk('large');
    await before.runtime.stop(AT_ONCE);
    const { runtime, status } = await start(ending());
    await end({ clock, talk, runtime });
    await expect.poll(async () => (await alice.next(4)).msg).toBe(`${reason}: large for alice`);
    expect(status().dialogues).toBe(0);
  });

  it('whose onEnd throws is logged with what had failed before', async () => {
    const { talk, start } = await world();
    const { log } = await start(ending(() => Promise.reject(new Error('no end'))));
    await talk('!order');
    await talk('large');
    await talk('13');
    expect(await log.until(/no end/)).toMatchObject({ level: 'warn' });
    expect(await log.until(/unlucky/)).toMatchObject({ level: 'error' });
  });

  it('with several users is ended by the plugin when one has answered, without a word', async () => {
    const { server, alice, start } = await world();
    const bob = await joinAs(server, 'bob');
    const ended: unknown[] = [];
    const approve = defineDialogue({
      data: { others: [''] },
      onEnd: ({ reason }) => void ended.push(reason),
      steps: {
        only: {
          ask: 'Yes or no?',
          answer: { type: 'boolean' },
          run: async ({ data, message }, ctx) => {
            for (const login of [...data.others, 'carol']) ended.push(await ctx.end(approve, login));
            await message.reply('thanks');
          },
        },
      },
    });
    const { status } = await start({
      dialogues: { approve },
      commands: {
        deploy: {
          help: 'deploys',
          run: async (_: unknown, _message: Message, ctx: Context) => {
            await ctx.begin(approve, 'alice', { others: ['bob'] });
            await ctx.begin(approve, 'bob', { others: ['alice'] });
          },
        },
      },
      onMessage: (message) => message.reply(`heard ${message.text}`),
    });
    alice.tell('bot', '!deploy');
    expect((await bob.next(4)).msg).toBe('Yes or no?');
    expect((await alice.next(4)).msg).toBe('Yes or no?');
    bob.tell('bot', 'yes');
    expect((await bob.next(4)).msg).toBe('thanks');
    await expect.poll(() => status()).toMatchObject({ dialogues: 0, timers: { count: 0 } });
    expect(ended).toEqual([true, false]);
    alice.tell('bot', 'no');
    expect((await alice.next(4)).msg).toBe('heard no');
  });

  it('is held in the place of the message: what is said elsewhere is no answer', async () => {
    const { server, alice, talk, start } = await world();
    await start(shop());
    const bob = await joinAs(server, 'bob');
    alice.say('!order');
    expect((await bob.next(3)).msg).toBe('!order');
    expect((await bob.next(3)).msg).toBe('Small or large?');
    expect(await talk('small')).toBe('heard small');
    bob.say('small');
    expect((await bob.next(3)).msg).toBe('small');
    expect((await bob.next(3)).msg).toBe('heard small');
    alice.say('large');
    expect((await bob.next(3)).msg).toBe('large');
    expect((await bob.next(3)).msg).toBe('How many large ones?');
  });

  it('with somebody else is begun by a login, and refused while there is one', async () => {
    const { server, alice, start, talk } = await world();
    const bob = await joinAs(server, 'bob');
    const approve = defineDialogue({
      data: { by: '' },
      steps: {
        only: {
          ask: ({ by }) => `May ${by} deploy?`,
          answer: { type: 'boolean' },
          run: ({ answer, data }, ctx) => ctx.tell(data.by, answer ? 'bob agrees' : 'bob does not agree'),
        },
      },
    });
    await start({
      dialogues: { approve },
      commands: {
        deploy: {
          help: 'deploys',
          run: (_: unknown, message: Message, ctx: Context) => ctx.begin(approve, 'bob', { by: message.from }),
        },
      },
    });
    alice.tell('bot', '!deploy');
    expect((await bob.next(4)).msg).toBe('May alice deploy?');
    expect(await talk('!deploy')).toBe('bob has other questions to answer first: try again later.');
    bob.tell('bot', 'yes');
    expect((await alice.next(4)).msg).toBe('bob agrees');
  });

  it('is for the plugin that asked: others do not hear the answers, and all hear what follows', async () => {
    const { alice, talk, start } = await world();
    const heard: string[] = [];
    await start(shop(), { onMessage: ({ text }) => void heard.push(text) });
    await talk('!order');
    await talk('small');
    alice.tell('bot', '1');
    expect(await talk('thanks')).toBe('heard thanks');
    await expect.poll(() => heard).toEqual(['thanks']);
  });

  it('has before and after around its answers', async () => {
    const { talk, start } = await world();
    const seen: (string | undefined)[] = [];
    await start({
      ...shop(),
      before: ({ dialogue, message }: HandledMessage) => {
        seen.push(dialogue);
        return message.text !== 'small';
      },
    });
    await talk('!order');
    await talk('!hello');
    await expect.poll(() => seen).toEqual([undefined, undefined]);
    expect(await talk('large')).toBe('How many large ones?');
    expect(seen).toEqual([undefined, undefined, 'order']);
  });

  it('waits while there is a question to the same user, which gets the next message', async () => {
    const { talk, start } = await world();
    const { commands, ...rest } = shop();
    const sure = {
      help: 'asks',
      run: async (_: unknown, message: Message) => message.reply(`${(await message.ask('Sure?')).text}!`),
    };
    await start({ ...rest, commands: { ...commands, sure } });
    await talk('!order');
    expect(await talk('!sure')).toBe('Sure?');
    expect(await talk('large')).toBe('large!');
    expect(await talk('small')).toBe('How many small ones?');
  });

  it('takes an answer that comes right behind what begins it', async () => {
    const { alice, start } = await world();
    const { onMessage: _, ...rest } = shop();
    await start(rest);
    for (const text of ['!order', 'small', '1', '!cancel']) alice.tell('bot', text);
    expect((await alice.next(4)).msg).toBe('Small or large?');
    expect((await alice.next(4)).msg).toBe('How many small ones?');
    expect((await alice.next(4)).msg).toBe('There is nothing to cancel.');
  });

  it('is not seen among the timers of the plugin', async () => {
    const { talk, start } = await world();
    let ctx: Context | undefined;
    await start({ ...shop(), onStart: (own) => void (ctx = own) });
    await talk('!order');
    expect(ctx!.timers()).toEqual([]);
  });

  it('that is not among those of the plugin is refused, and so is data that is not JSON', async () => {
    const { start } = await world();
    let ctx: Context | undefined;
    await start({ ...shop(), onStart: (own) => void (ctx = own) });
    const other = defineDialogue({ data: {}, steps: { a: { ask: 'a' } } });
    await expect(ctx!.begin(other, 'alice')).rejects.toThrow(/not among the plugin's: name it in the part 'dialogues'/);
    const large = { size: 'x'.repeat(16 * 1024) };
    await expect(ctx!.begin(order, 'alice', large)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(ctx!.begin(order, 'x'.repeat(31))).rejects.toMatchObject({ code: 'INVALID_PACKET' });
  });

  it('may wait for an answer until after all dates', async () => {
    const { talk, start } = await world();
    await start(shop({ order: { ...order, timeout: '99999999w' } }));
    expect(await talk('!order')).toBe('Small or large?');
    expect(await talk('small')).toBe('How many small ones?');
  });

  it('lets a plugin have a command of its own named cancel, but for dialogues', async () => {
    const { talk, start } = await world();
    const parts = shop();
    const cancel = { help: 'cancels an order', run: (_: unknown, message: Message) => message.reply('own') };
    await start({ ...parts, commands: { ...parts.commands, cancel } });
    expect(await talk('!cancel')).toBe('own');
    await talk('!order');
    expect(await talk('!cancel')).toBe('Cancelled.');
    expect(await talk('!cancel')).toBe('own');
  });
});

describe('dialogues of a plugin', () => {
  it.each<[problem: string, dialogue: unknown]>([
    [' must be { data, steps: { name: { ask } } }', 'order'],
    ['.steps has no step', { data: {}, steps: {} }],
    ['.data is missing, or not JSON', { steps: { a: { ask: 'a' } } }],
    ['.timeout is not a length of time, such as 30m', { data: 0, timeout: 'soon', steps: { a: { ask: 'a' } } }],
    ['.retries must be a whole number, 0 or more', { data: 0, retries: -1, steps: { a: { ask: 'a' } } }],
    ['.cancel must be a list of words', { data: 0, cancel: 'stop', steps: { a: { ask: 'a' } } }],
    [": unknown key 'retrys'; did you mean 'retries'?", { data: 0, retrys: 1, steps: { a: { ask: 'a' } } }],
    ['.steps.a: ask must be a question, or a function that makes it', { data: 0, steps: { a: {} } }],
    [".steps.a: there is no step 'b' to follow", { data: 0, steps: { a: { ask: 'a', next: 'b' } } }],
    ['.steps.1: a name must not be a number', { data: 0, steps: { 1: { ask: 'a' } } }],
    ['.steps.a: run is not a function', { data: 0, steps: { a: { ask: 'a', run: 1 } } }],
    [
      '.steps.a: answer: flag, default makes no sense: a question has one answer',
      { data: 0, steps: { a: { ask: 'a', answer: { type: 'word', flag: true, default: 'x' } } } },
    ],
    [
      '.steps.a: answer: type must be one of word, text, words, integer, number, boolean, choice, duration, date, login',
      { data: 0, steps: { a: { ask: 'a', answer: { type: 'colour' } } } },
    ],
  ])('are checked: %s', (problem, dialogue) => {
    const parts = { onStart: () => undefined, dialogues: { order: dialogue } } as unknown as BotPlugin;
    expect(() => plugin('bot', parts)).toThrow(`bot: dialogues.order${problem}`);
  });
});
