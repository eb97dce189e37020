import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { TEMPLATES } from '../../src/cli/creating/templates.ts';
import { failure, LAB, labFile, start, startProgram } from './chatosbot.ts';
import { runShared } from './shared-process.ts';

const shelf = new URL('../../bots/templates/', import.meta.url);

test('new makes a bot and a test of each template, which passes under another name', async () => {
  const directory = path.join(LAB, 'made');
  for (const template of Object.keys(TEMPLATES)) {
    const name = `my-${template}`;
    const { status, stdout, stderr } = await runShared(['new', template, name, '--directory', directory], { cwd: LAB });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    const [bot, its] = [`made/${name}.ts`, `made/${name}.test.ts`];
    expect(stderr).toBe(
      `created ${bot} and ${its}; next:\n  npx chatosbot test ${bot} ${its}\n  npx chatosbot run ${bot}\n`,
    );
  }
  // Five processes, one after the other on a slow machine.
  const { status, stdout } = await start(['test', 'made'], { cwd: LAB }).exit(45_000);
  expect(stdout).not.toMatch(/^not ok/m);
  expect(new Set(stdout.match(/my-\w+/g))).toEqual(new Set(Object.keys(TEMPLATES).map((name) => `my-${name}`)));
  expect(status).toBe(0);
}, 60_000);

test('new knows all templates that there are, and each file of them', () => {
  const files = Object.keys(TEMPLATES).flatMap((name) => [`${name}.test.ts`, `${name}.ts`]);
  expect(readdirSync(shelf).toSorted()).toEqual(files.toSorted());
});

test('new names the bot as its template where no name is given', async () => {
  const directory = path.join(LAB, 'unnamed');
  expect((await runShared(['new', 'echo', '--directory', directory])).status).toBe(0);
  expect(readdirSync(directory).toSorted()).toEqual(['echo.test.ts', 'echo.ts']);
});

test('new overwrites nothing, unless it is told to', async () => {
  const file = labFile('kept/echo.test.ts', 'mine');
  const directory = path.dirname(file);
  const { status, stderr } = await runShared(['new', 'echo'], { cwd: directory });
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: 'chatosbot: echo.test.ts already exists; --force overwrites\n',
  });
  expect(readdirSync(directory)).toEqual(['echo.test.ts']);
  expect(readFileSync(file, 'utf8')).toBe('mine');

  expect((await runShared(['new', 'echo', '--force'], { cwd: directory })).status).toBe(0);
  expect(readFileSync(file, 'utf8')).toMatch(/TestNetwork/);
});

test('new names files so that what it says to type can be typed', async () => {
  const { stderr } = await runShared(['new', 'echo', '--directory', "it's here"], { cwd: LAB });
  const [first, , last] = stderr.trimEnd().split('\n');
  expect(first).toBe("created it's here/echo.ts and it's here/echo.test.ts; next:");
  const typed = last!.trim().replace('npx chatosbot run', 'cat --');
  expect((await startProgram('bash', ['-c', typed], { cwd: LAB }).exit()).stdout).toMatch(/defineBot/);
});

test('new leaves nothing behind, and what was there, where one of the files cannot be created', async () => {
  const file = labFile('half/echo.ts', 'mine');
  const directory = path.dirname(file);
  mkdirSync(path.join(directory, 'echo.test.ts'));
  const ended = await failure(runShared(['new', 'echo', '--force', '--directory', directory]));
  expect(ended).toEqual({
    status: 2,
    last: expect.stringMatching(/cannot create .*echo\.test\.ts: it is a directory$/),
  });
  expect(readFileSync(file, 'utf8')).toBe('mine');
  expect(readdirSync(directory).toSorted()).toEqual(['echo.test.ts', 'echo.ts']);
});

test.each([
  ['a template that is not there', ['bridge'], /Allowed choices are echo, command, announce, pipe, files/],
  ['no template', [], /name a template: echo, command, announce, pipe, files/],
  ['a name that leads elsewhere', ['echo', '../x'], /a name has letters, digits, - and _/],
  ['a name that cannot be a login', ['echo', 'x'.repeat(31)], /it is also the bot's login: /],
])('new exits with 2 for %s', async (_, args, expected) => {
  const { status, stderr } = await runShared(['new', ...args]);
  expect(status).toBe(2);
  expect(stderr).toMatch(expected);
});

test('new says why it cannot create a file', async () => {
  const file = labFile('blocked', '');
  const { status, stderr } = await runShared(['new', 'echo', '--directory', file]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^chatosbot: cannot create .*echo\.ts: /);
});
