import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { storeDirectory } from '../../src/bot/store/directory.ts';
import { PluginStore } from '../../src/bot/store/plugin-store.ts';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { FORWARD_EVENTS } from '../../src/cli/forwarding/report.ts';
import { PIPE_EVENTS } from '../../src/cli/piping/report.ts';
import { TRANSFER_EVENTS } from '../../src/cli/sending/report.ts';
import { LAB, labFile, run, start, startChat, startServer } from '../e2e/chatosbot.ts';
import { acceptNext, ask, peer } from '../e2e/peers.ts';
import { runShared } from '../e2e/shared-process.ts';
import { addLines, documentedEventFields, documentedFields, type Fields } from './json-fields.ts';

const found: Fields = new Map();

const BOT = `import { defineBot } from 'chatosbot';
export default defineBot({
  schedule: { often: { cron: '* * * * * *', run: () => {} }, daily: { cron: '0 9 * * *', timeZone: 'Europe/Paris', run: () => {} } },
  timers: { remind: () => {} },
  commands: { roll: { help: 'rolls', examples: { '!roll': '4', '!rol': '5' }, run: (_args, message) => message.reply('4') } },
  async onMessage(message, ctx) {
    if (message.text === 'remind') await ctx.after('1h', 'remind');
    if (message.text === 'pipe') await ctx.request(message.from);
    if (message.text === 'fail') throw new Error('on purpose');
    await message.reply('noted');
  },
  onPrivateRequest: () => true,
  onChannel(channel) { channel.write('hello\\n'); channel.resume(); },
});
`;

/** Runs a command with --json, and notes what it reports. */
async function note(command: string, args: readonly string[], input?: string): Promise<string> {
  const words = [...command.split(' '), ...args, '--json'];
  // A test of bots starts processes of its own.
  const isAlone = input !== undefined || command === 'test';
  const { stdout, stderr } = await (isAlone ? run(words, { input: input ?? '' }) : runShared(words));
  addLines(found, command, stdout);
  addLines(found, 'errors', stderr);
  return stdout;
}

/** Runs each command that has --json, so that it reports all that it can. */
async function runAll(): Promise<void> {
  const bot = labFile('dice.ts', BOT);
  const config = labFile(
    'all.yaml',
    `server: embedded
bots: [{ path: ./dice.ts, login: dice }, { path: ./other.ts, isolate: worker }]
announcements: [{ cron: '0 9 * * 1-5', text: hello }]
policy: { rules: [{ bots: [nobody], from: ['a*'], decision: refuse }], deny: ['mallory'], default: accept }
`,
  );
  const logins = labFile(
    'logins.yaml',
    "serve: { logins: [{ login: 'ops-*', from: ['192.0.2.0/24'] }, { login: '*' }] }\n",
  );
  labFile('other.ts', "export const onMessage = () => { throw new Error('always'); };");
  const state = path.join(LAB, 'state');
  await note('check', ['--config', config]);
  await note('check', ['--config', labFile('wrong.yaml', 'sever: x\n')]);
  await note('policy explain', ['alice', '--config', config]);
  await note('policy login', ['ops-1', '--config', logins]);
  await note('policy login', ['alice', '--config', logins, '--identity', `sha256:${'A'.repeat(43)}`]);
  await note('identity', []);
  await note('test', [bot]);

  // A process with a server and bots, and what they do.
  const socket = path.join(LAB, 'all.sock');
  const recording = path.join(LAB, 'all.ndjson');
  const args = ['--config', config, '--state', state, '--listen', '127.0.0.1:0', '--record', recording];
  const running = start(['run', ...args, '--status', '0', '--control', socket]);
  const [, port] = await running.line(/^listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
  const [, status] = await running.line(/^status on (\S+)/);
  await running.line(/^other: logged in/);
  await running.line(/^dice: logged in/);
  const at = `127.0.0.1:${port}`;
  const ann = await peer(Number(port), 'ann');
  for (const text of ['remind', 'fail']) ann.tell('dice', text);
  await ann.next(4);
  for (let count = 0; count < 5; count += 1) ann.tell('other', 'now');
  await running.line(/suspended/);
  await peer(Number(port), 'dice').catch(() => undefined); // It is taken: the server counts that.
  await ask(ann, Number(port), 'dice');
  // A job has run, and a bot is known to be suspended.
  const known = /"endedAt".*"suspendedUntil"|"suspendedUntil".*"endedAt"/;
  await expect.poll(() => note('status', [status!]), { interval: 200 }).toMatch(known);
  await note('top', ['--control', socket, '--once', '--interval', '0.1']);
  await note('store list', ['--state', state]);
  const ctl = (command: string, ...more: string[]) => note(`ctl ${command}`, [...more, '--control', socket]);
  for (const command of ['sessions', 'channels', 'stats', 'log-level', 'reload']) await ctl(command);
  await ctl('ban', 'mallory', '--for', '1h', '--reason', 'spam');
  await ctl('bans');
  await ctl('unban', 'mallory');
  await ctl('kick', 'ann');
  await note('say', ['hello', '--to', 'dice', '--wait-for-answer', '--server', at, '--login', 'bob']);
  await note('say', ['hello', '--server', at, '--login', 'bob']);
  labFile('all.yaml', 'serve: { limits: { maxClients: none, messagesPerSecond: many } }\n');
  await ctl('reload');
  await ctl('drain');
  await running.exit();
  await note('ctl sessions', ['--control', socket]);
  await note('schedule', [bot, '--state', state]);
  await note('store list', ['--state', state]);
  await note('replay', [
    recording,
    labFile('changed/dice.ts', BOT.replace("reply('noted')", "reply('other')")),
    '--login',
    'dice',
  ]);

  const damaged = path.join(LAB, 'damaged');
  const store = new PluginStore({ directory: storeDirectory(damaged, 'dice@dice') });
  await store.store.set('a', 1);
  await store.close();
  writeFileSync(path.join(storeDirectory(damaged, 'dice@dice'), 'CURRENT'), 'nonsense\n');
  await note('store repair', ['dice', '--state', damaged]);
  await note('store repair', ['dice', '--state', damaged]);

  const server = await startServer();
  const { chat, me } = await startChat(server.at, ['--json']);
  const carol = await peer(server.port, 'carol');
  carol.say('hello');
  carol.tell(me, 'psst');
  chat.type('/pipe carol\n');
  const { half } = await acceptNext(carol, server.port);
  half.write('over the private connection\n');
  await chat.line(/over the private/, 'stdout');
  chat.type('/quit\n');
  addLines(found, 'chat', (await chat.exit()).stdout);
  await note('repl', [bot], 'hello\n/msg hello\n/pipe\n/wait 1\n/quit\n');
}

test(
  'docs/json.md has each field that occurs, and none that does not, with its kind',
  { timeout: 300_000 },
  async () => {
    await runAll();
    const documented = documentedFields();
    const sorted = (fields: Fields): string[] => [...fields.keys()].toSorted();
    expect(sorted(found)).toEqual(sorted(documented));
    for (const [name, kinds] of found) {
      const others = [...kinds].filter((kind) => !documented.get(name)!.has(kind));
      expect([name, others]).toEqual([name, []]);
    }
  },
);

test('docs/json.md has a section for each command with --json', async () => {
  const program = new Command('chatosbot');
  const names: string[] = [];
  for (const { name, load } of COMMANDS) {
    const command = program.command(name);
    (await load()).register(command, () => Promise.resolve());
    const below = command.commands.map((each) => [`${name} ${each.name()}`, each] as const);
    for (const [path_, each] of below.length > 0 ? below : [[name, command] as const]) {
      if (each.options.some(({ long }) => long === '--json')) names.push(path_);
    }
  }
  const sections = Array.from(readFileSync('docs/json.md', 'utf8').matchAll(/^## (.*)$/gm), ([, title]) => title!);
  const covered = new Set(sections.flatMap((title) => title.split(/, | and /)));
  expect(names.filter((name) => !covered.has(name))).toEqual([]);
});

test('docs/json.md has each field of the events of pipe, forward, send and receive, and no other', () => {
  const events = [PIPE_EVENTS, FORWARD_EVENTS, TRANSFER_EVENTS].flatMap((each) => Object.values(each).flat());
  expect(documentedEventFields().toSorted()).toEqual([...new Set<string>(events)].toSorted());
});
