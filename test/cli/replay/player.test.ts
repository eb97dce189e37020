import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { RuntimeEvent } from '../../../src/bot/events.ts';
import type { LoadedPlugin } from '../../../src/bot/loading/read-plugin.ts';
import type { RecordingLine } from '../../../src/bot/recording/recording.ts';
import { startOfflineBots } from '../../../src/cli/running/offline-bots.ts';
import { Player } from '../../../src/cli/replay/player.ts';
import { ChatosClient } from '../../../src/client/client.ts';
import { MemoryLog } from '../../support/bot-log.ts';
import { plugin } from '../../support/bot-world.ts';

const START = Date.parse('2026-01-05T09:00:00Z');
const place = { server: 'tcp://127.0.0.1:7777', login: 'bot' };

type Happening = RuntimeEvent extends infer Event
  ? Event extends unknown
    ? Omit<Event, 'server' | 'login'>
    : never
  : never;

/** What happened, one event a second. */
function lines(events: readonly Happening[]): RecordingLine[] {
  return events.map((event, index) => {
    const time = new Date(START + index * 1_000).toISOString();
    return { ...event, ...place, time, line: index + 2 };
  });
}

const heard = (from: string, text: string, isPrivate = true): Happening => {
  return { type: 'heard', number: 1, from, private: isPrivate, text };
};

const opened = { type: 'requested', to: 'ann', outcome: 'opened' } as const;
const closed = { type: 'closed', peer: 'ann', bytesReceived: 0, bytesSent: 0 } as const;

/** Plays events to bots; resolves to what they did. */
async function play(bots: readonly LoadedPlugin[], events: readonly Happening[]): Promise<readonly RuntimeEvent[]> {
  const config = { file: undefined, directory: '.', config: {}, locate: () => undefined };
  const happened: RuntimeEvent[] = [];
  const offline = await startOfflineBots({
    login: 'bot',
    bots: bots.map((each) => ({ plugin: each, options: {} })),
    loaded: config,
    startsAt: new Date(START),
    log: new MemoryLog(),
    observer: (event) => void happened.push(event),
  });
  const player = new Player({
    bots: offline,
    login: 'bot',
    events: happened,
    reload: async (name) => {
      const index = bots.findIndex((each) => each.name === name);
      void offline.runtime.reload(index, bots[index]!);
    },
    onBusy: (line) => expect.fail(`busy at line ${line}`),
  });
  onTestFinished(async () => {
    await player.close();
    await offline.close();
  });
  await player.play(lines(events));
  return happened;
}

function said(events: readonly RuntimeEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'said' ? [`${event.to ?? '*'}: ${event.text}`] : []));
}

describe('a recording that is played', () => {
  test('waits for each answer, however long the bot takes', async () => {
    const slow = plugin('slow', {
      onMessage: async (message) => {
        await pause(message.text === '1' ? 60 : 5);
        await message.reply(message.text);
      },
    });
    const events = await play([slow], [heard('ann', '1'), heard('bob', '2', false), heard('ann', '3')]);
    expect(said(events)).toEqual(['ann: 1', '*: 2', 'ann: 3']);
    expect(events.flatMap((event) => (event.type === 'heard' ? [event.from] : []))).toEqual(['ann', 'bob', 'ann']);
  });

  test('answers the private requests of bots as they were answered', async () => {
    const caller = plugin('caller', {
      onMessage: async (message, ctx) => {
        const outcome = await ctx.request(message.text).then(
          (channel) => {
            channel.resume().end();
            return 'opened';
          },
          (error: { code: string }) => error.code,
        );
        await message.reply(`${message.text}: ${outcome}`);
      },
    });
    const events = await play(
      [caller],
      [
        heard('ann', 'bob'),
        heard('zoe', 'eve'),
        { type: 'requested', to: 'eve', outcome: 'TIMED_OUT' },
        { type: 'requested', to: 'bob', outcome: 'opened' },
        { type: 'closed', peer: 'bob', bytesReceived: 0, bytesSent: 0 },
        { type: 'stopping' },
      ],
    );
    expect(said(events)).toEqual(['zoe: eve: REQUEST_REFUSED', 'ann: bob: opened']);
    expect(events.filter(({ type }) => type === 'closed')).toHaveLength(1);
  });

  test('reloads a bot where it was reloaded, whose question may be answered still', async () => {
    const asking = plugin('asking', {
      onStart: (ctx) => ctx.say('here'),
      onStop: (ctx) => ctx.say('bye'),
      onMessage: async (message) => message.reply(`so ${(await message.ask('sure?')).text}`),
    });
    const events = await play(
      [plugin('other', { onStart: (ctx) => ctx.say('other') }), asking],
      [heard('ann', 'go'), { type: 'reloaded', bot: 'asking' }, heard('ann', 'yes'), { type: 'stopping' }],
    );
    const texts = ['*: bye', '*: here', '*: here', '*: other', 'ann: so yes', 'ann: sure?', '*: bye'];
    expect(said(events).toSorted()).toEqual(texts.toSorted());
    expect(events).toContainEqual({ type: 'reloaded', bot: 'asking', ...place, server: expect.any(String) });
  });

  test.each<[last: string, texts: readonly string[], events: readonly Happening[]]>([
    ['a reload', ['*: stopped', '*: started'], [{ type: 'reloaded', bot: 'slow' }]],
    ['a request', ['*: decided'], [{ type: 'request', from: 'ann' }]],
    ['a refusal', ['ann: REQUEST_REFUSED'], [heard('ann', 'call me'), { ...opened, outcome: 'REQUEST_REFUSED' }]],
    ['the end of a private connection', ['ann: ended'], [heard('ann', 'call me'), opened, closed]],
    ['an end that is answered', ['ann: ended'], [heard('ann', 'answer me'), opened, closed]],
    ['the stop', ['*: stopped'], [{ type: 'stopping' }]],
  ])('is over when the bots have done what follows %s', async (_last, texts, happenings) => {
    const slow = plugin('slow', {
      onStart: async (ctx) => {
        await pause(20);
        await ctx.say('started');
      },
      onStop: async (ctx) => {
        await pause(20);
        await ctx.say('stopped');
      },
      onPrivateRequest: async (_request, ctx) => {
        await pause(20);
        await ctx.say('decided');
        return false;
      },
      onChannel: (channel) => void channel.resume().end(),
      onMessage: async (message, ctx) => {
        const outcome = await ctx.request(message.from).then(
          async (channel) => {
            channel.resume();
            if (message.text !== 'answer me') return once(channel, 'close').then(() => 'ended');
            await finished(channel.once('end', () => channel.end('answer')));
            return 'ended';
          },
          (error: { code: string }) => error.code,
        );
        await pause(20);
        await message.reply(outcome);
      },
    });
    expect(said(await play([slow], happenings))).toEqual(['*: started', ...texts]);
  });

  test('that stops waits neither for who does not answer, nor for who does not end a private connection', async () => {
    const patient = plugin('patient', {
      onPrivateRequest: () => true,
      onChannel: async (channel) => void (await once(channel.resume(), 'close')),
      onMessage: async (message) => message.reply(`so ${(await message.ask('sure?')).text}`),
    });
    const begunAt = performance.now();
    const events = await play([patient], [heard('ann', 'go'), { type: 'request', from: 'bob' }, { type: 'stopping' }]);
    // Bots that do not end themselves are given ten seconds.
    expect(performance.now() - begunAt).toBeLessThan(9_000);
    expect(events.map(({ type }) => type)).toContain('closed');
  });

  test('lets a request wait for what decides about it', async () => {
    const careful = plugin('careful', {
      onPrivateRequest: async (request, ctx) => (await ctx.ask('owner', `${request.from}?`)).text === 'yes',
      onChannel: (channel) => void channel.resume().end(),
    });
    const events = await play(
      [careful],
      [
        { type: 'request', from: 'ann' },
        heard('owner', 'yes'),
        { type: 'request', from: 'bob' },
        heard('owner', 'no'),
        { type: 'closed', peer: 'ann', bytesReceived: 0, bytesSent: 0 },
      ],
    );
    expect(events.filter(({ type }) => type === 'decided')).toMatchObject([
      { from: 'ann', decision: 'accepted' },
      { from: 'bob', decision: 'refused' },
    ]);
  });

  test('has as many users as there were, though at most 200 at once', async () => {
    const create = vi.spyOn(ChatosClient, 'create');
    onTestFinished(() => create.mockRestore());
    let most = 0;
    const echo = plugin('echo', {
      onMessage: async (message, ctx) => {
        const clients = create.mock.results.map(({ value }) => value as ChatosClient);
        most = Math.max(most, clients.filter(({ connected, login }) => connected && login !== 'bot').length);
        if (message.text === 'call me') await ctx.request(message.from, { timeoutMs: 1_000_000 });
        await message.reply(message.text);
      },
    });
    const users = Array.from({ length: 205 }, (_, index) => `user-${index}`);
    const all = [...users, 'user-0', 'user-204'];
    // Who is asked at the end is still there then.
    const [call, answer] = [heard('zoe', 'call me'), { ...opened, to: 'zoe' }];
    const events = await play([echo], [call, ...all.map((name) => heard(name, 'hi')), answer]);
    expect(said(events)).toEqual([...all.map((name) => `${name}: hi`), 'zoe: call me']);
    expect(most).toBe(200);
  });

  test('is for all bots of an account, which hear the same', async () => {
    const first = plugin('first', { onMessage: (message) => message.reply('1') });
    const second = plugin('second', { onMessage: (message) => message.reply('2') });
    expect(said(await play([first, second], [heard('ann', 'hi')]))).toEqual(['ann: 1', 'ann: 2']);
  });
});
