import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Command } from '../support/command.ts';
import { readAll } from '../support/rfc-peer.ts';
import { LAB, labFile, shell, start } from './chatosbot.ts';
import { acceptNext, ask, fate, peer } from './peers.ts';
import { sharedServer } from './shared-server.ts';

const ECHO = new URL('../../bots/echo.ts', import.meta.url);

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
  labFile('bots/note.txt', '');
  copyFileSync(ECHO, path.join(LAB, 'bots', 'echo.ts'));
});

/** Starts bots and waits until they are logged in. */
async function startBots(args: readonly string[], logins: readonly string[]): Promise<Command> {
  const command = start(['run', '--server', at, ...args]);
  for (const login of logins) await command.line(new RegExp(`: logged in as ${login} on tcp://${at}$`));
  return command;
}

describe('run', () => {
  test('runs a plugin by its path, in a folder with no package, no install and no build', async () => {
    const command = await startBots(['../bots/echo.ts'], ['echo']);
    const alice = await peer(port, 'alice');
    alice.say('hello');
    expect(await alice.next(3)).toMatchObject({ login: 'alice' });
    expect(await alice.next(3)).toEqual({ op: 3, login: 'echo', msg: 'alice: hello' });
    alice.tell('echo', 'psst');
    expect(await alice.next(4)).toMatchObject({ sender: 'echo', target: 'alice', msg: 'alice: psst' });
    expect(command.stdout.toString()).toBe('');
  });

  test('names plugin, login and server in one line when a bot is in', async () => {
    const command = start(['run', '../bots/echo.ts', '--server', at, '--login', 'parrot']);
    await command.line(new RegExp(`^echo: logged in as parrot on tcp://${at}$`));
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({
      status: 0,
      stderr: `echo: logged in as parrot on tcp://${at}\nstopping on SIGTERM\nstopped\n`,
    });
  });

  test('starts a server of its own where none is configured, and runs the bots on it', async () => {
    const command = start(['run', '../bots/echo.ts', '--listen', '127.0.0.1:0', '--listen', '127.0.0.1:0?longBytes=8']);
    const [, own] = await command.line(/^listening on tcp:\/\/127\.0\.0\.1:(\d+)$/);
    await command.line(/^listening on tcp:\/\/127\.0\.0\.1:\d+\?longBytes=8$/);
    await command.line(new RegExp(`^echo: logged in as echo on tcp://127\\.0\\.0\\.1:${own}$`));
    const [, hint] = await command.line(/another terminal: npx chatosbot (.+)$/);
    const hinted = shell(`chatosbot ${hint}`, { input: '/msg echo it works\n' });
    expect(await hinted.exit()).toMatchObject({ status: 0, stderr: expect.stringContaining(`:${own}`) });
    const alice = await peer(Number(own), 'alice');
    alice.tell('echo', 'hi');
    expect(await alice.next(4)).toMatchObject({ msg: 'alice: hi' });
    command.kill('SIGTERM');
    expect(await alice.ended).toBe('end');
    expect(await command.exit()).toMatchObject({ status: 0, stdout: '' });
  });

  test('hints at --server where the port of its own server is in use', async () => {
    const ended = await start(['run', '../bots/echo.ts', '--listen', at]).exit();
    expect(ended).toMatchObject({ status: 69, stderr: expect.stringContaining(`use --server tcp://${at}`) });
  });

  test('takes server, bots, options, logins and policy from the configuration', async () => {
    labFile(
      'project/bots/parrot.mjs',
      `export const onMessage = (message, bot) => message.reply(bot.options.greeting + ' ' + message.from);
       export const onPrivateRequest = () => false;
       export const onChannel = (channel) => channel.end('welcome');`,
    );
    labFile(
      'project/chatosbot.config.yaml',
      `server: ${at}
bots:
  - ../bots/echo.ts
  - path: ./bots/parrot.mjs
    login: polly
    options: { greeting: salut }
policy:
  allow: [friend-*]
  deny: [friend-of-mallory]
`,
    );
    const command = start(['run', '--config', '../project/chatosbot.config.yaml']);
    await command.line(/^echo: logged in as echo on /);
    await command.line(/^parrot: logged in as polly on /);
    const friend = await peer(port, 'friend-1');
    friend.tell('polly', 'hello');
    expect(await friend.next(4)).toMatchObject({ sender: 'polly', msg: 'salut friend-1' });
    friend.request('polly');
    expect(await friend.next(8)).toMatchObject({ requester: 'friend-1', target: 'polly' });
    for (const login of ['friend-of-mallory', 'stranger']) {
      const other = await peer(port, login);
      other.request('polly');
      expect(await other.next(7)).toMatchObject({ requester: login, target: 'polly' });
    }
    await command.line(/private request refused .*peer=friend-of-mallory bot=parrot rule="deny/);
  });

  test('posts the announcements of the configuration, to everyone and to one', async () => {
    labFile(
      'news/chatosbot.config.yaml',
      `server: ${at}
login: herald
announcements:
  - { cron: "* * * * * *", timeZone: Europe/Paris, text: hear ye }
  - { cron: "* * * * * *", text: for your ears, to: town }
`,
    );
    const town = await peer(port, 'town');
    start(['run', '--config', '../news/chatosbot.config.yaml']);
    expect(await town.next(3, { timeoutMs: 10_000 })).toMatchObject({ login: 'herald', msg: 'hear ye' });
    expect(await town.next(4)).toMatchObject({ sender: 'herald', target: 'town', msg: 'for your ears' });
  });

  test('gives the plugin named on the command line the options that the configuration has for it', async () => {
    labFile('opt/bot.ts', 'export const onMessage = (m: any, bot: any) => m.reply(String(bot.options.word));');
    labFile('opt/package.json', '{}');
    labFile(
      'opt/chatosbot.config.yaml',
      `server: ${at}\nbots:\n  - { path: bot.ts, login: opt, options: { word: abc } }\n`,
    );
    const command = start(['run', 'bot.ts'], { cwd: path.join(LAB, 'opt') });
    await command.line(/^bot: logged in as opt on /);
    const asker = await peer(port, 'asker');
    asker.tell('opt', '?');
    expect(await asker.next(4)).toMatchObject({ msg: 'abc' });
  });

  test('stops in order on SIGTERM: onStop may still speak, the status is 0', async () => {
    labFile('bots/polite.ts', `export const onStop = (bot: import('chatosbot').Bot) => bot.say('farewell');`);
    const command = await startBots(['../bots/polite.ts'], ['polite']);
    const alice = await peer(port, 'listener');
    command.kill('SIGTERM');
    expect(await alice.next(3)).toMatchObject({ login: 'polite', msg: 'farewell' });
    expect(await command.exit()).toMatchObject({ status: 0, stderr: expect.stringMatching(/\nstopped\n$/) });
  });

  test('lets a private connection finish up to --drain seconds, and breaks it then', async () => {
    const command = await startBots(['../bots/echo.ts', '--login', 'drain', '--drain', '0.3'], ['drain']);
    const alice = await peer(port, 'drinker');
    const { half } = await ask(alice, port, 'drain');
    half.write('is it open?');
    await new Promise((resolve) => half.once('data', resolve));
    command.kill('SIGTERM');
    await command.line(/^stopping on SIGTERM, waiting up to 0\.3 s for 1 private connection/);
    expect(await fate(half)).toBe('reset');
    expect(await command.exit()).toMatchObject({ status: 0 });
  });

  test('lets private connections of others finish, too, where the server is its own', async () => {
    const command = start(['run', '../bots/echo.ts', '--listen', '127.0.0.1:0', '--drain', '10']);
    const [, own] = await command.line(/^listening on tcp:\/\/127\.0\.0\.1:(\d+)$/);
    await command.line(/^echo: logged in as echo /);
    const [alice, bob] = [await peer(Number(own), 'alice'), await peer(Number(own), 'bob')];
    const accepted = acceptNext(bob, Number(own));
    const [{ half: left }, { half: right }] = await Promise.all([ask(alice, Number(own), 'bob'), accepted]);
    command.kill('SIGTERM');
    await command.line(/^stopping on SIGTERM, waiting up to 10 s for 1 private connection$/);
    // The bot's session is over: what is left is what the server waits for.
    await command.line(/left .*login=echo/);
    left.end('the last words');
    right.end('goodbye');
    expect(String(await readAll(right))).toBe('the last words');
    expect(String(await readAll(left))).toBe('goodbye');
    expect(await command.exit()).toMatchObject({ status: 0 });
  });

  test('waits for its bots and for private connections of others together, and not one time behind the other', async () => {
    labFile('bots/waiting.ts', 'export const onStop = () => new Promise(() => {});');
    const command = start(['run', '../bots/waiting.ts', '--listen', '127.0.0.1:0', '--drain', '3']);
    const [, own] = await command.line(/^listening on tcp:\/\/127\.0\.0\.1:(\d+)$/);
    await command.line(/^waiting: logged in/);
    const [alice, bob] = [await peer(Number(own), 'alice'), await peer(Number(own), 'bob')];
    const accepted = acceptNext(bob, Number(own));
    const [{ half }] = await Promise.all([ask(alice, Number(own), 'bob'), accepted]);
    command.kill('SIGTERM');
    const broken = fate(half);
    // The time of the bot is over.
    await command.line(/left .*login=waiting/);
    const leftAt = performance.now();
    expect(await broken).toBe('reset');
    expect(performance.now() - leftAt).toBeLessThan(2_000);
    expect(await command.exit()).toMatchObject({ status: 0 });
  });

  test('lets nobody log in on its own server while its bots stop', async () => {
    labFile('bots/lingering.ts', 'export const onStop = () => new Promise(() => {});');
    const command = start(['run', '../bots/lingering.ts', '--listen', '127.0.0.1:0', '--drain', '1000']);
    const [, own] = await command.line(/^listening on tcp:\/\/127\.0\.0\.1:(\d+)$/);
    await command.line(/^lingering: logged in/);
    command.kill('SIGTERM');
    await command.line(/^stopping on SIGTERM/);
    await expect(peer(Number(own), 'late')).rejects.toThrow('the server ended the connection');
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({ status: 143 });
  });

  test('ends at once on a second signal', async () => {
    labFile('bots/stubborn.ts', 'export const onStop = () => new Promise(() => {});');
    const command = await startBots(['../bots/stubborn.ts', '--drain', '1000'], ['stubborn']);
    command.kill('SIGTERM');
    await command.line(/^stopping on SIGTERM/);
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({ status: 143 });
  });
});
