import { describe, expect, it, vi } from 'vitest';
import type { AskOptions, Context, Message } from '../../../src/bot/plugin/context.ts';
import type { BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import { Questions } from '../../../src/bot/messages/questions.ts';
import type { ChatosError } from '../../../src/errors.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import { heapBytes } from '../../support/heap.ts';
import { joinAs, plugin, signalled, startBot, startServer } from '../../support/bot-world.ts';

const START = '2025-06-01T10:00:00Z';

/** A bot whose context is at hand, and alice. */
async function asking(parts: BotPlugin = {}) {
  const server = await startServer();
  const clock = new FakeClock(START);
  const started = signalled<Context>();
  const heard: string[] = [];
  const bots = await startBot(
    server,
    { onMessage: ({ text }) => void heard.push(text), ...parts, onStart: started.resolve },
    { clock },
  );
  const alice = await joinAs(server, 'alice');
  return { ...bots, server, clock, ctx: await started.promise, heard, alice };
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: ChatosError) => error.code,
  );
const turn = (): Promise<void> => new Promise(setImmediate);

describe('ctx.ask', () => {
  it('resolves to the next private message of the peer, which nobody else hears', async () => {
    const { ctx, alice, heard } = await asking();
    const answer = ctx.ask('alice', 'Which one?');
    expect((await alice.next(4)).msg).toBe('Which one?');
    alice.tell('bot', 'the red one');
    expect(await answer).toMatchObject({ from: 'alice', text: 'the red one', private: true });
    alice.tell('bot', 'thanks');
    await expect.poll(() => heard).toEqual(['thanks']);
    const again = ctx.ask('alice', 'Anything else?');
    await alice.next(4);
    alice.tell('bot', 'no');
    await again;
    expect(heard).toEqual(['thanks']);
  });

  it('does not take what others say, or what the peer says elsewhere', async () => {
    const { ctx, alice, server, heard } = await asking();
    const bob = await joinAs(server, 'bob');
    const answer = ctx.ask('alice', 'Which one?');
    await alice.next(4);
    alice.say('in public');
    expect((await bob.next(3)).msg).toBe('in public');
    bob.tell('bot', 'from bob');
    await expect.poll(() => heard).toEqual(['in public', 'from bob']);
    alice.tell('bot', 'mine');
    expect((await answer).text).toBe('mine');
  });

  it('times out, on the clock, from when the question was sent', async () => {
    const { ctx, alice, clock, heard } = await asking();
    const answer = codeOf(ctx.ask('alice', 'Which one?', { timeoutMs: 5_000 }));
    await alice.next(4);
    clock.advance(4_999);
    await turn();
    clock.advance(1);
    expect(await answer).toBe('TIMED_OUT');
    alice.tell('bot', 'too late');
    await expect.poll(() => heard).toEqual(['too late']);
    expect(clock.pending).toBe(0);
  });

  it('waits a minute where nothing else is said, and for ever where that is wanted', async () => {
    const { ctx, alice, clock } = await asking();
    const answer = codeOf(ctx.ask('alice', 'One?'));
    await alice.next(4);
    clock.advance(60_000);
    expect(await answer).toBe('TIMED_OUT');
    const patient = ctx.ask('alice', 'Two?', { timeoutMs: Infinity });
    await alice.next(4);
    clock.advance(1e9);
    alice.tell('bot', 'yes');
    expect((await patient).text).toBe('yes');
  });

  it('puts several questions one after the other, each with all of its time', async () => {
    const { ctx, alice, clock } = await asking();
    const answers = ['one', 'two', 'three'].map((question) => ctx.ask('alice', question, { timeoutMs: 1_000 }));
    for (const question of ['one', 'two', 'three']) {
      expect((await alice.next(4)).msg).toBe(question);
      clock.advance(900);
      alice.tell('bot', `answer to ${question}`);
    }
    expect((await Promise.all(answers)).map(({ text }) => text)).toEqual([
      'answer to one',
      'answer to two',
      'answer to three',
    ]);
  });

  it('ends where its signal is aborted, also while it waits for its turn', async () => {
    const { ctx, alice } = await asking();
    const controller = new AbortController();
    const first = ctx.ask('alice', 'first');
    const second = codeOf(ctx.ask('alice', 'second', { signal: controller.signal }));
    const third = ctx.ask('alice', 'third');
    expect((await alice.next(4)).msg).toBe('first');
    controller.abort();
    expect(await second).toBe('ABORTED');
    await turn();
    alice.tell('bot', '1');
    expect((await first).text).toBe('1');
    expect((await alice.next(4)).msg).toBe('third');
    alice.tell('bot', '3');
    expect((await third).text).toBe('3');
    expect(await codeOf(ctx.ask('alice', 'never', { signal: AbortSignal.abort() }))).toBe('ABORTED');
  });

  it('is never sent if it is given up while the flood limits hold it back', async () => {
    const { ctx, alice, clock } = await asking();
    for (let i = 0; i < 20; i += 1) void ctx.tell('alice', `${i}`);
    const controller = new AbortController();
    const asked = codeOf(ctx.ask('alice', 'given up', { signal: controller.signal }));
    await turn();
    controller.abort();
    expect(await asked).toBe('ABORTED');
    void ctx.tell('alice', 'the next one');
    for (let i = 0; i < 20; i += 1) expect((await alice.next(4)).msg).toBe(`${i}`);
    clock.advance(5_000);
    expect((await alice.next(4)).msg).toBe('the next one');
  });

  it('ends when the bot is reloaded, also with a signal of its own', async () => {
    const { ctx, alice, runtime } = await asking();
    const answers = [ctx.ask('alice', 'one'), ctx.ask('alice', 'two', { signal: new AbortController().signal })];
    const codes = Promise.all(answers.map(codeOf));
    await alice.next(4);
    const reloading = { timeoutMs: 60_000, answersMs: 0 };
    await runtime.reload(0, plugin('bot', { onMessage: () => undefined }), reloading);
    expect(await codes).toEqual(['INTERRUPTED', 'INTERRUPTED']);
  });

  it('rejects with QUEUE_FULL where too many wait for one peer', async () => {
    const { ctx, alice } = await asking();
    const waiting = Array.from({ length: 20 }, (_, i) => codeOf(ctx.ask('alice', `question ${i}`)));
    expect(await codeOf(ctx.ask('alice', 'one too many'))).toBe('QUEUE_FULL');
    const other = ctx.ask('bob', 'you?');
    other.catch(() => undefined);
    await alice.next(4);
    void waiting;
  });
});

describe('a question with conditions', () => {
  const booking = (options: AskOptions): BotPlugin => ({
    commands: {
      book: {
        help: 'books',
        run: async (_: unknown, message: Message) => {
          const result = await message.ask('How long?', options).then(
            ({ text }) => `booked for ${text}`,
            (error: ChatosError) => `${error.code}: ${error.message}`,
          );
          await message.reply(result);
        },
      },
    },
  });
  const isHours = (text: string): true | string => /^\d+ h$/.test(text) || 'Say it in hours.';

  it.each<[what: string, options: AskOptions, said: string[], answers: string[]]>([
    [
      'takes the first answer that is valid',
      { validate: isHours },
      ['long', '2 h'],
      ['How long?', 'Say it in hours.', 'booked for 2 h'],
    ],
    [
      'gives up after two more',
      { validate: isHours },
      ['a', 'b', 'c'],
      [
        'How long?',
        'Say it in hours.',
        'Say it in hours.',
        'Say it in hours.',
        'INVALID_ANSWER: alice gave no valid answer: Say it in hours.',
      ],
    ],
    [
      'gives up at once where that is wanted',
      { validate: () => Promise.resolve(''), retries: 0 },
      ['a'],
      [
        'How long?',
        'That is not a valid answer.',
        'INVALID_ANSWER: alice gave no valid answer: That is not a valid answer.',
      ],
    ],
    [
      'is cancelled by a word',
      { validate: isHours, cancel: ['Never mind', 'stop'] },
      ['?', ' never MIND '],
      ['How long?', 'Say it in hours.', 'CANCELLED: alice has cancelled the question'],
    ],
    ['takes no such word for granted', {}, ['stop'], ['How long?', 'booked for stop']],
    [
      'refuses retries that are none',
      { retries: -1 },
      [],
      [
        'INVALID_ARGUMENT: question options: retries: expected a whole number, 0 or more, or Infinity for no limit, found -1',
      ],
    ],
    [
      'refuses an option that it does not know',
      { retrys: 1 } as AskOptions,
      [],
      ["INVALID_ARGUMENT: question options: unknown key 'retrys'; did you mean 'retries'?"],
    ],
  ])('%s', async (_, options, said, answers) => {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    await startBot(server, booking(options), { flood: false });
    alice.tell('bot', '!book');
    const heard: string[] = [];
    for (const text of said) {
      heard.push((await alice.next(4)).msg);
      alice.tell('bot', text);
    }
    while (heard.length < answers.length) heard.push((await alice.next(4)).msg);
    expect(heard).toEqual(answers);
  });

  it('to somebody else does not hold up the messages of the one who caused it', async () => {
    const server = await startServer();
    const [alice, bob] = [await joinAs(server, 'alice'), await joinAs(server, 'bob')];
    await startBot(server, {
      async onMessage(message, ctx) {
        if (message.text !== 'deploy') return message.reply(`heard ${message.text}`);
        const { text } = await ctx.ask('bob', 'May alice deploy?');
        return message.reply(`bob says ${text}`);
      },
    });
    alice.tell('bot', 'deploy');
    expect((await bob.next(4)).msg).toBe('May alice deploy?');
    alice.tell('bot', 'hello?');
    expect((await alice.next(4)).msg).toBe('heard hello?');
    bob.tell('bot', 'yes');
    expect((await alice.next(4)).msg).toBe('bob says yes');
  });
});

describe('message.ask', () => {
  it('is answered within the hook of the same peer, where the message was said', async () => {
    const { alice } = await asking({
      onMessage: async (message) => {
        const first = await message.ask('How many?');
        const second = await first.ask('Of what?');
        await message.reply(`${first.text} ${second.text}`);
      },
    });
    for (const isPrivate of [true, false]) {
      const speak = (text: string): void => (isPrivate ? alice.tell('bot', text) : alice.say(text));
      const hear = async (): Promise<string> => {
        if (isPrivate) return (await alice.next(4)).msg;
        for (;;) {
          const { login, msg } = await alice.next(3);
          if (login === 'bot') return msg;
        }
      };
      speak('order');
      expect(await hear()).toBe('How many?');
      speak('three');
      expect(await hear()).toBe('Of what?');
      speak('apples');
      expect(await hear()).toBe('three apples');
    }
  });

  it('with a signal of its own ends at the stop too', async () => {
    const asked = signalled();
    const { alice, runtime, log } = await asking({
      onMessage: async (message) => {
        asked.resolve();
        await message.ask('How many?', { signal: new AbortController().signal });
      },
    });
    alice.tell('bot', 'order');
    await asked.promise;
    await alice.next(4);
    await runtime.stop({ timeoutMs: 60_000, answersMs: 0 });
    expect(log.about(/still running/)).toEqual([]);
  });
});

describe('Questions', () => {
  it('refuses a time limit that is none, before anything is said', async () => {
    const questions = new Questions(new FakeClock('2025-06-01T10:00:00Z'));
    const send = vi.fn<() => Promise<void>>();
    for (const timeoutMs of [0, -1, NaN]) {
      const asked = questions.ask('alice', true, { send, signal: undefined, timeoutMs });
      await expect(asked).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(send).not.toHaveBeenCalled();
  });

  const message = (from: string): Message => ({ from, text: 'x', private: true }) as Message;

  it('leaves nothing behind, however questions end', async () => {
    const clock = new FakeClock(START);
    const questions = new Questions(clock);
    const controller = new AbortController();
    const { signal } = controller;
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    const ask = (send: () => Promise<void>) => questions.ask('alice', true, { send, signal, timeoutMs: 1_000 });
    const answered = ask(() => Promise.resolve());
    await turn();
    expect(questions.answer(message('alice'))).toBe(true);
    await answered;
    await codeOf(ask(() => Promise.reject(new Error('not sent'))));
    const late = codeOf(ask(() => Promise.resolve()));
    await turn();
    clock.advance(1_000);
    expect(await late).toBe('TIMED_OUT');
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
    expect(clock.pending).toBe(0);
    expect(questions.answer(message('alice'))).toBe(false);
  });

  it('does not take a message before the question is out, or a second one as its answer', async () => {
    const questions = new Questions(new FakeClock(START));
    const send = signalled();
    const answer = questions.ask('alice', true, { send: () => send.promise, signal: undefined, timeoutMs: 1_000 });
    expect(questions.answer(message('alice'))).toBe(false);
    send.resolve();
    await turn();
    expect(questions.answer(message('bob'))).toBe(false);
    expect(questions.answer(message('alice'))).toBe(true);
    expect(questions.answer(message('alice'))).toBe(false);
    await answer;
  });
});

it('peers that have answered leave nothing behind', async () => {
  const questions = new Questions(new FakeClock(START));
  const ask = async (from: number, to: number): Promise<void> => {
    const askOne = async (i: number): Promise<void> => {
      const peer = `peer ${i}`;
      const answer = { from: peer, text: 'yes', private: true, reply: () => Promise.resolve() } as unknown as Message;
      const send = (): Promise<void> =>
        Promise.resolve(setImmediate(() => questions.answer(answer))).then(() => undefined);
      await questions.ask(peer, true, { send, signal: undefined, timeoutMs: 1_000 });
    };
    for (let i = from; i < to; i += 100) await Promise.all(Array.from({ length: 100 }, (_, at) => askOne(i + at)));
  };
  await ask(0, 500);
  const before = await heapBytes();
  await ask(500, 20_500);
  expect(await heapBytes(before + 1024 * 1024)).toBeLessThan(before + 1024 * 1024);
});
