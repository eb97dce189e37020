import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RuntimeOptions } from '../../../src/bot/runtime-options.ts';
import { MemoryLog } from '../../support/bot-log.ts';
import { joinAs, startServer } from '../../support/bot-world.ts';
import {
  createIsolated,
  ISOLATED_TIMEOUT_MS,
  loadIsolated,
  startIsolated,
  type IsolatedSpec,
} from '../../support/isolated-bots.ts';

vi.setConfig({ testTimeout: ISOLATED_TIMEOUT_MS });

/** A plugin in a worker that is logged in, and alice beside it. */
async function world(source: string, options: RuntimeOptions = {}, spec: IsolatedSpec = {}) {
  const server = await startServer();
  const isolated = await startIsolated(server, source, spec, options);
  return { ...isolated, server, alice: await joinAs(server, 'alice') };
}

describe('a plugin in a worker thread', () => {
  it('hears, answers, asks and has commands as any plugin', async () => {
    const { alice, status } = await world(`
      import { defineBot } from 'chatosbot';
      export default defineBot({
        commands: {
          roll: {
            help: 'Rolls a die.',
            args: { sides: { type: 'integer', min: 2, default: 6 } },
            examples: { '!roll 20': /rolls \\d+/ },
            run: ({ sides }, message, bot) => message.reply(bot.login + ' rolls ' + sides),
          },
        },
        onMessage: [
          { when: { text: /^call me (\\w+)$/i }, run: (message) => message.reply('hello ' + message.match[1]) },
          {
            when: { text: 'quiz' },
            async run(message, bot) {
              const answer = await message.ask('1 + 1?');
              const sure = await answer.ask('sure?');
              const told = await bot.ask(message.from, 'and in private?');
              await message.reply([answer.text, sure.text, told.text, told.private].join());
            },
          },
        ],
      });
    `);
    await expect.poll(status).toMatchObject({ commands: ['roll'], hooks: ['onMessage'], isolation: { running: true } });
    alice.tell('bot', '!roll 20');
    expect(await alice.next(4)).toMatchObject({ sender: 'bot', msg: 'bot rolls 20' });
    alice.tell('bot', 'Call me Al');
    expect((await alice.next(4)).msg).toBe('hello Al');
    alice.say('quiz');
    for (const [question, answer] of [
      ['1 + 1?', '2'],
      ['sure?', 'yes'],
    ] as const) {
      await expect.poll(async () => (await alice.next(3)).msg).toBe(question);
      alice.say(answer);
    }
    expect((await alice.next(4)).msg).toBe('and in private?');
    alice.tell('bot', 'no');
    await expect.poll(async () => (await alice.next(3)).msg).toBe('2,yes,no,true');
  });

  it('decides about private requests before its hook has ended', async () => {
    const { alice } = await world(`
      export async function onPrivateRequest(request) {
        request.accept();
        await new Promise(() => {});
      }
      export function onChannel(channel) {
        channel.end();
      }
    `);
    alice.request('bot');
    expect(await alice.next(8)).toMatchObject({ op: 8 });
  });

  it('keeps things in its store; updates at once lose nothing, and one must not write', async () => {
    const { alice, log } = await world(`
      export async function onMessage(message, { store, log }) {
        const add = () => store.update('count', async (old = 0) => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          return old + 1;
        });
        await Promise.all(Array.from({ length: 20 }, add));
        await store.set('date', new Date(0));
        await store.set('gone', 1);
        for (let index = 0; index < 150; index += 1) void store.set('x' + index, index);
        const facts = [
          await store.get('count'), await store.get('date'), await store.has('gone'), await store.delete('gone'),
          await store.has('gone'), await store.get('gone'),
          (await Array.fromAsync?.(store.entries({ prefix: 'x' })) ?? await all(store.entries({ prefix: 'x' }))).length,
          (await all(store.entries({ prefix: 'x', limit: 2 }))).join('+'),
        ];
        await store.clear();
        facts.push(await store.has('count'));
        await message.reply(facts.join());
        const nested = await store.update('a', () => store.set('b', 1)).catch((error) => error);
        await message.reply(nested.code + ' ' + nested.message.includes('must not write'));
        const lost = await store.set('a', new Map()).catch((error) => error.code);
        await message.reply(lost);
      }
      async function all(entries) {
        const found = [];
        for await (const entry of entries) found.push(entry);
        return found;
      }
    `);
    alice.tell('bot', 'go');
    expect((await alice.next(4)).msg).toBe('20,1970-01-01T00:00:00.000Z,true,true,false,,150,x0,0+x1,1,false');
    expect((await alice.next(4)).msg).toBe('INVALID_ARGUMENT true');
    expect((await alice.next(4)).msg).toBe('INVALID_ARGUMENT');
    expect(log.lines).toEqual([]);
  });

  it('runs jobs of both kinds', async () => {
    const { alice, log, status } = await world(`
      export const schedule = (options) => ({
        tea: { cron: '* * * * * *', timeZone: 'UTC', run: (bot, tick) => bot.tell('alice', 'tea ' + tick.due.toISOString()) },
      });
      export async function onStart(bot) {
        bot.schedule({ cron: '*/7 * * * *', timeZone: 'UTC', name: 'walk' }, () => {});
        const problems = [];
        for (const [cron, name] of [['nonsense', 'a'], ['* * * * *', 'walk']]) {
          try { bot.schedule({ cron, name }, () => {}); } catch (error) { problems.push(error.code); }
        }
        bot.log.info('started', { problems });
      }
    `);
    expect((await log.until(/^started$/)).fields).toMatchObject({
      plugin: 'bot',
      problems: ['INVALID_ARGUMENT', 'INVALID_ARGUMENT'],
    });
    expect((await alice.next(4)).msg).toMatch(/^tea 20/);
    await expect.poll(() => status().jobs).toMatchObject([{ name: 'walk' }, { name: 'tea', cron: '* * * * * *' }]);
  });

  it('has its options checked, and gets what its schema makes of them, also what cannot cross', async () => {
    const source = `
      export const options = {
        '~standard': {
          version: 1,
          vendor: 'test',
          async validate({ pattern }) {
            if (typeof pattern !== 'string') return { issues: [{ message: 'expected a text', path: ['pattern'] }] };
            return { value: { test: (text) => new RegExp(pattern).test(text) } };
          },
        },
      };
      export const onMessage = (message, bot) => message.reply(String(bot.options.test(message.text)));
    `;
    expect(await loadIsolated(source, { options: { pattern: 1 } })).toMatchObject({
      name: 'bot',
      problems: [{ path: ['pattern'], message: 'expected a text' }],
    });
    const { alice } = await world(source, {}, { options: { pattern: '^h' } });
    alice.tell('bot', 'hello');
    expect((await alice.next(4)).msg).toBe('true');
    alice.tell('bot', 'oh');
    expect((await alice.next(4)).msg).toBe('false');
  });

  it('has its errors logged with hook, peer and the line of its file; what is refused has its code', async () => {
    const { alice, log, file } = await world(`
      import { isChatosError } from 'chatosbot';
      export async function onMessage(message, bot) {
        if (message.text === 'fail') throw new TypeError('broken');
        if (message.text === 'text') throw 'just text';
        if (message.text === 'several') throw new AggregateError([new Error('one'), new TypeError('two')], 'several');
        const error = await bot.request('bot').catch((caught) => caught);
        await message.reply([isChatosError(error), error.code].join());
        throw error;
      }
    `);
    alice.tell('bot', 'fail');
    const line = await log.until(/broken/);
    expect(line).toMatchObject({
      level: 'error',
      message: 'onMessage failed: broken',
      fields: { plugin: 'bot', hook: 'onMessage', peer: 'alice' },
    });
    expect(line.fields['stack']).toContain(`${file}:4:`);
    alice.tell('bot', 'text');
    await log.until(/^onMessage failed: just text$/);
    alice.tell('bot', 'several');
    const { fields } = await log.until(/^onMessage failed: several$/);
    expect(fields['stack']).toMatch(
      /^AggregateError: several\n[^]*caused by: Error: one\n[^]*caused by: TypeError: two\n/,
    );
    alice.tell('bot', 'request');
    expect((await alice.next(4)).msg).toBe('true,INVALID_ARGUMENT');
    expect(await log.until(/oneself|itself|bot/)).toMatchObject({ fields: { hook: 'onMessage' } });
  });

  it('has what escapes it logged with hook and peer, and counted; it goes on', async () => {
    const { alice, log, status } = await world(`
      export function onMessage(message) {
        if (message.text === 'throw') setImmediate(() => { throw new Error('thrown later'); });
        if (message.text === 'reject') void Promise.reject(new Error('rejected alone'));
        if (message.text === 'ping') return message.reply('pong');
      }
    `);
    for (const [text, error] of [
      ['throw', /thrown later/],
      ['reject', /rejected alone/],
    ] as const) {
      alice.tell('bot', text);
      expect(await log.until(error)).toMatchObject({ level: 'error', fields: { hook: 'onMessage', peer: 'alice' } });
    }
    alice.tell('bot', 'ping');
    expect((await alice.next(4)).msg).toBe('pong');
    await expect.poll(status).toMatchObject({ failures: 2, isolation: { restarts: 0, running: true, memoryMb: 128 } });
  });

  it('prints to standard error: standard output carries data only', async () => {
    const written: string[] = [];
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    onTestFinished(() => spy.mockRestore());
    const output = vi.spyOn(process.stdout, 'write');
    onTestFinished(() => output.mockRestore());
    const { alice } = await world(`
      export function onMessage(message) {
        console.log('printed');
        process.stdout.write('written');
        return message.reply('done');
      }
    `);
    alice.tell('bot', 'print');
    await alice.next(4);
    await expect.poll(() => written.join('')).toContain('printed\nwritten');
    expect(output.mock.calls.flat().join('')).not.toMatch(/printed|written/);
  });

  it('is told of what escapes it, also where the call cannot be told', async () => {
    const { alice, log, status } = await world(`
      const refuse = () => { throw new Error('no'); };
      export function onMessage() {
        queueMicrotask(() => { throw new Error('micro'); });
        setImmediate(() => { throw new Proxy({}, { get: refuse, getPrototypeOf: refuse }); });
      }
    `);
    alice.tell('bot', 'hello');
    expect(await log.until(/^uncaught: micro/)).toMatchObject({ level: 'error', fields: { plugin: 'bot' } });
    expect(await log.until(/^uncaught: something that cannot be shown/)).toMatchObject({ fields: { peer: 'alice' } });
    await expect.poll(status).toMatchObject({ failures: 2, isolation: { restarts: 0 } });
  });

  it('does not load where something escapes it meanwhile', async () => {
    const source = `
      void Promise.reject(new Error('at the top'));
      await new Promise((resolve) => setTimeout(resolve, 10));
      export const onStart = () => {};
    `;
    const { bot } = await createIsolated(source, {}, new MemoryLog());
    await expect(bot.load()).rejects.toThrow(/:2:27: uncaught: at the top$/);
  });

  it('cannot tell everyone what was meant for nobody', async () => {
    const { alice } = await world(`
      export const onMessage = (message, bot) => bot.tell(undefined, 'secret').catch((error) => bot.say(error.message));
    `);
    alice.tell('bot', 'hello');
    expect((await alice.next(3)).msg).toBe('the login must be a string, not undefined');
  });

  it('sees its signal fire when it stops, and can still speak in onStop', async () => {
    const { alice, group, log } = await world(`
      export function onStart(bot) {
        bot.signal.addEventListener('abort', () => bot.log.info('aborted: ' + bot.signal.reason.code));
        bot.log.info('started');
      }
      export const onStop = (bot) => bot.tell('alice', 'bye ' + bot.signal.aborted);
    `);
    await log.until(/^started$/);
    await group.stop();
    expect((await alice.next(4)).msg).toBe('bye true');
    expect(log.about(/^aborted: ABORTED$/)).toHaveLength(1);
  });
});

describe('a plugin that does not load', () => {
  it.each([
    ['has an error', `export const onStart = ;`, /^.*bot\.ts.*:1:/],
    ['throws', `\nthrow new Error('no way');`, /bot\.ts:2:\d+: no way/],
    [
      'ends its process',
      `process.exit(3); export const onStart = () => {};`,
      /bot\.ts: the plugin ended its worker with process.exit\(3\)/,
    ],
  ])('and %s is reported as in the main thread', async (_, source, message) => {
    await expect(loadIsolated(source)).rejects.toMatchObject({ code: 'INVALID_PLUGIN', message });
  });
});
