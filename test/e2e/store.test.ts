import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { storeDirectory } from '../../src/bot/store/directory.ts';
import { PluginStore } from '../../src/bot/store/plugin-store.ts';
import { failure, LAB, labFile, run, shell, start, WORK } from './chatosbot.ts';
import { runShared } from './shared-process.ts';

const STATE = path.join(LAB, 'state');

/** Fills a store as a bot would, and closes it. */
async function fill(state: string, id: string, entries: Readonly<Record<string, unknown>>): Promise<void> {
  const opened = new PluginStore({ directory: storeDirectory(state, id) });
  for (const [key, value] of Object.entries(entries)) await opened.store.set(key, value);
  await opened.close();
}

beforeAll(async () => {
  await fill(STATE, 'dice@dice', { a: 1, b: [2] });
  await fill(STATE, 'echo@Ann', { a: 1 });
  await fill(STATE, 'echo@bob', {});
  await fill(STATE, 'echo@bob', { x: 'x'.repeat(2000) });
});

describe('store list', () => {
  test('shows the stores of the state directory with entries and size', async () => {
    const { status, stdout, stderr } = await runShared(['store', 'list', '--state', STATE]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe('dice@dice\t2 entries\t6 B\necho@Ann\t1 entry\t2 B\necho@bob\t1 entry\t2.0 KiB\n');
  });

  test('--json has a line for each', async () => {
    const { stdout } = await runShared(['store', 'list', '--json'], { env: { CHATOSBOT_STATE: STATE } });
    expect(JSON.parse(stdout.split('\n')[0]!)).toEqual({
      bot: 'dice@dice',
      directory: storeDirectory(STATE, 'dice@dice'),
      inUse: false,
      entries: 2,
      bytes: 6,
    });
  });

  test('finds the state where the configuration says, beside it, or in the working directory', async () => {
    const config = labFile('project/chatosbot.config.yaml', 'state: ./kept\n');
    await fill(path.join(LAB, 'project', 'kept'), 'configured@x', { a: 1 });
    expect((await runShared(['store', 'list', '--config', config])).stdout).toMatch(/^configured@x\t/);
    const bare = labFile('bare/chatosbot.config.yaml', 'login: x\n');
    await fill(path.join(LAB, 'bare', '.chatosbot'), 'beside@x', { a: 1 });
    expect((await runShared(['store', 'list', '--config', bare])).stdout).toMatch(/^beside@x\t/);
    const { status, stderr } = await runShared(['store', 'list']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: `no stores in ${path.join(WORK, '.chatosbot')}\n` });
    expect(existsSync(path.join(WORK, '.chatosbot'))).toBe(false);
  });

  test('tells that the state directory is none, in a line', async () => {
    const state = labFile('no-directory', '');
    expect(await failure(runShared(['store', 'list', '--state', state]))).toEqual({
      status: 69,
      last: expect.stringMatching(/^chatosbot: .*no-directory\/stores cannot be read: ENOTDIR/),
    });
  });

  test('shows which are in use, and tells which cannot be read', async () => {
    const state = path.join(LAB, 'state-in-use');
    await fill(state, 'busy@x', { a: 1 });
    await fill(state, 'idle@x', { a: 1 });
    const busy = new PluginStore({ directory: storeDirectory(state, 'busy@x') });
    await busy.usage();
    try {
      expect((await runShared(['store', 'list', '--state', state])).stdout).toBe(
        'busy@x\tin use\nidle@x\t1 entry\t2 B\n',
      );
      const directory = storeDirectory(state, 'busy@x');
      const message = `chatosbot: the store in ${directory} is in use by another chatosbot: stop it, or use another --state`;
      expect(await failure(runShared(['store', 'export', 'busy', '--state', state]))).toEqual({
        status: 69,
        last: message,
      });
      const deleting = await failure(runShared(['store', 'delete', 'busy', '--state', state]));
      expect(deleting).toMatchObject({
        status: 69,
        last: expect.stringContaining('is in use by another chatosbot') as string,
      });
      expect(await busy.store.get('a')).toBe(1);
    } finally {
      await busy.close();
    }
    mkdirSync(path.join(storeDirectory(state, 'broken@x'), 'CURRENT'), { recursive: true });
    const { status, stdout, stderr } = await runShared(['store', 'list', '--state', state]);
    expect(stdout).toBe('busy@x\t1 entry\t2 B\nidle@x\t1 entry\t2 B\n');
    expect(stderr).toMatch(/^chatosbot: the store in \S+broken@x cannot be opened: [^\n]+\n$/m);
    expect(status).toBe(69);
  });
});

describe('store export and import', () => {
  test('take a store to another machine', async () => {
    const other = path.join(LAB, 'other-machine');
    const script = `chatosbot store export dice | chatosbot store import dice --state "${other}"`;
    const { status, stderr } = await shell(script, { env: { CHATOSBOT_STATE: STATE } }).exit();
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'dice@dice: 2 entries imported\n' });
    const { stdout } = await runShared(['store', 'export', 'dice@dice', '--state', other]);
    expect(stdout).toBe('{"key":"a","value":1}\n{"key":"b","value":[2]}\n');
  });

  test('--replace keeps what is there where nothing comes', async () => {
    const state = path.join(LAB, 'not-emptied');
    await fill(state, 'dice@dice', { a: 1 });
    const args = ['store', 'import', 'dice', '--state', state];
    expect(await failure(run([...args, '--replace'], { input: '\n' }))).toEqual({
      status: 2,
      last: 'chatosbot: no entries came, so nothing is replaced; to empty the store use: chatosbot store delete',
    });
    expect((await runShared(['store', 'export', 'dice', '--state', state])).stdout).toBe('{"key":"a","value":1}\n');
    expect((await run(args, { input: '' })).status).toBe(0);
  });

  test('--replace puts an import in the place of what was there', async () => {
    const state = path.join(LAB, 'replaced');
    await fill(state, 'dice@dice', { old: 1 });
    const args = ['store', 'import', 'dice', '--state', state];
    await run([...args], { input: '{"key":"new","value":1}\n' });
    const both = await runShared(['store', 'export', 'dice', '--state', state]);
    expect(both.stdout).toBe('{"key":"new","value":1}\n{"key":"old","value":1}\n');
    await run([...args, '--replace'], { input: '{"key":"newest","value":1}' });
    const one = await runShared(['store', 'export', 'dice', '--state', state]);
    expect(one.stdout).toBe('{"key":"newest","value":1}\n');
  });

  test('an import with a wrong line says which, and makes nothing', async () => {
    const state = path.join(LAB, 'untouched');
    const command = start(['store', 'import', 'dice', '--state', state], { input: '{"key":"a","value":1}\nrubbish\n' });
    const { status, last } = await failure(command);
    expect(last).toMatch(/^chatosbot: line 2: not JSON: /);
    expect(status).toBe(2);
    expect(existsSync(state)).toBe(false);
  });
});

describe('store repair', () => {
  test('saves what can be read of a damaged store, and keeps its files as they were', async () => {
    const state = path.join(LAB, 'damaged');
    await fill(state, 'dice@dice', { a: 1, b: 2 });
    await fill(state, 'echo@echo', { a: 1 });
    const directory = storeDirectory(state, 'dice@dice');
    rmSync(path.join(directory, 'CURRENT'));
    const list = await runShared(['store', 'list', '--state', state]);
    expect(list.stdout).toBe('echo@echo\t1 entry\t2 B\n');
    expect(list.status).toBe(65);
    const [, command] = /: stop its bot, and run: (chatosbot store repair dice@dice --state \S+)\n/.exec(list.stderr)!;

    const { status, stdout, stderr } = await shell(command!).exit();
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    const [first, second] = stderr.split('\n');
    expect(first).toBe('dice@dice: repaired (2 entries, 4 B; 0 could not be read); some may have an earlier value');
    const [, kept] = /^dice@dice: the files as they were before are in (.*)$/.exec(second!)!;
    expect(path.dirname(kept!)).toBe(path.join(state, 'damaged-stores'));
    expect(readdirSync(kept!)).not.toContain('CURRENT');
    expect((await runShared(['store', 'export', 'dice', '--state', state])).stdout).toBe(
      '{"key":"a","value":1}\n{"key":"b","value":2}\n',
    );

    const again = await runShared(['store', 'repair', 'dice', '--json', '--state', state]);
    const report = { bot: 'dice@dice', directory, repaired: false, entries: 2, bytes: 4, lostEntries: 0 };
    expect(JSON.parse(again.stdout)).toEqual(report);
    expect((await runShared(['store', 'repair', 'dice', '--state', state])).stderr).toBe(
      'dice@dice: not damaged (2 entries, 4 B)\n',
    );
    expect(readdirSync(path.join(state, 'damaged-stores'))).toEqual([path.basename(kept!)]);
  });

  test('reports with --json what was done', async () => {
    const state = path.join(LAB, 'damaged-json');
    await fill(state, 'dice@dice', { a: 1 });
    const directory = storeDirectory(state, 'dice@dice');
    rmSync(path.join(directory, 'CURRENT'));
    const { stdout } = await runShared(['store', 'repair', 'dice', '--json', '--state', state]);
    expect(JSON.parse(stdout)).toEqual({
      bot: 'dice@dice',
      directory,
      repaired: true,
      entries: 1,
      bytes: 2,
      lostEntries: 0,
      keptIn: expect.stringContaining(path.join(state, 'damaged-stores', 'dice@dice-')) as string,
    });
  });

  test('refuses a store that is in use', async () => {
    const state = path.join(LAB, 'repair-in-use');
    const busy = new PluginStore({ directory: storeDirectory(state, 'busy@x') });
    await busy.store.set('a', 1);
    try {
      expect(await failure(runShared(['store', 'repair', 'busy', '--state', state]))).toEqual({
        status: 69,
        last: expect.stringMatching(/^chatosbot: the store in \S+ is in use by another chatosbot: /) as string,
      });
    } finally {
      await busy.close();
    }
  });
});

describe('a bot that is named', () => {
  test.each([
    ['tails', /^chatosbot: tails has no store in \S+: there are dice@dice, echo@Ann, echo@bob$/],
    ['echo', /^chatosbot: several stores are of echo: say which of echo@Ann, echo@bob$/],
  ])('must be one of those that have a store: %s', async (bot, message) => {
    const { status, last } = await failure(runShared(['store', 'export', bot, '--state', STATE]));
    expect(last).toMatch(message);
    expect(status).toBe(2);
  });

  test('loses its store with delete', async () => {
    const state = path.join(LAB, 'deleted');
    await fill(state, 'dice@Dice', { a: 1 });
    const { status, stderr } = await runShared(['store', 'delete', 'dice', '--state', state]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'dice@Dice: deleted\n' });
    expect(existsSync(storeDirectory(state, 'dice@Dice'))).toBe(false);
  });
});

test('store without a subcommand shows its help, with status 2', async () => {
  const { status, stderr } = await runShared(['store']);
  expect(stderr).toMatch(/^Usage: chatosbot store /m);
  expect(status).toBe(2);
});

test.each(['list', 'export', 'import', 'repair', 'delete'])('store %s --help shows an example', async (name) => {
  const { stdout } = await runShared(['store', name, '--help']);
  expect(stdout).toMatch(new RegExp(`^  \\$ chatosbot store ${name}\\b`, 'm'));
});

test.each(['import', 'export', 'repair', 'delete'])('store %s wants the name of a bot', async (name) => {
  const ended = await failure(runShared(['store', name, '', '--state', path.join(LAB, 'nameless')]));
  expect(ended).toEqual({ status: 2, last: 'chatosbot: name the bot whose store is meant' });
  expect(existsSync(path.join(LAB, 'nameless'))).toBe(false);
});
