/** One plugin file, which the configuration has several times. */
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { storeDirectory } from '../../src/bot/store/directory.ts';
import { PluginStore } from '../../src/bot/store/plugin-store.ts';
import { failure, LAB, labFile } from './chatosbot.ts';
import { runShared } from './shared-process.ts';

const BOT = `export const name = 'ex';
export const schedule = { daily: { cron: '0 9 * * *', timeZone: 'UTC', run() {} } };
export const commands = {
  say: { help: 'says', examples: { '!say': '1' }, run: (_args, message, ctx) => message.reply(String(ctx.options.n)) },
};
`;
const there = { cwd: path.join(LAB, 'several') };
const LIST = /one \(\S*:2:5\), two \(\S*:3:5\)/;

beforeAll(() => {
  labFile('several/x.ts', BOT);
  labFile('several/package.json', '{}');
  labFile(
    'several/chatosbot.config.yaml',
    'bots:\n  - { path: ./x.ts, login: one, options: { n: 1 } }\n  - { path: ./x.ts, login: two, options: { n: 2 } }\n',
  );
  // The same login, elsewhere, with other options; and no login of its own.
  labFile(
    'several/servers.yaml',
    `bots:
  - { path: ./x.ts, login: one, server: '127.0.0.1:7777', options: { n: 1 } }
  - { path: ./x.ts, login: one, server: '127.0.0.1:7778', options: { n: 2 } }
  - { path: ./x.ts, options: { n: 3 } }
`,
  );
  labFile(
    'several/same.yaml',
    "bots:\n  - { path: ./x.ts, login: one, server: '127.0.0.1:7777' }\n  - { path: ./x.ts, login: one }\n",
  );
});

test.each<[args: string, answer: string]>([
  ['--login two', 'two: 2'],
  ['--login one', 'one: 1'],
  ['--login three --config servers.yaml', 'three: 3'],
  ['--config same.yaml', 'one: undefined'],
  ['--login three --config same.yaml', 'three: undefined'],
])('repl %s starts the entry of that login, with its options', async (args, answer) => {
  const { status, stdout, stderr } = await runShared(['repl', 'x.ts', ...args.split(' ')], {
    ...there,
    input: '!say\n',
  });
  expect(stdout).toBe(`you: !say\n${answer}\n`);
  expect(stderr).toContain(`* ${answer.split(':')[0]} is here`);
  expect(status).toBe(0);
});

test.each<[args: string, message: RegExp]>([
  ['', new RegExp(`has x\\.ts for several logins: ${LIST.source}; choose one with --login$`)],
  ['--login three', new RegExp(`${LIST.source}; none of them is the only one for the login three$`)],
  ['--login one --config servers.yaml', /: one \(\S*:2:5\), one \(\S*:3:5\); none of them is the only one/],
  ['--config servers.yaml', /: one \(\S*:2:5\), one \(\S*:3:5\), its own name \(\S*:4:5\); choose one with --login$/],
])('repl %s does not guess, and says which logins there are', async (args, message) => {
  const ended = runShared(['repl', 'x.ts', ...args.split(' ').filter(Boolean)], there);
  expect(await failure(ended)).toEqual({ status: 2, last: expect.stringMatching(message) as string });
});

test('repl logs the only entry of a file in as --login says', async () => {
  labFile('several/single.yaml', 'bots:\n  - { path: ./x.ts, login: one, options: { n: 1 } }\n');
  const args = ['repl', 'x.ts', '--login', 'two', '--config', 'single.yaml'];
  expect((await runShared(args, { ...there, input: '!say\n' })).stdout).toBe('you: !say\ntwo: 1\n');
});

test('schedule and test name the login', async () => {
  const { status, stdout } = await runShared(['test'], there);
  expect(stdout).toMatch(/^ok ex as one !say\nnot ok ex as two !say\n/);
  expect(status).toBe(1);
  const runs = await runShared(['schedule', '--count', '2'], there);
  expect(runs.stdout).toMatch(/ {2}ex as one {2}daily\n.* {2}ex as two {2}daily\n$/);
  const { stdout: lines } = await runShared(['schedule', '--count', '2', '--json'], there);
  expect(lines.match(/"login":"\w+"/g)).toEqual(['"login":"one"', '"login":"two"']);
});

test('schedule lists the timers of each bot once, whatever the folder of its store is called', async () => {
  const state = path.join(there.cwd, 'state');
  const long = '\u{5BF9}'.repeat(25);
  labFile(
    'several/t.ts',
    "export const name = 'ex';\nexport const onStart = () => {};\nexport const timers = { due() {} };\n",
  );
  labFile(
    'several/l.ts',
    `export const name = '${long}';\nexport const onStart = () => {};\nexport const timers = { due() {} };\n`,
  );
  labFile(
    'several/timers.yaml',
    `bots:
  - { path: ./t.ts, login: one, server: '127.0.0.1:7777' }
  - { path: ./t.ts, login: one, server: '127.0.0.1:7778' }
  - { path: ./l.ts, login: three }
`,
  );
  const ids = ['ex@one', 'ex@one@127.0.0.1:7778', `${long}@three`];
  for (const [index, id] of ids.entries()) {
    const store = new PluginStore({ directory: storeDirectory(state, id) });
    const at = `2100-01-0${index + 1}T00:00:00.000Z`;
    await store.records.set(`timer ${at} t`, { name: 'due', at });
    await store.close();
  }
  const { stdout, stderr } = await runShared(
    ['schedule', '--config', 'timers.yaml', '--state', state, '--json'],
    there,
  );
  expect(stderr).toBe('');
  const lines = stdout.trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { due: string }).due.slice(0, 10))).toEqual([
    '2100-01-01',
    '2100-01-02',
    '2100-01-03',
  ]);
});

test('an error in a file of several entries is reported once', async () => {
  labFile('several/broken.ts', 'export const onStart = ( => {};\n');
  labFile('several/broken.yaml', 'bots: [{ path: ./broken.ts, login: one }, { path: ./broken.ts, login: two }]\n');
  const { status, stderr } = await runShared(['test', '--config', 'broken.yaml'], there);
  expect(stderr.match(/broken\.ts:1:26/g)).toHaveLength(1);
  expect(status).toBe(2);
});

test.each<[login: string, port: number, config: string, heard: RegExp]>([
  ['one', 7777, 'chatosbot.config.yaml', /^replayed 1 message: no differences/],
  ['two', 7777, 'chatosbot.config.yaml', /1 difference/],
  ['one', 7777, 'servers.yaml', /^replayed 1 message: no differences/],
  ['one', 7778, 'servers.yaml', /1 difference/],
  ['other', 7777, 'chatosbot.config.yaml', LIST],
])('replay takes the entry of the recorded account: %s at %i, by %s', async (login, port, config, said) => {
  const at = `"time":"2026-01-05T09:00:01.000Z","server":"tcp://127.0.0.1:${port}","login":"${login}"`;
  const recording = labFile(
    'several/chat.ndjson',
    `{"type":"recording","version":1,"chatosbot":"0.1.0","startedAt":"2026-01-05T09:00:00.000Z","timeZone":"UTC"}
{${at},"type":"heard","number":1,"from":"ann","private":true,"text":"!say"}
{${at},"type":"said","to":"ann","text":"1","cause":"ann","answers":1}
`,
  );
  const { stderr } = await runShared(['replay', recording, 'x.ts', '--config', config], there);
  expect(stderr).toMatch(said);
});
