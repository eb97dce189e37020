import { symlinkSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { LAB, labFile } from './chatosbot.ts';
import { runShared } from './shared-process.ts';

/** Runs a configuration that is wrong; what it says about it, without the folder. */
async function complaint(name: string, content: string): Promise<string> {
  labFile(`work/${name}`, content);
  const ended = await runShared(['run', '--config', name]);
  expect(ended).toMatchObject({ status: 2, stdout: '' });
  expect(ended.stderr).not.toMatch(/^ +at /m);
  return ended.stderr;
}

describe('run, with a configuration that is wrong, exits with 2 and', () => {
  test.each([
    ['an unknown key', 'bots: []\nbotz: []\n', /bad\.yaml:2:1: .*unknown key 'botz'; did you mean 'bots'\?/],
    ['a wrong type', 'server: embedded\nbots: echo.ts\n', /bad\.yaml:2:7: bots: expected a list, found "echo\.ts"/],
    [
      'a wrong type deep inside',
      'policy:\n  allow:\n    - 7\n',
      /bad\.yaml:3:7: policy\.allow\.0: expected a text, found 7/,
    ],
    [
      'a bad choice',
      'policy: { default: maybe }\n',
      /bad\.yaml:1:20: policy\.default: expected one of accept, refuse, ask/,
    ],
    [
      'a bad cron expression',
      'announcements:\n  - { text: x, cron: "61 * * * *" }\n',
      /bad\.yaml:2:22: announcements\.0\.cron: '61 \* \* \* \*' is not a cron expression/,
    ],
    [
      'a bad time zone',
      'announcements:\n  - cron: "* * * * *"\n    timeZone: Mars/Olympus\n    text: x\n',
      /bad\.yaml:3:15: announcements\.0\.timeZone: 'Mars\/Olympus' is not a time zone/,
    ],
    [
      'a key that is missing',
      'announcements:\n  - cron: "* * * * *"\n',
      /bad\.yaml:2:5: announcements\.0: 'text' is missing/,
    ],
    ['a bad address', 'server: "here:there"\n', /bad\.yaml:1:9: server: 'here:there' is not an address/],
    [
      'a bad login',
      `bots: [{ path: x.ts, login: "${'x'.repeat(31)}" }]\n`,
      /bad\.yaml:1:29: bots\.0\.login: .*not a login/,
    ],
    ['broken YAML', 'bots:\n  - "echo.ts\npolicy: {}\n', /bad\.yaml:\d+:\d+: /],
    ['a key that is there twice', 'server: embedded\nserver: embedded\n', /bad\.yaml:2:1: this key is there twice/],
  ])('names file, line and column of %s', async (_, content, expected) => {
    expect(await complaint('bad.yaml', content)).toMatch(expected);
  });

  test('names all that is wrong at once, in the order of the file', async () => {
    const said = await complaint('many.yaml', 'bots: 1\npolicy: 2\nserve: 3\nnonsense: 4\n');
    expect([...said.matchAll(/many\.yaml:(\d):/g)].map(([, line]) => line)).toEqual(['1', '2', '3', '4']);
  });

  test('names file, line and column in JSON, too', async () => {
    expect(await complaint('bad.json', '{\n  "bots": [],\n  "polizy": {}\n}\n')).toMatch(/bad\.json:3:3: .*'polizy'/);
  });

  test('names the file of a configuration in TypeScript', async () => {
    expect(await complaint('bad.ts', 'export default { bots: "echo.ts" };\n')).toMatch(
      /bad\.ts: bots: expected a list/,
    );
  });

  test('says that the file is not there', async () => {
    const ended = await runShared(['run', '--config', 'nowhere.yaml']);
    expect(ended).toMatchObject({ status: 2, stderr: 'chatosbot: nowhere.yaml: no such file\n' });
  });
});

describe('run, with a plugin that is wrong, exits with 2 and', () => {
  beforeAll(() => void labFile('bots/note.txt', ''));

  test.each([
    ['does not compile', 'export const onMessage = () => {\n  let x: = 3;\n};\n', /bots\/wrong\.ts:? ?.*\b2:\d+/s],
    [
      'throws while it is loaded',
      'interface Unused {\n  a: string;\n}\n\nconst table: Record<string, () => void> = {};\ntable.missing();\nexport const onStart = 1;\n',
      /bots\/wrong\.ts:6:7: table\.missing is not a function\n$/,
    ],
    [
      'imports what is not there',
      "import './nothing.ts';\nexport const onStart = () => {};\n",
      /wrong\.ts:1:8: Cannot find module '\.\/nothing\.ts'\n$/,
    ],
    ['exports no hook', 'export const hello = 1;\n', /wrong\.ts: exports no hook; expected one or more of onStart, /],
    ['misspells a hook', 'export const onMesage = () => {};\n', /wrong\.ts: unknown hook onMesage/],
    [
      'exports a hook that cannot be called',
      'export const onMessage = 5;\n',
      /wrong\.ts: onMessage is neither a function nor a list/,
    ],
  ])('tells where the plugin %s', async (_, content, expected) => {
    labFile('bots/wrong.ts', content);
    const ended = await runShared(['run', '../bots/wrong.ts', '--listen', '127.0.0.1:0']);
    expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(expected) });
    expect(ended.stderr).not.toMatch(/^ +at /m);
    expect(ended.stderr).not.toContain('listening on');
  });

  test.each([
    ['../bots/absent.ts', 'no such file'],
    ['../bots', 'is a directory'],
  ])('tells that %s cannot be loaded', async (file, why) => {
    const ended = await runShared(['run', file, '--listen', '127.0.0.1:0']);
    expect(ended).toMatchObject({
      status: 2,
      stderr: `chatosbot: ${file}: ${why}`.concat(ended.stderr.slice(`chatosbot: ${file}: ${why}`.length)),
    });
  });
});

test.each([
  ['a plugin', ['check', '../circle.js']],
  ['a configuration', ['check', '--config', '../circle.js']],
])('a link that leads to itself, as %s, is no such file: 2', async (_, args) => {
  symlinkSync('circle.js', path.join(LAB, 'circle.js'));
  const ended = await runShared(args);
  unlinkSync(path.join(LAB, 'circle.js'));
  expect(ended).toMatchObject({ status: 2, stderr: 'chatosbot: ../circle.js: no such file\n' });
});

describe('run, asked for what makes no sense, exits with 2 and', () => {
  test('says that there is nothing to run, and why', async () => {
    expect(await runShared(['run'])).toMatchObject({
      status: 2,
      stderr: 'chatosbot: nothing to run: no plugin was named, and there is no chatosbot.config.yaml\n',
    });
    labFile('work/empty.yaml', 'server: embedded\n');
    const ended = await runShared(['run', '--config', 'empty.yaml']);
    expect(ended).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/nothing to run: .*empty\.yaml has no bots\n$/),
    });
  });

  test('says that a server of its own and another one exclude each other', async () => {
    for (const flag of [['--embedded'], ['--listen', '127.0.0.1:0']]) {
      const ended = await runShared(['run', 'x.ts', '--server', '127.0.0.1:1', ...flag]);
      expect(ended).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/cannot be used with|exclude each other/),
      });
    }
  });

  test('says that a login is too long', async () => {
    const ended = await runShared(['run', 'x.ts', '--login', 'x'.repeat(31)]);
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining('it cannot be a login') });
  });
});

test.each([
  ['run', 'echo.ts'],
  ['repl', 'echo.ts'],
  ['store', 'list'],
])('%s with an empty --state exits with 2, and does not keep stores in the working directory', async (...args) => {
  const ended = await runShared([...args, '--state', '']);
  expect(ended).toMatchObject({ status: 2, stdout: '' });
  expect(ended.stderr).toContain("option '--state <directory>' argument '' is invalid. name a folder");
});
