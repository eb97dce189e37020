/** What tsc says of plugins: the lines marked are errors, and it is one where a mark has none. Nothing here is called. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { defineBot, defineDialogue, type BotPlugin, type Context, type Dialogue, type Message } from 'chatosbot';
import * as v from 'valibot';
import { expect, expectTypeOf, test } from 'vitest';

test('arguments of commands have the types that they declare', () => {
  expect.assertions(0);
  defineBot({
    commands: {
      roll: {
        help: 'rolls',
        args: {
          word: { type: 'word' },
          whole: { type: 'integer', default: 6 },
          half: { type: 'number', min: 0 },
          sure: { type: 'boolean', optional: true },
          colour: { type: 'choice', of: ['red', 'blue'] },
          rest: { type: 'words', optional: true },
        },
        run(args, message, ctx) {
          expectTypeOf(args.word).toEqualTypeOf<string>();
          expectTypeOf(args.whole).toEqualTypeOf<number>();
          expectTypeOf(args.half).toEqualTypeOf<number>();
          expectTypeOf(args.sure).toEqualTypeOf<boolean | undefined>();
          expectTypeOf(args.colour).toEqualTypeOf<'red' | 'blue'>();
          expectTypeOf(args.rest).toEqualTypeOf<string[] | undefined>();
          expectTypeOf(message).toEqualTypeOf<Message>();
          expectTypeOf(ctx.options).toEqualTypeOf<Readonly<Record<string, unknown>>>();
          // @ts-expect-error There is no such argument.
          void args.sides;
          // @ts-expect-error Arguments are only read.
          args.word = 'x';
        },
      },
      stop: {
        help: 'stops',
        run(args) {
          // @ts-expect-error It has none.
          void (args.now satisfies string);
        },
      },
    },
  });
});

test('arguments that cannot be meant are errors', () => {
  expect.assertions(0);
  defineBot({
    commands: {
      a: {
        help: 'a',
        // @ts-expect-error There is no such type.
        args: { colour: { type: 'colour' } },
        run: () => undefined,
      },
      // @ts-expect-error It says nothing of what it does.
      b: { run: () => undefined },
    },
  });
});

test('options have the type that their schema makes of them', () => {
  expect.assertions(0);
  const schema = v.object({ sides: v.optional(v.number(), 6), name: v.string() });
  defineBot({
    options: schema,
    onStart(ctx) {
      expectTypeOf(ctx.options).toEqualTypeOf<{ sides: number; name: string }>();
    },
    onMessage(_, ctx) {
      expectTypeOf(ctx.options.sides).toEqualTypeOf<number>();
    },
    commands: { x: { help: 'x', run: (_args, _message, ctx) => void (ctx.options.name satisfies string) } },
    schedule: { daily: { cron: '@daily', run: (ctx) => void (ctx.options.name satisfies string) } },
    onPrivateRequest: (_, ctx) => ctx.options.sides > 6,
    onChannel: (channel, ctx) => void channel.end(ctx.options.name),
    // @ts-expect-error There is no such option.
    onStop: (ctx) => ctx.options.colour,
  });
  const hand: StandardSchemaV1<unknown, { greeting: string }> = {
    '~standard': { version: 1, vendor: 'hand', validate: (value) => ({ value: value as { greeting: string } }) },
  };
  defineBot({
    options: hand,
    onStart(ctx) {
      expectTypeOf(ctx.options).toEqualTypeOf<{ greeting: string }>();
    },
    schedule: (options) => ({ daily: { cron: options.greeting, run: () => undefined } }),
  });
  // @ts-expect-error That is no schema.
  defineBot({ options: { sides: 6 } });
});

test('flags, lengths of time, dates, logins and schemas have the types of their values', () => {
  expect.assertions(0);
  defineBot({
    commands: {
      deploy: {
        help: 'deploys',
        args: {
          what: { type: 'word', schema: v.pipe(v.string(), v.transform(Number)) },
          who: { type: 'login', optional: true },
          force: { type: 'boolean', flag: 'f' },
          env: { type: 'choice', of: ['dev', 'prod'], flag: true },
          region: { type: 'word', flag: true, optional: false },
          wait: { type: 'duration', flag: true, default: '10m' },
          at: { type: 'date', flag: true, timeZone: 'UTC' },
        },
        from: (login, ctx) => login === ctx.login,
        run(args) {
          expectTypeOf(args.what).toEqualTypeOf<number>();
          expectTypeOf(args.who).toEqualTypeOf<string | undefined>();
          expectTypeOf(args.force).toEqualTypeOf<boolean>();
          expectTypeOf(args.env).toEqualTypeOf<'dev' | 'prod' | undefined>();
          expectTypeOf(args.region).toEqualTypeOf<string>();
          expectTypeOf(args.wait).toEqualTypeOf<number>();
          expectTypeOf(args.at).toEqualTypeOf<Date | undefined>();
        },
      },
      'remind in': {
        help: 'reminds',
        args: { time: { type: 'duration' }, text: { type: 'text' } },
        async run({ time, text }, message, ctx) {
          expectTypeOf(time).toEqualTypeOf<number>();
          const timer = await ctx.after(time, 'remind', { to: message.from, text });
          expectTypeOf(await timer.cancel()).toEqualTypeOf<boolean>();
        },
      },
    },
    timers: {
      remind: ({ to, text }: { to: string; text: string }, ctx, timer) => {
        expectTypeOf(timer.lateMs).toEqualTypeOf<number>();
        return ctx.tell(to, text);
      },
    },
    onStart(ctx) {
      expectTypeOf(ctx.now()).toEqualTypeOf<Date>();
      // @ts-expect-error A length of time is no date.
      void ctx.sleep(new Date());
    },
  });
  // @ts-expect-error A cooldown is of a user, or of all.
  defineBot({ commands: { a: { help: 'a', cooldown: { user: '1m' }, run: () => undefined } } });
});

test('dialogues have the types of their data, answers and steps', () => {
  expect.assertions(0);
  const first: { size: 'small' | 'large'; to: string } = { size: 'small', to: '' };
  const order = defineDialogue({
    data: first,
    timeout: '10m',
    steps: {
      size: {
        ask: 'Which size?',
        answer: { type: 'choice', of: ['small', 'large'] },
        async run({ answer, data, message }, ctx) {
          expectTypeOf(answer).toEqualTypeOf<'small' | 'large'>();
          expectTypeOf(message).toEqualTypeOf<Message>();
          data.size = answer;
          await ctx.say(data.size);
        },
        next: 'count',
      },
      count: {
        ask: (data) => `How many ${data.size} ones?`,
        answer: { type: 'word', schema: v.pipe(v.string(), v.transform(Number)) },
        validate: ({ answer, data }) => answer < 4 || data.size === 'small' || 'At most three.',
        next: ({ answer }) => {
          expectTypeOf(answer).toEqualTypeOf<number>();
          return answer > 1 ? 'to' : undefined;
        },
      },
      to: {
        ask: 'Where to?',
        run({ answer, data }) {
          expectTypeOf(answer).toEqualTypeOf<string>();
          data.to = answer;
          // @ts-expect-error There is no such data.
          data.from = answer;
        },
      },
    },
  });
  expectTypeOf(order).toEqualTypeOf<Dialogue<{ size: 'small' | 'large'; to: string }>>();
  defineBot({
    options: v.object({ shop: v.string() }),
    dialogues: { order },
    commands: {
      order: {
        help: 'orders',
        async run(_args, message, ctx) {
          await ctx.begin(order, message);
          await ctx.begin(order, 'ann', { size: 'large', to: ctx.options.shop });
          // @ts-expect-error There is no such size.
          await ctx.begin(order, 'ann', { size: 'huge', to: '' });
        },
      },
    },
  });
  defineDialogue({
    data: { n: 0 },
    steps: {
      // @ts-expect-error There is no such step.
      a: { ask: 'a', next: 'x' },
      // @ts-expect-error Nor this one.
      b: { ask: 'b', next: () => 'x' },
      // @ts-expect-error There is no such type.
      c: { ask: 'c', answer: { type: 'words' } },
      // @ts-expect-error There is no such key.
      d: { ask: 'd', after: 'a' },
      // @ts-expect-error There is no such data.
      e: { ask: (data) => data.m },
      // @ts-expect-error An answer is missing what a number has not.
      f: { ask: 'f', answer: { type: 'integer' }, run: ({ answer }) => void answer.length },
      g: { ask: 'g', next: 'a' },
    },
  });
});

test('filters narrow the message', () => {
  expect.assertions(0);
  defineBot({
    onMessage: [
      {
        when: { text: /^(\d+)d(\d+)$/ },
        run(message) {
          expectTypeOf(message.match).toEqualTypeOf<RegExpExecArray>();
          expectTypeOf(message.text).toEqualTypeOf<string>();
        },
      },
      {
        when: { text: 'ping', private: true },
        run(message) {
          expectTypeOf(message.text).toEqualTypeOf<'ping'>();
          expectTypeOf(message.private).toEqualTypeOf<true>();
          // @ts-expect-error A text has no match.
          void message.match;
        },
      },
      { when: { from: ['ops-*'] }, run: (message, ctx) => ctx.tell(message.from, message.text) },
      {
        when: {},
        run(message) {
          expectTypeOf(message.private).toEqualTypeOf<boolean>();
        },
      },
    ],
  });
  defineBot({
    // @ts-expect-error There is no such filter.
    onMessage: [{ when: { txt: 'ping' }, run: () => undefined }],
  });
});

test('hooks get what they are called with', () => {
  expect.assertions(0);
  defineBot({
    onMessage: async (message, ctx) => {
      expectTypeOf(message).toEqualTypeOf<Message>();
      expectTypeOf(ctx).toEqualTypeOf<Context>();
      expectTypeOf(await message.ask('?')).toEqualTypeOf<Message>();
      // @ts-expect-error A message is only read.
      message.text = 'x';
    },
    onPrivateRequest: () => true,
  });
  // @ts-expect-error There is no such hook.
  defineBot({ onMesage: () => undefined });
  // @ts-expect-error It decides with true or false.
  defineBot({ onPrivateRequest: () => 'yes' });
});

test('what defineBot returns is a plugin', () => {
  const bot = defineBot({
    name: 'x',
    commands: { a: { help: 'a', args: { n: { type: 'integer' } }, run: () => undefined } },
  });
  expectTypeOf(bot.name).toEqualTypeOf<string | undefined>();
  // Whatever it has: programs and the test kit take any.
  const all: BotPlugin[] = [
    bot,
    defineBot({ onMessage: [{ when: { text: /x/ }, run: (message) => message.reply(message.match[0]) }] }),
    defineBot({
      options: v.object({ times: v.number() }),
      commands: { b: { help: 'b', args: { n: { type: 'integer', optional: true } }, run: () => undefined } },
      schedule: ({ times }) => ({ c: { cron: `*/${times} * * * *`, run: () => undefined } }),
      onMessage: (message, { options }) => message.reply('x'.repeat(options.times)),
    }),
  ];
  void all;
});

test('a plugin without defineBot has the types of any', () => {
  expect.assertions(0);
  const plugin: BotPlugin = {
    commands: {
      roll: {
        help: 'rolls',
        run(args, message) {
          expectTypeOf(args['sides']).toEqualTypeOf<string | number | boolean | Date | string[] | undefined>();
          expectTypeOf(message).toEqualTypeOf<Message>();
        },
      },
    },
  };
  void plugin;
});

test('handlers may return what the last thing that they did returns', () => {
  expect.assertions(0);
  defineBot({
    commands: { later: { help: 'later', run: (_args, message, ctx) => ctx.after('1m', 'forget', message.from) } },
    timers: { forget: (login: string, ctx) => ctx.store.delete(login) },
    schedule: { count: { cron: '@daily', run: (ctx) => ctx.store.count() } },
    onMessage: [{ when: { private: true }, run: (message) => message.ask('What?') }],
    after: (_handled, ctx) => ctx.store.has('x'),
    onStop: (ctx) => ctx.store.delete('x'),
    onChannel: (channel) => channel.end(),
  });
  defineBot({ onMessage: (message) => message.ask('What?') });
  // @ts-expect-error It decides by what it returns.
  defineBot({ onPrivateRequest: () => 'yes' });
});
