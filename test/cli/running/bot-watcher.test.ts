import { access, mkdir, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BotLoader, type BotToRun } from '../../../src/cli/running/bot-entries.ts';
import { planBots } from '../../../src/cli/running/bot-plans.ts';
import { BotWatcher } from '../../../src/cli/running/bot-watcher.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { tempDirectory, writeText } from '../../support/bot-files.ts';
import { MemoryLog } from '../../support/bot-log.ts';

interface Watching {
  readonly directory: string;
  readonly log: MemoryLog;
  readonly watcher: BotWatcher;
  /** What the next newer version of a bot that is put in place answers: its index, and what its `onStart` returns. */
  readonly reloaded: () => Promise<[index: number, value: unknown]>;
  readonly write: (name: string, text: string) => Promise<unknown>;
}

/**
 * Puts a file in the place of another, whole, as many editors do. One that is written where it is is empty for a moment: that
 * is a version of its own where the machine is busy and the next look comes in that moment, too.
 */
async function putText(directory: string, name: string, text: string): Promise<void> {
  await rename(await writeText(directory, `${name}.new`, text), path.join(directory, name));
}

const bot = (value: number | string, head = ''): string => `${head}\nexport const onStart = () => ${value};`;

/** Watches the bots of a configuration; `files` are there when it begins. */
async function startWatching(
  files: Record<string, string>,
  names = ['bot.ts'],
  settings: { change?: (directory: string) => Promise<void>; replace?: () => Promise<void> } = {},
): Promise<Watching> {
  const directory = await tempDirectory();
  for (const [name, text] of Object.entries(files)) await writeText(directory, name, text);
  const configFile = await writeText(directory, 'c.yaml', `bots: ${JSON.stringify(names)}\n`);
  // What was written just now counts as there before.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const loadedAt = Date.now();
  const loaded = await loadConfig({ file: configFile });
  const bots = planBots([], loaded);
  const loader = new BotLoader(loaded);
  await loader.loadAll(bots);
  await settings.change?.(directory);
  const log = new MemoryLog();
  const done: [number, BotToRun][] = [];
  let tell = (): void => undefined;
  const replace = async (index: number, loadedBot: BotToRun): Promise<void> => {
    await settings.replace?.();
    done.push([index, loadedBot]);
    tell();
  };
  const watcher = new BotWatcher({
    bots,
    loader,
    loadedAt,
    configFile,
    log,
    replace,
    onReload: () => undefined,
    lookMs: 20,
  });
  onTestFinished(() => watcher.close());
  watcher.start();
  return {
    directory,
    log,
    watcher,
    write: (name, text) => putText(directory, name, text),
    reloaded: async () => {
      while (done.length === 0) await new Promise<void>((resolve) => (tell = resolve));
      const [index, { plugin }] = done.shift()!;
      return [index, plugin.hooks.onStart!(undefined as never)];
    },
  };
}

describe('a bot whose files change', () => {
  test('is put in place anew each time', async () => {
    const { directory, reloaded } = await startWatching({ 'bot.ts': bot(1) });
    for (let value = 2; value <= 5; value += 1) {
      await writeText(directory, 'bot.ts', bot(value));
      expect(await reloaded()).toEqual([0, value]);
    }
  });

  test.each([
    ['lib.ts', 'export const value: number = 1;'],
    ['lib.js', 'export const value = 1;'],
    ['lib.mjs', 'export const value = 1;'],
    ['lib.cjs', 'exports.value = 1;'],
    ['lib.json', '{ "value": 1 }'],
  ])('is put in place anew when %s changes, which it imports through another', async (name, text) => {
    const files = {
      'bot.ts': bot('all.value', "import * as all from './deep/middle.ts';"),
      'deep/middle.ts': `import * as lib from '../${name}';\nexport const value = lib.value;`,
      [name]: text,
    };
    const { write, reloaded } = await startWatching(files);
    await write(name, text.replace('1', '2'));
    expect(await reloaded()).toEqual([0, 2]);
  });

  test('is seen where an editor puts a new file in the place of the old one', async () => {
    const { reloaded, directory } = await startWatching({ 'bot.ts': bot(1) });
    for (let value = 2; value <= 4; value += 1) {
      await putText(directory, 'bot.ts', bot(value));
      expect(await reloaded()).toEqual([0, value]);
    }
    // Others put the old one out of the way first.
    await rename(path.join(directory, 'bot.ts'), path.join(directory, 'bot.ts~'));
    await writeText(directory, 'bot.ts', bot(5));
    expect(await reloaded()).toEqual([0, 5]);
  });

  test('is put in place as it is now, while an older version still waits for something as it loads', async () => {
    const { write, reloaded, log } = await startWatching({ 'bot.ts': bot(1) });
    const began = new Promise<void>((resolve) => Object.assign(globalThis, { hasBegun: resolve }));
    onTestFinished(() => void Reflect.deleteProperty(globalThis, 'hasBegun'));
    // It hangs in a file that the version before has not imported.
    await write('hanging.ts', '(globalThis as any).hasBegun();\nawait new Promise(() => {});\nexport const v = 2;');
    await write('bot.ts', bot('v', "import { v } from './hanging.ts';"));
    await began;
    await write('hanging.ts', 'export const v = 3;');
    expect(await reloaded()).toEqual([0, 3]);
    expect(log.lines).toEqual([]);
  });

  test('is kept while a file is gone, which is told, and comes back with it', async () => {
    const { write, reloaded, directory, log } = await startWatching({
      'bot.ts': bot('v', "import { v } from './lib.ts';"),
      'lib.ts': 'export const v = 1;',
    });
    await unlink(path.join(directory, 'bot.ts'));
    await log.until(/bot\.ts: no such file; the old version keeps running/);
    await write('bot.ts', bot('v + 1', "import { v } from './lib.ts';"));
    expect(await reloaded()).toEqual([0, 2]);
    await unlink(path.join(directory, 'lib.ts'));
    await log.until(/bot\.ts:1:19: Cannot find module '\.\/lib\.ts'; the old version keeps running/);
    await write('lib.ts', 'export const v = 2;');
    expect(await reloaded()).toEqual([0, 3]);
  });

  test('comes back with a folder that was gone', async () => {
    const { write, reloaded, directory, log } = await startWatching({
      'bot.ts': bot('v', "import { v } from './deep/er/lib.ts';"),
      'deep/er/lib.ts': 'export const v = 1;',
    });
    await rm(path.join(directory, 'deep'), { recursive: true });
    await log.until(/Cannot find module/);
    await mkdir(path.join(directory, 'deep'));
    await write('deep/er/lib.ts', 'export const v = 2;');
    expect(await reloaded()).toEqual([0, 2]);
    await write('deep/er/lib.ts', 'export const v = 3;');
    expect(await reloaded()).toEqual([0, 3]);
  });

  test.each([
    ['./soon.ts', 'soon.ts'],
    ['./soon', 'soon.ts'],
    ['./soon.js', 'soon.ts'],
    ['./new/folder/soon', 'new/folder/soon/index.ts'],
  ])('is put in place when %s comes to be there, as %s', async (specifier, name) => {
    const { write, reloaded, log } = await startWatching({ 'bot.ts': bot(1) });
    await write('bot.ts', bot('v', `import { v } from '${specifier}';`));
    await log.until(/Cannot find module/);
    await write(name, 'export const v = 2;');
    expect(await reloaded()).toEqual([0, 2]);
  });

  test('is followed through what it imports only since then', async () => {
    const files = { 'bot.ts': bot(1), 'other.ts': bot(1), 'lib.ts': 'export const v = 2;' };
    const { write, reloaded } = await startWatching(files, ['bot.ts', 'other.ts']);
    await write('bot.ts', bot('v', "import { v } from './lib.ts';"));
    expect(await reloaded()).toEqual([0, 2]);
    await write('lib.ts', 'export const v = 3;');
    expect(await reloaded()).toEqual([0, 3]);
    // And no longer by what it has ceased to import.
    await write('bot.ts', bot(4));
    expect(await reloaded()).toEqual([0, 4]);
    await write('lib.ts', 'export const v = 5;');
    await write('other.ts', bot(6));
    expect(await reloaded()).toEqual([1, 6]);
    await write('bot.ts', bot(7));
    expect(await reloaded()).toEqual([0, 7]);
  });

  test('is one of several that share a file: each that imports it is put in place', async () => {
    const use = bot('v', "import { v } from './lib.ts';");
    const files = { 'a.ts': use, 'b.ts': use, 'c.ts': bot(1), 'lib.ts': 'export const v = 1;' };
    const { write, reloaded } = await startWatching(files, ['a.ts', 'c.ts', 'b.ts', 'a.ts']);
    await write('lib.ts', 'export const v = 2;');
    const all = [await reloaded(), await reloaded(), await reloaded()].toSorted(([one], [two]) => one - two);
    expect(all).toEqual([
      [0, 2],
      [2, 2],
      [3, 2],
    ]);
  });

  test('is named by a link', async () => {
    const directory = await tempDirectory();
    const target = await writeText(directory, 'target.ts', bot(1));
    await symlink(target, path.join(directory, 'link.ts'));
    const { reloaded } = await startWatching({}, [path.join(directory, 'link.ts')]);
    await writeFile(target, bot(2));
    expect(await reloaded()).toEqual([0, 2]);
  });

  test('may have changed while it was being started', async () => {
    const { reloaded } = await startWatching({ 'bot.ts': bot(1) }, ['bot.ts'], {
      change: async (directory) => void (await writeText(directory, 'bot.ts', bot(2))),
    });
    expect(await reloaded()).toEqual([0, 2]);
  });

  test('may get a file whose time is in the past', async () => {
    const { write, reloaded, directory } = await startWatching({ 'bot.ts': bot(1) });
    await write('old.ts', bot(2));
    await utimes(path.join(directory, 'old.ts'), 1, 1);
    await rename(path.join(directory, 'old.ts'), path.join(directory, 'bot.ts'));
    expect(await reloaded()).toEqual([0, 2]);
  });

  test('is put in place in its last version where changes come one after the other, also while it is being replaced', async () => {
    let slow = Promise.resolve();
    const settings = { replace: () => slow };
    const { write, directory, reloaded } = await startWatching({ 'bot.ts': bot(1) }, ['bot.ts'], settings);
    for (let value = 2; value <= 30; value += 1) await writeText(directory, 'bot.ts', bot(value));
    let last: unknown = 0;
    while (last !== 30) [, last] = await reloaded();
    slow = new Promise((resolve) => setTimeout(resolve, 300));
    await write('bot.ts', bot(31));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await write('bot.ts', bot(32));
    while (last !== 32) [, last] = await reloaded();
    expect(last).toBe(32);
  });
});

describe('a change that breaks a bot', () => {
  test.each([
    [
      'a syntax error',
      'export const onStart = ( => 1;',
      /bot\.ts:1:26: Unexpected token; the old version keeps running/,
    ],
    ['what it throws', '\nthrow new Error("no");', /bot\.ts:2:7: no; the old version keeps running/],
    ['no hooks', 'export const a = 1;', /bot\.ts: exports no hook; .*; the old version keeps running/],
    ['an empty file', '', /bot\.ts: exports no hook/],
    ['a wrong hook', 'export const onStrat = () => 1;', /bot\.ts: unknown hook onStrat/],
    [
      'options that are wrong now',
      `export const options = { '~standard': { version: 1, vendor: 'x', validate: () => ({ issues: [{ message: 'missing', path: ['word'] }] }) } };\nexport const onStart = () => 1;`,
      /c\.yaml:1:\d+: bots\.0\.options\.word: missing; the old version keeps running/,
    ],
    [
      'a schedule that is wrong',
      "export const schedule = { tick: { cron: 'x', run() {} } };",
      /bot\.ts: schedule\.tick: .*; the old version keeps running/,
    ],
  ])('by %s is told with its place, and its repair is seen', async (_, text, told) => {
    const { write, reloaded, log } = await startWatching({ 'bot.ts': bot(1) });
    await write('bot.ts', text);
    await log.until(told);
    await write('bot.ts', bot(2));
    expect(await reloaded()).toEqual([0, 2]);
    expect(log.about(/keeps running/)).toEqual([expect.objectContaining({ message: expect.stringMatching(told) })]);
  });

  test('in a file that it imports is told with that place, and its repair is seen', async () => {
    const files = { 'bot.ts': bot('v', "import { v } from './lib.ts';"), 'lib.ts': 'export const v = 1;' };
    const { write, reloaded, log } = await startWatching(files);
    await write('lib.ts', 'export const v = ;');
    await log.until(/bot\.ts imports .*lib\.ts:1:18: Unexpected token/);
    await write('lib.ts', 'export const v = 2;');
    expect(await reloaded()).toEqual([0, 2]);
  });
});

test('that the configuration has changed is told: it takes a restart', async () => {
  const { write, log } = await startWatching({ 'bot.ts': bot(1) });
  await write('c.yaml', 'bots: []\n');
  expect(await log.until(/c\.yaml has changed; restart to use it/)).toMatchObject({ level: 'warn' });
});

test('closing does not wait for a bot that never finishes loading', async () => {
  const { write, watcher, directory } = await startWatching({ 'bot.ts': bot(1) });
  const sign = path.join(directory, 'begun');
  await write(
    'bot.ts',
    `import fs from 'node:fs';\nfs.writeFileSync(${JSON.stringify(sign)}, '');\nawait new Promise(() => {});`,
  );
  await expect
    .poll(() =>
      access(sign).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  await watcher.close();
});
