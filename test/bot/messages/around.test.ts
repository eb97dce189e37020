import { describe, expect, it } from 'vitest';
import type { Command } from '../../../src/bot/plugin/commands.ts';
import { defineBot, type After, type Before, type BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import { joinAs, startBot, startServer } from '../../support/bot-world.ts';

async function talking(parts: BotPlugin) {
  const server = await startServer();
  const bots = await startBot(server, parts, { flood: false });
  const alice = await joinAs(server, 'alice');
  return { ...bots, alice };
}

/** Parts that note what they see, and a command and a handler that note that they were called. */
function noting(before: Before | readonly Before[], after?: After | readonly After[]) {
  const seen: string[] = [];
  const parts = defineBot({
    before,
    after,
    commands: {
      add: {
        help: 'adds',
        args: { a: { type: 'integer' }, b: { type: 'integer', default: 1 } },
        run: ({ a, b }) => void seen.push(`add ${a} ${b}`),
      },
    },
    onMessage: ({ text }) => {
      seen.push(`heard ${text}`);
      if (text === 'fail') throw new Error('no');
    },
    onStop: () => void seen.push('stopped'),
  });
  return { parts, seen };
}

describe('what comes before', () => {
  it('sees commands with their arguments and messages, in order, and other hooks not', async () => {
    const notes: string[] = [];
    const first: Before = ({ command, args, message }) =>
      void notes.push(`1 ${command} ${JSON.stringify(args)} ${message.text}`);
    const second: Before = ({ message }, ctx) => void notes.push(`2 ${message.from} ${ctx.login}`);
    const { parts, seen } = noting([first, second]);
    const { alice, runtime } = await talking(parts);
    alice.tell('bot', '!add 2');
    alice.tell('bot', 'hello');
    await expect.poll(() => seen).toEqual(['add 2 1', 'heard hello']);
    expect(notes).toEqual(['1 add {"a":2,"b":1} !add 2', '2 alice bot', '1 undefined undefined hello', '2 alice bot']);
    await runtime.stop();
    expect([seen.at(-1), notes.length]).toEqual(['stopped', 4]);
  });

  it('does not see what the bot answers by itself, nor answers to questions', async () => {
    const seen: string[] = [];
    const run: Command['run'] = (_, message) => message.reply('done');
    const parts: BotPlugin = {
      before: ({ message }) => void seen.push(message.text),
      commands: {
        add: { help: 'adds', args: { a: { type: 'integer' } }, run },
        slow: { help: 'takes its time', cooldown: { perUser: '1h' }, run },
        rights: { help: 'is for others', from: 'bob', run },
        judged: { help: 'is for others', from: () => false, run },
        open: { help: 'is for all to hear', private: false, run },
        ask: {
          help: 'asks',
          run: async (_, message) => message.reply(`${(await message.ask('Well?')).text} it is`),
        },
      },
    };
    const { alice } = await talking(parts);
    for (const [text, answer] of [
      ['!add x', /usage/],
      ['!slow', 'done'],
      ['!slow', /Not yet/],
      ['!rights', /may not/],
      ['!judged', /may not/],
      ['!open', /to everyone/],
      ['!opne', /did you mean/],
      ['!help', /Commands/],
      ['!cancel', /no such command/],
      ['!ask', 'Well?'],
      ['so', 'so it is'],
      ['!add 1', 'done'],
    ] as const) {
      alice.tell('bot', text);
      expect((await alice.next(4)).msg).toMatch(answer);
    }
    expect(seen).toEqual(['!slow', '!ask', '!add 1']);
  });

  it('ends it where it returns false, or throws', async () => {
    const { parts, seen } = noting(async ({ message }) => {
      if (message.text === 'broken') throw new Error('before failed');
      if (message.text !== 'pass') return message.reply('closed').then(() => false);
      return undefined;
    });
    const { alice, log } = await talking(parts);
    for (const text of ['!add 1', 'hello']) {
      alice.tell('bot', text);
      expect((await alice.next(4)).msg).toBe('closed');
    }
    alice.tell('bot', 'broken');
    expect(await log.until(/before failed/)).toMatchObject({ level: 'error', fields: { hook: 'onMessage' } });
    alice.tell('bot', 'pass');
    await expect.poll(() => seen).toEqual(['heard pass']);
  });
});

it('what comes after knows how it went, and is not called for what was not', async () => {
  const notes: string[] = [];
  const after: After = ({ message, error, durationMs }) =>
    void notes.push(`${message.text} ${(error as Error | undefined)?.message ?? 'ok'} ${durationMs >= 0}`);
  const { parts } = noting(({ message }) => message.text !== 'stop', after);
  const { alice, log } = await talking(parts);
  for (const text of ['stop', 'fail', '!add 1']) alice.tell('bot', text);
  await expect.poll(() => notes).toEqual(['fail no true', '!add 1 ok true']);
  expect(log.about(/onMessage failed: no/)).toHaveLength(1);
});

it('what comes after does not hide how the call failed, nor keep others that come after from being called', async () => {
  const notes: string[] = [];
  const failing: After = () => {
    throw new Error('after, too');
  };
  const { parts } = noting(
    [],
    [failing, ({ error }) => void notes.push((error as Error | undefined)?.message ?? 'ok')],
  );
  const { alice, log } = await talking(parts);
  for (const text of ['fail', '!add 1']) alice.tell('bot', text);
  await expect.poll(() => notes).toEqual(['no', 'ok']);
  expect(log.about(/onMessage failed: no/)).toHaveLength(1);
  expect(log.about(/uncaught: after, too/)).toHaveLength(1);
  await expect.poll(() => log.about(/!add failed: after, too/)).toHaveLength(1);
});
