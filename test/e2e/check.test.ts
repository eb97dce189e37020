import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { LAB, labFile, run, start } from './chatosbot.ts';
import { runShared } from './shared-process.ts';

/** A plugin that would leave a trace if any hook of it were called. */
const TELLTALE = `
import { writeFileSync } from 'node:fs';
const tell = () => writeFileSync(new URL('called', import.meta.url), '');
export const onStart = tell;
export const onStop = tell;
export const schedule = { tick: { cron: '* * * * * *', run: tell } };
export const commands = { roll: { help: 'Rolls.', run: tell } };
`;
/** Options that must have a word, as any schema library would check it. */
const WORDY = `
const validate = (value) =>
  typeof value.word === 'string' ? { value } : { issues: [{ message: 'expected a text', path: ['word'] }] };
export const options = { '~standard': { version: 1, vendor: 'test', validate } };
export const onStart = () => {};
`;

beforeAll(() => {
  labFile('check/telltale.ts', TELLTALE);
  labFile('check/wordy.mjs', WORDY);
  labFile('check/broken.ts', 'export const onStart = ( => {};\n');
  labFile('check/cron.ts', "export const schedule = { tick: { cron: 'every day', run() {} } };");
  labFile('check/asking.ts', 'export const schedule = (options: any) => ({ a: { cron: options.a.b, run() {} } });');
  labFile('check/stray.ts', "\nPromise.reject(new Error('nobody awaits this'));\nexport const onStart = () => {};");
  labFile('check/timer.ts', 'setInterval(() => {}, 1000);\nexport const onStart = () => {};');
});

describe('check', () => {
  test('tells each command, schedule and announcement that is wrong', async () => {
    labFile(
      'check/many.ts',
      `export const schedule = { a: { cron: 'x', run() {} }, b: { cron: '* * * * *', timeZone: 'Mars/Base', run() {} } };
export const commands = { 'y!': { help: 'y', run() {} }, w: {}, ok: { help: 'ok', run() {} } };`,
    );
    labFile(
      'check/many.yaml',
      "bots: [./many.ts]\nannouncements:\n  - { cron: 'x', timeZone: Mars/Base, catchUp: sometimes, text: '' }\n",
    );
    const { status, stderr } = await runShared(['check', '--config', '../check/many.yaml']);
    const places = ['3:13: announcements.0.cron', '3:28: announcements.0.timeZone', '3:48: announcements.0.catchUp'];
    const parts = ['commands.y!', 'commands.w', 'commands.w', 'schedule.a', 'schedule.b'];
    expect(stderr.match(/(?<=many\.yaml:)[\d:]+ [\w.]+/g)).toEqual([...places, '3:65: announcements.0.text']);
    expect(stderr.match(/(?<=many\.ts: )[^:]+/g)).toEqual(parts);
    expect(status).toBe(2);
  });

  test('with --json prints each bot and warning, or each error, as a line', async () => {
    labFile('check/good.yaml', 'bots: [./telltale.ts]\npolicy:\n  rules: [{ bots: nobody, decision: accept }]\n');
    labFile('check/bad.yaml', 'bots: [./broken.ts, ./cron.ts]\nserv: 1\n');
    const good = await runShared(['check', '--json', '--config', '../check/good.yaml']);
    expect(
      good.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      {
        type: 'bot',
        bot: 'telltale',
        login: 'telltale',
        file: expect.stringMatching(/check\/telltale\.ts$/),
        hooks: ['onStart', 'onStop'],
        commands: ['!roll'],
        callers: {},
        limits: {},
        dialogues: [],
        schedules: ['tick'],
        timers: [],
      },
      { type: 'warning', message: expect.stringContaining('good.yaml:3:') },
    ]);
    expect(good).toMatchObject({ status: 0, stderr: '' });
    const bad = await runShared(['check', '--json', '--config', '../check/bad.yaml']);
    const errors = bad.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; message: string });
    expect(errors.map(({ type }) => type)).toEqual(['error', 'error', 'error']);
    expect(errors.map(({ message }) => /(?:bad\.yaml|broken\.ts|cron\.ts):/.exec(message)?.[0])).toEqual([
      'bad.yaml:',
      'broken.ts:',
      'cron.ts:',
    ]);
    expect(bad).toMatchObject({ status: 2, stderr: '' });
  });

  test('reports unknown hooks together with the other mistakes of the plugin', async () => {
    const file = labFile(
      'check/hooks.ts',
      `export const onMesage = () => {};
export const onJoin = () => {};
export const onStop = 7;
export const commands = { w: { help: 'x' } };`,
    );
    const { status, stderr } = await runShared(['check', file]);
    expect(stderr.match(/unknown hook on\w+|onStop is not a function|commands\.w/g)).toEqual([
      'unknown hook onJoin',
      'unknown hook onMesage',
      'onStop is not a function',
      'commands.w',
    ]);
    expect(status).toBe(2);
  });

  test('gives the column of what fails in the first line of a bot', async () => {
    const file = labFile('check/one-line.ts', "const a: string = 'a'; throw new Error(a);");
    const { status, stderr } = await runShared(['check', file]);
    expect(stderr).toMatch(/one-line\.ts:1:30: a\n$/);
    expect(status).toBe(2);
  });

  test('takes JSON that a plugin imports of a package, of its own package by name, and in a URL', async () => {
    labFile(
      'check/json/package.json',
      '{ "type": "module", "name": "@me/own", "exports": { "./package.json": "./package.json" } }',
    );
    labFile('check/json/node_modules/some/package.json', '{ "version": "3.2.1" }');
    labFile(
      'check/json/bot.js',
      `import some from 'some/package.json' with { type: 'json' };
import own from '@me/own/package.json' with { type: 'json' };
import inline from 'data:application/json,{"a":1}' with { type: 'json' };
export const name = [some.version, own.name, inline.a].join('-').replace(/\\W/g, '');
export const onStart = () => {};`,
    );
    const { stderr } = await run(['check', '../check/json/bot.js']);
    expect(stderr).toMatch(/^321meown1 as 321meown1: onStart\n/);
  });

  test('tells where a test is taken for a plugin', async () => {
    const file = labFile(
      'check/dice.test.ts',
      "import { TestNetwork } from 'chatosbot/testing';\nTestNetwork.start();",
    );
    const { status, stderr } = await runShared(['check', file]);
    expect(stderr).toMatch(/dice\.test\.ts:1:29: Cannot find .*; this is a test: use chatosbot test\n$/);
    expect(status).toBe(2);
  });

  test('warns of a rule of the policy that is for none of the bots, with its place', async () => {
    labFile(
      'check/rules.yaml',
      `bots: [./telltale.ts]
policy:
  rules:
    - { bots: [telltail], decision: refuse }
    - { bots: ['t*', none], decision: refuse }
    - { bots: other-bot, decision: refuse }
    - { from: nobody, decision: accept }
`,
    );
    const { status, stderr } = await runShared(['check', '--config', '../check/rules.yaml']);
    expect(stderr.split('\n').filter((line) => line.startsWith('warning: '))).toEqual([
      expect.stringMatching(
        /check\/rules\.yaml:4:15: policy\.rules\.0\.bots matches no bot.*; did you mean telltale\?$/,
      ),
      expect.stringMatching(/check\/rules\.yaml:6:15: policy\.rules\.2\.bots matches no bot.*; there are telltale$/),
    ]);
    expect(status).toBe(0);
    const bots = start(['run', '--config', '../check/rules.yaml', '--listen', '127.0.0.1:0']);
    await bots.line(/warn +\S+rules\.yaml:4:15: policy\.rules\.0\.bots matches no bot/);
    process.kill(bots.pid, 'SIGTERM');
    await bots.exit();
    const other = labFile('check/other.ts', 'export const onStart = () => {};');
    expect((await runShared(['check', other, '--config', '../check/rules.yaml'])).stderr).not.toContain('warning');
  });

  test.each([
    ['loads', ''],
    ['fails', "throw new Error('no');"],
    ['ends', 'process.exit(1);'],
  ])('shows all that a bot prints that %s', async (_, ending) => {
    // More than the thread of a bot sends before it is read, but where that ends: the rest would be lost.
    const [count, width] = ending.includes('exit') ? [5_000, 40] : [8_000, 200];
    const file = labFile(
      'check/printing.mjs',
      `for (let i = 0; i < 5; i++) console.error('line', i);
for (let i = 5; i < ${count}; i++) console.log('line', i, '${'x'.repeat(width)}');
${ending}
export const onStart = () => {};`,
    );
    const { stdout, stderr } = await run(['check', file]);
    expect(stdout).toBe('');
    expect(stderr.match(/^line \d+/gm)).toEqual(Array.from({ length: count }, (__, index) => `line ${index}`));
  });

  test('takes options for right that only an isolated bot cannot have', async () => {
    const config = (isolate: string): string =>
      labFile(
        'check/code.ts',
        `export default { bots: [{ path: './timer.ts', ${isolate}
          options: { ok: [1, 'a', null, { b: true }], f: () => 1, list: [{ s: Symbol('x') }], m: new WeakMap() } }] };`,
      );
    expect(await runShared(['check', '--config', config('')])).toMatchObject({ status: 0 });
    const wrong = [
      /code\.ts: bots\.0\.options\.f: a function cannot be passed to an isolated bot/,
      /code\.ts: bots\.0\.options\.list\.0\.s: a symbol cannot/,
      /code\.ts: bots\.0\.options\.m: an instance of WeakMap cannot/,
    ].map((pattern) => expect.stringMatching(pattern) as unknown);
    for (const command of [['run', '--isolate'], ['check'], ['run']]) {
      const file = config(command.includes('--isolate') ? '' : "isolate: 'worker',");
      const { status, stderr } = await runShared([...command, '--config', file]);
      expect(stderr.trimEnd().split('\n')).toEqual(wrong);
      expect(status).toBe(2);
    }
  });

  const WAIT = 'await new Promise((resolve) => setTimeout(resolve, 50));\nexport const onStart = () => {};\n';
  const REJECTS = `\nPromise.reject(new Error('stray'));\n${WAIT}`;
  const THROWS = `\nsetTimeout(() => { throw new Error('stray'); });\n${WAIT}`;

  test.each([
    ['run', REJECTS, THROWS],
    ['run --isolate', REJECTS, THROWS],
    // These load as run does.
    ['repl', REJECTS],
    ['test', THROWS],
    ['schedule', REJECTS],
  ])('agrees with %s on a bot that throws while it is loaded where nobody catches it', async (command, ...bots) => {
    for (const [index, bot] of bots.entries()) {
      const file = labFile(`check/stray-${index}.ts`, bot);
      const { stderr: expected } = await runShared(['check', file]);
      expect(expected).toMatch(/\.ts:2:\d+: uncaught: stray\n$/);
      expect(await run([...command.split(' '), file])).toMatchObject({ status: 2, stderr: expected });
    }
  });

  test('does not take a bot for right that ends the process', async () => {
    labFile('check/exit.ts', 'process.exit(0);\nexport const onStart = () => {};');
    const { status, stderr } = await runShared(['check', '../check/exit.ts']);
    expect(stderr).toMatch(/^chatosbot: \S*exit\.ts: the plugin ended its worker with process\.exit\(0\)\n$/);
    expect(status).toBe(2);
  });

  test('tells what can run, in a line for each bot, and exits with 0', async () => {
    labFile(
      'check/good.yaml',
      'bots:\n  - ./telltale.ts\n  - { path: ./wordy.mjs, login: w, options: { word: x } }\nannouncements:\n  - { cron: "0 9 * * *", text: hi }\n',
    );
    expect(await runShared(['check', '--config', '../check/good.yaml'])).toEqual({
      status: 0,
      signal: null,
      stdout: '',
      stderr: `telltale as telltale: onStart, onStop, !roll, 1 schedule
wordy as w: onStart
announcements as announcements: 1 schedule
3 bots can run
`,
    });
  });

  test('connects to nothing, listens on nothing, writes nothing, and calls no hook', async () => {
    let connections = 0;
    const server = createServer((socket) => (connections++, socket.destroy()));
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const before = readdirSync(path.join(LAB, 'check'));
    for (const text of [`server: 127.0.0.1:${port}`, `serve: { listen: ['127.0.0.1:${port}'] }`]) {
      labFile('check/here.yaml', `${text}\nbots: [./telltale.ts]\n`);
      expect(await runShared(['check', '--config', '../check/here.yaml'])).toMatchObject({ status: 0 });
    }
    expect(connections).toBe(0);
    expect(readdirSync(path.join(LAB, 'check'))).toEqual([...before, 'here.yaml'].toSorted());
  });

  test('tells all that is wrong at once, each with its place, and exits with 2', async () => {
    labFile(
      'check/bad.yaml',
      `servr: embedded
bots:
  - ./broken.ts
  - { path: ./telltale.ts, lgin: x }
  - { path: ./wordy.mjs, options: { word: 7 } }
  - ./cron.ts
  - ./asking.ts
  - ./absent.ts
  - ./stray.ts
policy: { default: maybe }
announcements:
  - { cron: nonsense, text: hi }
`,
    );
    const { status, stderr } = await runShared(['check', '--config', '../check/bad.yaml'], {
      cwd: path.join(LAB, 'work'),
    });
    expect(status).toBe(2);
    const lines = stderr.trimEnd().split('\n');
    const told = [
      /^chatosbot: \S*bad\.yaml:1:1: servr: unknown key 'servr'; did you mean 'server'\?$/,
      /bad\.yaml:4:28: bots\.1\.lgin: unknown key 'lgin'; did you mean 'login'\?$/,
      /bad\.yaml:10:20: policy\.default: /,
      /bad\.yaml:12:13: announcements\.0\.cron: 'nonsense' is not a cron expression/,
      /broken\.ts:1:26: Unexpected token$/,
      /bad\.yaml:5:43: bots\.2\.options\.word: expected a text$/,
      /cron\.ts: schedule\.tick: 'every day' is not a cron expression/,
      /asking\.ts:1:\d+: schedule: Cannot read properties of undefined/,
      /bad\.yaml:\d+:\d+: bots\.\d: \S*absent\.ts: no such file$/,
      /stray\.ts:2:\d+: uncaught: nobody awaits this$/,
    ];
    for (const [index, pattern] of told.entries()) expect(lines[index]).toMatch(pattern);
    expect(lines).toHaveLength(told.length);
  });

  test.each<[what: string, yaml: string, errors: RegExp[]]>([
    [
      'an unknown key of a bot',
      'bots:\n  - { path: ./wordy.mjs, lgin: x, options: { word: 7 } }\n  - ./broken.ts\n',
      [/:2:26: bots\.0\.lgin: unknown key/, /:2:52: bots\.0\.options\.word: expected a text/, /broken\.ts:1:26: /],
    ],
    [
      'a syntax error',
      'bots:\n  - { path: ./wordy.mjs, options: { word: 7 } }\n  - ./broken.ts\nannouncements: [\nlogin: ""\n',
      [/:5:1: Flow sequence /, /:2:43: bots\.0\.options\.word: /, /broken\.ts:1:26: /],
    ],
    [
      'a key that is there twice',
      'login: a\nlogin: b\nbots:\n  - { path: ./wordy.mjs, options: { word: 7 } }\npolicy: 7\n',
      [/:2:1: this key is there twice/, /:5:9: policy: /, /:4:43: bots\.0\.options\.word: /],
    ],
    [
      'no value of a variable, and no anchor of an alias',
      'login: ${NOBODY_SETS_THIS}\nbots:\n  - { path: ./wordy.mjs, options: { word: 7 } }\n  - *none\n  - ./broken.ts\n',
      [/:1:8: there is no environment variable/, /:4:5: there is no anchor/, /:3:43: bots\.0\./, /broken\.ts:1:26: /],
    ],
    [
      'a login that isolated bots share',
      'bots:\n  - { path: ./wordy.mjs, login: a, options: { word: x }, isolate: worker }\n  - { path: ./telltale.ts, login: a }\n  - ./broken.ts\n',
      [/broken\.ts:1:26: /, /:2:5: bots\.0: an isolated bot needs a login of its own/],
    ],
    [
      'logins that look alike',
      'bots:\n  - { path: ./telltale.ts, login: b }\n  - { path: ./telltale.ts, login: B }\n  - ./broken.ts\n',
      [/broken\.ts:1:26: /, /:3:5: bots\.1: the login 'B' looks like 'b' of bots\.0, so the server would refuse it/],
    ],
    [
      'a plugin that is there twice',
      'bots:\n  - { path: ./broken.ts, login: one }\n  - { path: ./broken.ts, login: two }\n',
      [/broken\.ts:1:26: /],
    ],
  ])('reports %s together with the errors of options and plugins', async (_, yaml, errors) => {
    labFile('check/several.yaml', yaml);
    const { status, stderr } = await runShared(['check', '--config', '../check/several.yaml']);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toEqual(errors.map((error) => expect.stringMatching(error)));
    expect(status).toBe(2);
  });

  test('shows whom commands are for, where and how often, and warns where the server gives such logins to anyone', async () => {
    const command = (from: string, more = ''): string => `{ help: 'h', from: ${from}, ${more} run() {} }`;
    labFile(
      'check/rights.mjs',
      `export const commands = {
        deploy: ${command("['ops-*', 'root']", "cooldown: { total: '90s' },")},
        pay: ${command('() => true', 'private: true,')},
        hi: ${command("'*'")},
      };`,
    );
    labFile(
      'check/rights.yaml',
      "bots: [./rights.mjs]\nserve: { logins: [{ login: 'ops-*', from: 10.0.0.0/8 }, { login: '*' }] }\n",
    );
    const { status, stderr } = await runShared(['check', '--config', '../check/rights.yaml']);
    expect(stderr).toMatch(
      /^rights as rights: !deploy \(for ops-\*, root; once in 1 min 30 s in all\), !pay \(not for everyone; only in private\), !hi \(for \*\)\n/,
    );
    expect(stderr).toContain("warning: rights: the command 'deploy' is for root, but anybody can log in so");
    expect(stderr).not.toContain("'hi' is for");
    expect(status).toBe(0);
  });

  test('takes a bot for right that needs the main thread, unless it is isolated', async () => {
    const file = labFile('check/umask.ts', 'process.umask(0o77);\nexport const onStart = () => {};');
    expect(await runShared(['check', file])).toMatchObject({
      status: 0,
      stderr: 'umask as umask: onStart\n1 bot can run\n',
    });
    labFile('check/umask.yaml', 'bots: [{ path: ./umask.ts, isolate: worker }]\n');
    const { status, stderr } = await runShared(['check', '--config', '../check/umask.yaml']);
    expect(stderr).toMatch(/umask\.ts:1:9: .* not supported in workers\n$/);
    expect(status).toBe(2);
  });

  test('ends although a plugin leaves a timer behind', async () => {
    expect(await runShared(['check', '../check/timer.ts'])).toMatchObject({ status: 0 });
  });

  test('says that there is nothing to check', async () => {
    expect(await runShared(['check'])).toMatchObject({ status: 2, stderr: expect.stringContaining('nothing to run') });
  });
});

describe('schedule', () => {
  test('lists the next runs of plugins and announcements, in their order, across a change of the clocks', async () => {
    labFile(
      'check/times.yaml',
      `announcements:
  - { cron: "30 2 * * *", timeZone: Europe/Paris, text: night }
  - { cron: "0 12 * * *", timeZone: Europe/Paris, text: noon }
`,
    );
    const args = ['schedule', '--config', '../check/times.yaml', '--from', '2026-03-28T00:00Z', '--json'];
    const { status, stdout } = await runShared([...args, '--count', '5']);
    expect(status).toBe(0);
    const runs = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { due: string; job: string });
    expect(runs.map(({ due, job }) => `${due} ${job}`)).toEqual([
      '2026-03-28T01:30:00.000Z night',
      '2026-03-28T11:00:00.000Z noon',
      // 02:30 is not there on this day.
      '2026-03-29T01:00:00.000Z night',
      '2026-03-29T10:00:00.000Z noon',
      '2026-03-30T00:30:00.000Z night',
    ]);
  });

  test('lists ten runs for a person, with time, bot and job, where nothing else is said', async () => {
    const { status, stdout } = await runShared(['schedule', '../check/telltale.ts', '--from', '2026-11-22T12:59:55Z']);
    expect(status).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(10);
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+  telltale  tick$/);
  });

  test('says that nothing is scheduled, and what cannot be meant', async () => {
    const none = await runShared(['schedule', '../check/timer.ts']);
    expect(none).toMatchObject({ status: 0, stdout: '', stderr: 'nothing is scheduled\n' });
    for (const wrong of [
      ['--count', '0'],
      ['--count', 'x'],
      ['--from', 'soon'],
    ]) {
      expect(await runShared(['schedule', '../check/telltale.ts', ...wrong])).toMatchObject({ status: 2, stdout: '' });
    }
    expect(await runShared(['schedule', '../check/broken.ts'])).toMatchObject({ status: 2 });
  });
});
