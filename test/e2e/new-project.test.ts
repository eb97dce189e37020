import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { describe, expect, test } from 'vitest';
import { TEMPLATES } from '../../src/cli/creating/templates.ts';
import { failure, LAB, labFile, run, startProgram } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { HAS_TERMINAL, KEY, onTerminal } from './terminal.ts';

const PACKAGES = path.resolve('node_modules');
const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };

/** Does what `npm install` does, without a network: the copy of chatosbot is unpacked, the rest is linked to ours. */
function install(project: string): void {
  const packages = path.join(project, 'node_modules');
  mkdirSync(path.join(packages, 'chatosbot'), { recursive: true });
  mkdirSync(path.join(packages, '@types'));
  mkdirSync(path.join(packages, '.bin'));
  const [archive = ''] = readdirSync(path.join(project, 'vendor'));
  const args = ['-xzf', path.join('vendor', archive), '-C', 'node_modules/chatosbot', '--strip-components=1'];
  expect(spawnSync('tar', args, { cwd: project }).status).toBe(0);
  for (const name of [...Object.keys(dependencies), 'typescript', '@types/node']) {
    if (name.includes('/')) mkdirSync(path.join(packages, path.dirname(name)), { recursive: true });
    symlinkSync(path.join(PACKAGES, name), path.join(packages, name));
  }
  symlinkSync('../chatosbot/dist/cli/chatosbot.cjs', path.join(packages, '.bin/chatosbot'));
  symlinkSync('../typescript/bin/tsc', path.join(packages, '.bin/tsc'));
}

/** npm packs chatosbot, and runs. */
const PATIENT = { timeout: 180_000 };
const PATH = { PATH: `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}` };

test(
  'new --project makes a folder in which tests, types and the start are right at the first attempt',
  PATIENT,
  async () => {
    const { status, stdout, stderr } = await run(['new', '--project', 'lunch'], { cwd: LAB, env: PATH });
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: '',
      stderr: 'created lunch, a repository of git; next:\n  cd lunch\n  npm install\n  npm test\n  npm start\n',
    });
    const project = path.join(LAB, 'lunch');
    expect(readdirSync(project).toSorted()).toEqual([
      '.git',
      '.gitignore',
      'README.md',
      'bots',
      'chatosbot.config.yaml',
      'deploy',
      'package.json',
      'tsconfig.json',
      'vendor',
    ]);
    install(project);
    // Each template under the settings of the project.
    for (const template of Object.keys(TEMPLATES)) {
      expect((await runShared(['new', template, '--directory', 'bots'], { cwd: project })).status).toBe(0);
    }
    const npm = (args: readonly string[], env = {}) =>
      startProgram('npm', args, { cwd: project, env: { ...PATH, ...env } });
    const checked = await npm(['run', 'check']).exit(60_000);
    expect(checked).toMatchObject({ status: 0, stderr: expect.stringContaining('1 bot can run') as string });
    const tested = await npm(['test']).exit(60_000);
    expect(tested.stdout).toMatch(/ok lunch !count[^]*ok bots\/lunch\.test\.ts [^]* passed, 0 failed/);
    expect(tested.status).toBe(0);
    const running = npm(['start'], { CHATOSBOT_LISTEN: '127.0.0.1:0' });
    await running.line(/^lunch: logged in as lunch on tcp:/);
    running.kill('SIGTERM');
    expect((await running.exit()).stderr).toContain('stopped');

    // What editors and operators are given fits the project.
    const config = readFileSync(path.join(project, 'chatosbot.config.yaml'), 'utf8');
    const [, schema] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(config)!;
    expect(existsSync(path.join(project, schema!))).toBe(true);
    for (const [named] of readFileSync(path.join(project, 'README.md'), 'utf8').matchAll(
      /node_modules\/chatosbot\/\S+\.md/g,
    )) {
      expect(existsSync(path.join(project, named))).toBe(true);
    }
    const unit = readFileSync(path.join(project, 'deploy/chatosbot-lunch.service'), 'utf8');
    expect(unit).toContain('WorkingDirectory=/opt/lunch\nExecStart=/opt/lunch/node_modules/.bin/chatosbot run ');
    expect(unit).toContain('CHATOSBOT_STATE=/var/lib/chatosbot-lunch\nStateDirectory=chatosbot-lunch\n');
    const ignored = spawnSync('git', ['status', '--short'], { cwd: project, encoding: 'utf8' }).stdout;
    expect(ignored).not.toMatch(/node_modules|\.chatosbot/);
  },
);

/** A `PATH` where packing takes no time: the first test has a copy that npm has packed. */
function quickPath(): { PATH: string } {
  const npm = labFile(
    'quick/npm',
    '#!/bin/sh\nwhile [ "$1" != --pack-destination ]; do shift; done\n>"$2/x.tgz"\necho x.tgz\n',
  );
  chmodSync(npm, 0o755);
  return { PATH: `${path.dirname(npm)}:${PATH.PATH}` };
}

describe('new --project', () => {
  test('makes no repository in one, nor where none is wanted', async () => {
    const env = quickPath();
    for (const [folder, flags] of [
      ['repo', []],
      ['repo/inner', []],
      ['plain', ['--no-git']],
    ] as const) {
      const { status } = await runShared(['new', 'echo', '--project', folder, ...flags], { cwd: LAB, env });
      expect(status).toBe(0);
    }
    const repositories = ['repo', 'repo/inner', 'plain'].map((folder) => existsSync(path.join(LAB, folder, '.git')));
    expect(repositories).toEqual([true, false, false]);
  });

  test('fills a folder that is empty, and the one in which it is', async () => {
    const cwd = path.join(LAB, 'empty');
    mkdirSync(path.join(cwd, '.git'), { recursive: true });
    const { status, stderr } = await runShared(['new', 'echo', 'parrot', '--project', '.'], { cwd, env: quickPath() });
    expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringContaining('created .') as string });
    expect(readdirSync(path.join(cwd, 'bots')).toSorted()).toEqual(['parrot.test.ts', 'parrot.ts']);
    expect(readdirSync(cwd).filter((name) => name.startsWith('.new-'))).toEqual([]);
    expect(JSON.parse(readFileSync(path.join(cwd, 'package.json'), 'utf8'))).toMatchObject({ name: 'empty' });
  });

  test('overwrites nothing', async () => {
    const file = labFile('full/notes.txt', 'mine');
    const ended = await failure(runShared(['new', '--project', path.dirname(file)], { env: PATH }));
    expect(ended).toEqual({
      status: 2,
      last: expect.stringMatching(/^chatosbot: .*full is not empty: it has notes\.txt$/),
    });
    expect(readdirSync(path.dirname(file))).toEqual(['notes.txt']);
    const other = await failure(runShared(['new', '--project', labFile('taken', '')], { env: PATH }));
    expect(other).toEqual({ status: 2, last: expect.stringMatching(/cannot create .*taken: /) });
  });

  test('leaves nothing where npm cannot pack', async () => {
    const folder = path.join(LAB, 'unpacked');
    const ended = await failure(runShared(['new', '--project', folder], { env: { PATH: '/nowhere' } }));
    expect(ended).toEqual({
      status: 2,
      last: 'chatosbot: npm cannot pack chatosbot for the project: there is no npm',
    });
    expect(existsSync(folder)).toBe(false);
  });

  test.each([
    [['--project', 'My Bot'], "'My Bot': a project's name has lower-case letters"],
    [['--project', 'x', '--force'], "option '--project <folder>' cannot be used with option '--force'"],
    [['--project', 'x', '--directory', 'y'], "cannot be used with option '--directory <directory>'"],
    [['echo', '--no-git'], '--no-git is for --project'],
    [['echo', '../x', '--project', 'x'], 'a name has letters'],
  ])('exits with 2 for %j', async (args, why) => {
    const { status, stderr } = await runShared(['new', ...args], { cwd: LAB });
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(why) as string });
    expect(existsSync(path.join(LAB, 'x'))).toBe(false);
  });
});

describe.skipIf(!HAS_TERMINAL)('new, on a terminal', () => {
  async function asked(folder: string) {
    const cwd = path.join(LAB, folder);
    mkdirSync(cwd);
    const screen = onTerminal('chatosbot new; echo "status $?"', { cwd });
    await screen.shows('which kind of bot?\r\n  1  echo ');
    await screen.shows('number or name [command]: ');
    return { screen, cwd };
  }

  test('asks for the template and the name', async () => {
    const { screen, cwd } = await asked('answers');
    screen.type(`anounce${KEY.enter}`);
    await screen.shows('did you mean announce?');
    screen.type(`3${KEY.enter}`);
    await screen.shows('its name [announce]: ');
    screen.type(`../no${KEY.enter}`);
    await screen.shows('a name has letters, digits, - and _');
    screen.type(`herald${KEY.enter}`);
    await screen.shows('status 0');
    expect(readdirSync(cwd).toSorted()).toEqual(['herald.test.ts', 'herald.ts']);
  });

  test('takes the defaults', async () => {
    const { screen, cwd } = await asked('defaults');
    screen.type(KEY.enter);
    await screen.shows('its name [command]: ');
    screen.type(KEY.enter);
    await screen.shows('status 0');
    expect(readdirSync(cwd).toSorted()).toEqual(['command.test.ts', 'command.ts']);
  });

  test.each([
    ['Ctrl-C', KEY.ctrlC],
    ['Ctrl-D', KEY.ctrlD],
  ])('leaves nothing on %s', async (name, key) => {
    const { screen, cwd } = await asked(`left-by-${name}`);
    screen.type(`1${KEY.enter}`);
    await screen.shows('its name [echo]: ');
    screen.type(key);
    await screen.shows('status 130');
    expect(readdirSync(cwd)).toEqual([]);
  });
});
