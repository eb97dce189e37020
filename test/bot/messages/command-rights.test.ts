import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { defineBot, type BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import { joinAs, plugin, startBots, startServer } from '../../support/bot-world.ts';
import type { RfcPeer } from '../../support/rfc-peer.ts';

const SECOND = 1_000;

async function talking(parts: BotPlugin, logins: readonly string[] = ['alice']) {
  const server = await startServer();
  const clock = new FakeClock('2026-11-27T10:00:00Z');
  const bots = await startBots(server, [{ plugin: plugin('bot', parts), login: 'bot' }], { clock, flood: false });
  const peers = new Map<string, RfcPeer>();
  for (const login of logins) peers.set(login, await joinAs(server, login));
  /** Says something to the bot alone; resolves to its answer. */
  const ask = async (text: string, as = logins[0]!): Promise<string> => {
    const peer = peers.get(as)!;
    peer.tell('bot', text);
    return (await peer.next(4)).msg;
  };
  return { ...bots, clock, ask, peer: (login: string) => peers.get(login)! };
}

describe('a command of several words', () => {
  const reminders = defineBot({
    commands: {
      'remind in': {
        help: 'reminds you later',
        args: { time: { type: 'duration' }, text: { type: 'text' } },
        aliases: ['in'],
        run: ({ time, text }, message) => message.reply(`${text} in ${time} ms`),
      },
      'remind list': { help: 'lists them', run: (_, message) => message.reply('none') },
    },
  });

  it('is called by all of them, in any case, however many spaces there are', async () => {
    const { ask } = await talking(reminders);
    expect(await ask('!remind in 10m tea')).toBe('tea in 600000 ms');
    expect(await ask('!REMIND   List')).toBe('none');
  });

  it('is called by its alias, too', async () => {
    const { ask } = await talking(reminders);
    expect(await ask('!in 1s tea')).toBe('tea in 1000 ms');
    expect(await ask('!help in')).toContain('also: !in');
  });

  it('helps where a word is missing or wrong', async () => {
    const { ask } = await talking(reminders);
    expect(await ask('!remind')).toBe('One word more: !remind in, !remind list; !help remind tells more.');
    expect(await ask('!remind lst')).toBe('There is no !remind lst; did you mean !remind list?');
    expect(await ask('!remind tea')).toBe('There is no !remind tea; there are in, list');
    expect(await ask('!remnd list')).toBe('There is no such command; did you mean !remind list?');
    expect(await ask('!remnd lst')).toBe('There is no such command; did you mean !remind list?');
    expect(await ask('!remnd tea')).toBe('There is no such command; did you mean !remind?');
    expect(await ask('!remind in soon tea')).toContain('usage: !remind in <time> <text…>');
    expect(await ask('!help remind')).toBe(
      'Commands: !remind in <time> <text…> - reminds you later | !remind list - lists them',
    );
  });
});

it('a command of three words helps where the last one is missing or wrong', async () => {
  const { ask } = await talking({
    commands: {
      'db user add': { help: 'adds', run: (_: unknown, message) => message.reply('added') },
      'db user drop': { help: 'drops', run: (_: unknown, message) => message.reply('dropped') },
      'db dump': { help: 'dumps', run: (_: unknown, message) => message.reply('dumped') },
    },
  });
  expect(await ask('!db user add')).toBe('added');
  expect(await ask('!db user')).toBe('One word more: !db user add, !db user drop; !help db user tells more.');
  expect(await ask('!db user dorp')).toBe('There is no !db user dorp; did you mean !db user drop?');
  expect(await ask('!db usr add')).toBe('There is no !db usr; did you mean !db user?');
  expect(await ask('!db')).toBe('One word more: !db user, !db dump; !help db tells more.');
  expect(await ask('!help db user')).toBe('Commands: !db user add - adds | !db user drop - drops');
});

describe('a command for some', () => {
  const ops = defineBot({
    commands: {
      deploy: { help: 'deploys', from: ['ops-*', 'root'], run: (_, message) => message.reply('deployed') },
      pay: {
        help: 'pays',
        from: (login, { options }) => Promise.resolve(login === 'alice' && options !== undefined),
        run: (_, message) => message.reply('paid'),
      },
      'lamp on': { help: 'lights', run: () => undefined },
      'lamp sell': { help: 'sells', from: ['ops-*'], run: () => undefined },
      hi: { help: 'greets', run: (_, message) => message.reply('hello') },
    },
  });

  it('is refused to others, and not listed for them', async () => {
    const { ask } = await talking(ops, ['alice', 'ops-ann']);
    expect(await ask('!deploy')).toBe('You may not use !deploy.');
    expect(await ask('!deploy', 'ops-ann')).toBe('deployed');
    expect(await ask('!help')).toBe(
      'Commands: !pay - pays | !lamp on - lights | !hi - greets | !help <command> tells more',
    );
    expect(await ask('!help', 'ops-ann')).toContain('!deploy - deploys');
    expect(await ask('!help deploy')).toBe('usage: !deploy | deploys | for ops-*, root');
    expect(await ask('!help lamp')).toBe('Commands: !lamp on - lights');
    expect(await ask('!help lamp', 'ops-ann')).toBe('Commands: !lamp on - lights | !lamp sell - sells');
  });

  it('is decided by a function, which has the context', async () => {
    const { ask } = await talking(ops, ['alice', 'bob']);
    expect(await ask('!pay', 'bob')).toBe('You may not use !pay.');
    expect(await ask('!pay', 'alice')).toBe('paid');
    expect(await ask('!help', 'bob')).toBe('Commands: !lamp on - lights | !hi - greets | !help <command> tells more');
    expect(await ask('!help', 'alice')).toBe(
      'Commands: !pay - pays | !lamp on - lights | !hi - greets | !help <command> tells more',
    );
    expect(await ask('!help pay')).toBe('usage: !pay | pays | not for everyone');
  });

  it('is not called where the function fails', async () => {
    let runs = 0;
    const failing = defineBot({
      commands: {
        pay: { help: 'pays', from: () => Promise.reject(new Error('no list')), run: () => void (runs += 1) },
      },
    });
    const { ask, log } = await talking(failing);
    expect(await ask('!pay')).toBe('Something went wrong.');
    expect(await log.until(/no list/)).toMatchObject({ level: 'error' });
    expect(runs).toBe(0);
  });
});

it('a command for private messages, or for everyone, says so where it is called elsewhere', async () => {
  const { ask, peer } = await talking({
    commands: {
      secret: { help: 'tells', private: true, run: (_: unknown, message) => message.reply('psst') },
      vote: { help: 'votes', private: false, run: (_: unknown, message) => message.reply('counted') },
    },
  });
  expect(await ask('!secret')).toBe('psst');
  expect(await ask('!vote')).toBe('Send !vote to everyone: it is not for private messages.');
  expect(await ask('!help vote')).toBe('usage: !vote | votes | only in public');
  const alice = peer('alice');
  alice.say('!secret');
  await alice.next(3);
  expect(await alice.next(3)).toMatchObject({
    login: 'bot',
    msg: 'Send !secret to me alone: it is for private messages.',
  });
});

describe('a command with a cooldown', () => {
  const slow = defineBot({
    commands: {
      roll: {
        help: 'rolls',
        args: { n: { type: 'integer', optional: true } },
        cooldown: { perUser: '30s', total: 10_000 },
        run: (_, message) => message.reply('4'),
      },
    },
  });

  it('may be called again when the time of its user, and that of all, is over', async () => {
    const { ask, clock } = await talking(slow, ['alice', 'bob']);
    expect(await ask('!roll')).toBe('4');
    expect(await ask('!roll')).toBe('Not yet: !roll can be called again in 30 s.');
    expect(await ask('!roll', 'bob')).toBe('Not yet: !roll can be called again in 10 s.');
    clock.advance(10 * SECOND);
    expect(await ask('!roll', 'bob')).toBe('4');
    clock.advance(10 * SECOND);
    expect(await ask('!roll')).toBe('Not yet: !roll can be called again in 10 s.');
    clock.advance(10 * SECOND);
    expect(await ask('!roll')).toBe('4');
    expect(await ask('!help roll')).toContain('once in 30 s for each user | once in 10 s in all');
  });

  it('does not count what was not run', async () => {
    const { ask } = await talking(slow);
    expect(await ask('!roll six')).toContain('usage:');
    expect(await ask('!roll 6')).toBe('4');
  });

  it('waits no longer where the clock was set back', async () => {
    const { ask, clock } = await talking(slow);
    expect(await ask('!roll')).toBe('4');
    clock.jump(-3_600_000);
    expect(await ask('!roll')).toBe('4');
  });
});

describe('an argument with a schema', () => {
  const port = defineBot({
    commands: {
      open: {
        help: 'opens',
        args: {
          port: {
            type: 'word',
            schema: v.pipe(v.string(), v.transform(Number), v.maxValue(65535, 'at most 65535')),
          },
          rest: {
            type: 'words',
            optional: true,
            schema: v.pipeAsync(
              v.array(v.string()),
              v.checkAsync(() => Promise.resolve(true)),
            ),
          },
        },
        run: ({ port: value }, message) => message.reply(String(value + 1)),
      },
    },
  });

  it('has its value from it, or is answered with its message and the usage', async () => {
    const { ask } = await talking(port);
    expect(await ask('!open 80 a b')).toBe('81');
    expect(await ask('!open 70000')).toBe('port: at most 65535; usage: !open <port> [rest…]');
    expect(await ask('!open')).toBe('port is missing; usage: !open <port> [rest…]');
  });
});
