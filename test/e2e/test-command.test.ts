import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LAB, labFile, run, start } from './chatosbot.ts';
import { runShared } from './shared-process.ts';

/** A bot whose commands are wrong in every way. */
const FAULTY = `
import { defineBot } from 'chatosbot';
export default defineBot({
  commands: {
    twice: {
      help: 'says it twice',
      args: { text: { type: 'text' } },
      examples: {
        '!twice hey': ['hey', /^h.y$/],
        '!twice ho': 'ho',
        '!twice': /text is missing; usage/,
      },
      async run({ text }, message) {
        await message.reply(text);
        await message.reply(text);
      },
    },
    fail: {
      help: 'fails',
      examples: { '!fail': 'done' },
      run() { throw new Error('out of order'); },
    },
    silent: { help: 'says nothing', examples: [['!silent', []], ['!silent', []]], run() {} },
    rude: { help: 'sends escapes', examples: { '!rude': 'x' }, run: (_, message) => message.reply('\\u001b[2J') },
  },
});
`;

const SCHEMA = `
const options = { '~standard': { version: 1, vendor: 'test', validate: (value) =>
  typeof value.word === 'string' ? { value } : { issues: [{ message: 'a word is needed', path: ['word'] }] } } };
`;
const NEEDY = `import { defineBot } from 'chatosbot';${SCHEMA}
export default defineBot({
  options,
  commands: { word: { help: 'x', examples: { '!word': /^(hi|ho)$/ }, run: (_, m, { options }) => m.reply(options.word) } },
});
`;

const TESTS = `
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isChatosError } from 'chatosbot';
import { TestNetwork } from 'chatosbot/testing';
import { answer } from './answers';

describe('arithmetic', () => {
  test('is right', async () => {
    console.log('on my way');
    const net = await TestNetwork.start();
    const bot = await net.bot({ name: 'sum', onMessage: (message) => message.reply(answer as string) });
    const ann = await net.user('ann');
    await ann.say('6 * 7');
    await ann.expects('42');
    const error: unknown = await net.bot(new URL('none.ts', import.meta.url)).catch((e: unknown) => e);
    assert.ok(isChatosError(error, 'INVALID_PLUGIN') && bot.login === 'sum');
    await net.stop();
  });
  test('is wrong', () => {
    assert.equal(1 + 1, 3 satisfies number);
  });
  test('comes later', { skip: true }, () => {});
});
`;

const directory = (name: string): string => `${LAB}/${name}`;

describe('test, of examples', () => {
  labFile('faulty/faulty.ts', FAULTY);

  test('tells of each whether the answers are as they should be, and what is wrong', async () => {
    const { status, stdout, stderr } = await runShared(['test', 'faulty.ts'], { cwd: directory('faulty') });
    expect(stdout.split('\n')).toEqual([
      'ok faulty !twice hey',
      'not ok faulty !twice ho',
      '  expected: "ho"',
      '  heard:    "ho", "ho"',
      'ok faulty !twice',
      'not ok faulty !fail',
      '  expected: "done"',
      '  heard:    "Something went wrong."',
      '  !fail failed: out of order',
      'ok faulty !silent',
      'ok faulty !silent',
      'not ok faulty !rude',
      '  expected: "x"',
      '  heard:    "\\u001b[2J"',
      '4 passed, 3 failed',
      '',
    ]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  });

  test('sends an example as the user that it names, who hears what the bot asks before', async () => {
    const code = `export const commands = {
      deploy: {
        help: 'deploys',
        from: 'ops-*',
        examples: [
          ['!deploy', 'You may not use !deploy.'],
          ['!deploy', 'Asking.', 'ops-ann'],
          ['yes', 'Deployed.', 'ops-bob'],
        ],
        async run(_, message, ctx) {
          await message.reply('Asking.');
          await ctx.ask('ops-bob', 'yes or no?');
          await ctx.say('Deployed.');
        },
      },
    };`;
    labFile('rights/rights.js', code);
    const { stdout } = await runShared(['test', 'rights.js'], { cwd: directory('rights') });
    expect(stdout).toBe(
      'ok rights !deploy\nok rights !deploy (by ops-ann)\nok rights yes (by ops-bob)\n3 passed, 0 failed\n',
    );
  });

  test('tells the same to a machine', async () => {
    const { stdout } = await runShared(['test', '--json', 'faulty.ts'], { cwd: directory('faulty') });
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines[0]).toEqual({
      type: 'test',
      of: 'faulty',
      name: '!twice hey',
      ok: true,
      skipped: false,
      expected: ['hey', '/^h.y$/'],
      heard: ['hey', 'hey'],
      problems: [],
    });
    expect(lines.at(-1)).toEqual({ type: 'summary', passed: 4, failed: 3, skipped: 0 });
  });

  test('says to everyone what calls a command that is not for private messages, and answers there', async () => {
    labFile(
      'public/vote.ts',
      `export const commands = { vote: { help: 'x', private: false, examples: { '!vote': 'For whom?', ann: 'public' },
        run: async (_, message) => {
          const answer = await message.ask('For whom?');
          await answer.reply(answer.private ? 'private' : 'public');
        } } };`,
    );
    const { status, stdout } = await runShared(['test', 'vote.ts'], { cwd: directory('public') });
    expect(stdout).toBe('ok vote !vote\nok vote ann\n2 passed, 0 failed\n');
    expect(status).toBe(0);
  });

  test('takes the options of the configuration, for each of its entries', async () => {
    labFile('configured/needy.ts', NEEDY);
    labFile(
      'configured/chatosbot.config.yaml',
      'bots:\n  - { path: ./needy.ts, options: { word: hi } }\n  - { path: ./needy.ts, login: other, options: { word: ho } }\n',
    );
    labFile(
      'configured/needy.test.mjs',
      "import { TestNetwork } from 'chatosbot/testing';\nawait (await TestNetwork.start()).stop();\n",
    );
    const { status, stdout } = await runShared(['test'], { cwd: directory('configured') });
    expect(stdout).toMatch(
      /^ok needy as needy !word\nok needy as other !word\nok needy\.test\.mjs\n3 passed, 0 failed\n$/,
    );
    expect(status).toBe(0);
  });

  test('says which options are missing, where they should stand', async () => {
    labFile('unconfigured/needy.ts', NEEDY);
    labFile('unconfigured/chatosbot.config.yaml', 'bots:\n  - path: ./needy.ts\n    options: { word: 7 }\n');
    const { status, stdout } = await runShared(['test'], { cwd: directory('unconfigured') });
    expect(stdout).toMatch(/^not ok needy starts\n {2}.*config\.yaml:3:22: bots\.0\.options\.word: a word is needed\n/);
    expect(status).toBe(1);
  });

  test('does not wait for ever for a command that hangs', async () => {
    const hanging = `export const commands = { hang: { help: 'x', examples: { '!hang': 'x', '!hang 2': 'x' }, run: () => new Promise(() => {}) } };`;
    labFile('hanging/hanging.ts', hanging);
    const { status, stdout } = await runShared(['test', 'hanging.ts'], { cwd: directory('hanging') });
    expect(stdout).toMatch(
      /^not ok hanging !hang\n.*\n.*\n {2}the bots did not settle within 5 s: hanging still running\nnot ok hanging !hang 2\n.*\n.*\n {2}not run: '!hang' before it is still running\n0 passed, 2 failed\n$/,
    );
    expect(status).toBe(1);
  });

  test('goes on with the others where a plugin does not load, and exits with 2', async () => {
    labFile('broken/a.ts', 'export const onMessage = ;\n');
    labFile('broken/faulty.ts', FAULTY);
    labFile('broken/lib/words.ts', 'export const words = [];\n');
    const { status, stdout, stderr } = await runShared(['test', '.'], { cwd: directory('broken') });
    expect(stdout).toMatch(/\n4 passed, 3 failed\n$/);
    expect(stderr).toMatch(/^chatosbot: a\.ts:1:\d+: /);
    expect(status).toBe(2);
  });
});

describe('test, of test files', () => {
  labFile('tests/answers.ts', "export const answer: string = '42';\n");
  labFile('tests/sum.test.ts', TESTS);

  test('runs TypeScript far from any install, and tells what failed and where', async () => {
    const { status, stdout, stderr } = await run(['test', 'sum.test.ts'], { cwd: directory('tests') });
    expect(stdout).toMatch(/^ok sum\.test\.ts arithmetic > is right$/m);
    expect(stdout).toMatch(/^not ok sum\.test\.ts arithmetic > is wrong\n( {2}.*\n)+ {2}at .*sum\.test\.ts:21:\d+\)$/m);
    expect(stdout).toMatch(/^ok sum\.test\.ts arithmetic > comes later # skipped$/m);
    expect(stdout).toMatch(/\n1 passed, 1 failed, 1 skipped\n$/);
    expect(stderr).toBe('on my way\n');
    expect(status).toBe(1);
  });

  test('runs those of a package too', async () => {
    labFile('project/node_modules/dep/answers.ts', "export const answer: string = '42';\n");
    labFile('project/node_modules/dep/sum.test.ts', TESTS);
    const { stdout } = await run(['test', 'node_modules/dep'], { cwd: directory('project') });
    expect(stdout).toMatch(/^ok node_modules\/dep\/sum\.test\.ts arithmetic > is right$/m);
    expect(stdout).toMatch(/\n1 passed, 1 failed, 1 skipped\n$/);
  });

  test('lets them import every part of chatosbot by name, in TypeScript and in JavaScript', async () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, string> };
    const parts = Object.keys(exports).filter((name) => !/json$|register$/.test(name));
    const imports = parts.map((name) => `import '${name.replace('.', 'chatosbot')}';\n`);
    for (const extension of ['ts', 'mjs']) labFile(`importing/all.test.${extension}`, imports.join(''));
    const { stdout } = await run(['test', 'all.test.ts', 'all.test.mjs'], { cwd: directory('importing') });
    expect({ parts: parts.length, stdout }).toEqual({
      parts: 7,
      stdout: 'ok all.test.mjs\nok all.test.ts\n2 passed, 0 failed\n',
    });
  });

  test('tells where test files break that cannot be loaded', async () => {
    const broken = [
      ['w.test.ts', "import './y.test.ts';\n", 'y.test.ts:1:19: Unexpected token'],
      ['x.test.ts', "import './none.ts';\n", "x.test.ts:1:8: Cannot find module './none.ts'"],
      ['y.test.ts', 'const a: number = ;\n', 'y.test.ts:1:19: Unexpected token'],
      ['z.test.ts', "\n  throw new Error('at its top');\n", 'z.test.ts:2:9: at its top'],
    ] as const;
    for (const [name, source] of broken) labFile(`unloadable/${name}`, source);
    const { status, stdout, stderr } = await run(['test', ...broken.map(([name]) => name)], {
      cwd: directory('unloadable'),
    });
    const lines = broken.map(([name, , problem]) => `not ok ${name}\n  ${problem}\n`);
    expect(stdout).toBe(`${lines.join('')}0 passed, 4 failed\n`);
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  });

  test('counts one in JavaScript that cannot be loaded as one that failed', async () => {
    labFile('unloadable/js/x.test.js', "import './none.js';\n");
    const { status, stdout } = await run(['test', 'js'], { cwd: directory('unloadable') });
    expect(stdout).toMatch(/^not ok js\/x\.test\.js\n[^]*\n0 passed, 1 failed\n$/);
    expect(status).toBe(1);
  });

  test('does not wait for a network that is left open, whether what left it fails or not', async () => {
    const imports = "import { test } from 'node:test';\nimport { TestNetwork } from 'chatosbot/testing';\n";
    const all = [
      ['script.test.ts', "await (await net.user('ann')).expects('hi', 10);"],
      ['failing.test.ts', "test('t', async () => (await net.user('ann')).expects('hi', 10));"],
      ['open.test.ts', "test('t', () => {});"],
    ] as const;
    for (const [name, source] of all)
      labFile(`open/${name}`, `${imports}const net = await TestNetwork.start();\n${source}\n`);
    const failing = await run(['test', 'script.test.ts', 'failing.test.ts'], { cwd: directory('open') });
    expect(failing.stdout).toMatch(/^not ok failing\.test\.ts[^]*^not ok script\.test\.ts[^]*\n0 passed, 2 failed\n$/m);
    expect(failing.status).toBe(1);
    const passing = await run(['test', 'open.test.ts'], { cwd: directory('open') });
    expect(passing).toMatchObject({ status: 0, stdout: expect.stringMatching(/^ok open\.test\.ts/) as string });
  });

  test('ends its processes when it is interrupted', async () => {
    labFile('endless/x.test.js', "console.log('begun', process.pid);\nsetInterval(() => {}, 1000);\n");
    const command = start(['test', 'x.test.js'], { cwd: directory('endless') });
    const [, pid] = await command.line(/begun (\d+)/);
    process.kill(command.pid, 'SIGTERM');
    expect((await command.exit()).status).toBe(143);
    await expect.poll(() => isAlive(Number(pid))).toBe(false);
  });
});

test.each([
  ['a path that is not there', ['nowhere'], /nowhere: no such file/],
  ['a path that is neither a file nor a folder', ['/dev/null'], /\/dev\/null: is neither a file nor a folder/],
  [
    'a directory with nothing to test',
    ['.'],
    /nothing to test in \.: no command has examples, and there is no \*\.test\.ts/,
  ],
  ['no configuration', [], /nothing to test/],
])('exits with 2 for %s', async (_, args, expected) => {
  const { status, stdout, stderr } = await runShared(['test', ...args]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(expected);
});

/** Whether a process runs; one that has ended may wait for ever for its parent to notice. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)![0] !== 'Z';
  } catch {
    return false;
  }
}

test('says which test awaits what can never come, and where, and what was cancelled for it', async () => {
  const file = labFile(
    'pending/hang.test.ts',
    "import { test } from 'node:test';\ntest('fine', () => {});\ntest('waits', () => new Promise(() => {}));\ntest('behind', () => {});\n",
  );
  const top = labFile('pending/top.test.ts', 'await new Promise(() => {});\n');
  const suite = labFile(
    'pending/suite.test.ts',
    "import { suite, test } from 'node:test';\nsuite('all', () => {\n  test('fine', () => {});\n  test('waits', () => new Promise(() => {}));\n});\n",
  );
  const { status, stdout } = await run(['test', file, suite, top]);
  expect(status).toBe(1);
  expect(stdout).toMatch(/not ok \S*suite\.test\.ts all > waits\n {2}it awaits .*\n {2}at .*suite\.test\.ts:4\n/);
  expect(stdout).toMatch(
    /not ok \S*hang\.test\.ts waits\n {2}it awaits something that can never come: .*\n {2}at .*hang\.test\.ts:3\n/,
  );
  expect(stdout).toMatch(/not ok \S*hang\.test\.ts behind\n {2}it was not run to its end: a test before it /);
  expect(stdout).toMatch(
    /not ok \S*top\.test\.ts\n {2}an await at the top of the file waits for something that can never come\n/,
  );
});
