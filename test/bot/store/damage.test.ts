import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../../src/util/log.ts';
import { all, pluginStore } from './stores.ts';

const ENTRIES = 100;

/** The folder of a closed store whose entries were all written three times; the last time they are still in the log. */
async function filledDirectory(): Promise<string> {
  const { directory } = pluginStore();
  for (let round = 1; round <= 3; round++) {
    const opened = pluginStore({ directory });
    const pad = 'x'.repeat(2000);
    await Promise.all(Array.from({ length: ENTRIES }, (_, n) => opened.store.set(`key ${n}`, { round, pad })));
    await opened.close();
  }
  return directory;
}

const filesOf = (directory: string, kind: RegExp): string[] =>
  readdirSync(directory)
    .filter((name) => kind.test(name))
    .map((name) => path.join(directory, name));

const damages: [what: string, files: RegExp, damage: (file: string) => void][] = [
  ['the file CURRENT gone', /^CURRENT$/, rmSync],
  ['the file CURRENT empty', /^CURRENT$/, (file) => truncateSync(file)],
  ['the file CURRENT naming another', /^CURRENT$/, (file) => writeFileSync(file, 'MANIFEST-999999\n')],
  ['the manifest gone', /^MANIFEST/, rmSync],
  ['the manifest cut', /^MANIFEST/, (file) => truncateSync(file, 10)],
  ['the manifest overwritten', /^MANIFEST/, (file) => writeFileSync(file, Buffer.alloc(500, 7))],
  ['the tables gone', /\.ldb$/, rmSync],
  ['the tables cut', /\.ldb$/, (file) => truncateSync(file, 500)],
];

describe('a damaged store', () => {
  test.each(damages)('is mended, and that is logged: %s', async (_, kind, damage) => {
    const directory = await filledDirectory();
    const files = filesOf(directory, kind);
    expect(files).not.toEqual([]);
    for (const file of files) damage(file);
    let log = '';
    const opened = pluginStore({ directory, log: createLogger({ write: (line) => (log += line) }) });
    const found = await all(opened.store.entries());
    // What was written last lies in the log, which is whole.
    expect(found).toHaveLength(ENTRIES);
    for (const [, value] of found) expect(value).toMatchObject({ round: 3 });
    expect(log).toMatch(/ warn {2}the store is damaged; mending it /);
    expect(log).toMatch(/ warn {2}the store was damaged and is mended; .* entries=100 /);
    expect((await opened.usage()).entries).toBe(ENTRIES);
    await opened.store.set('key 0', 'new');
    await opened.close();
    const again = pluginStore({ directory, log: createLogger({ write: (line) => (log = line) }) });
    log = '';
    expect(await again.store.get('key 0')).toBe('new');
    expect(log).toBe('');
  });

  test.each<[what: string, damage: (file: string) => void]>([
    ['cut', (file) => truncateSync(file, statSync(file).size - 100)],
    ['overwritten', (file) => writeFileSync(file, readFileSync(file).fill(7, 0, statSync(file).size - 200))],
  ])('is mended where all of it lies in tables, and one is %s', async (_, damage) => {
    const directory = await filledDirectory();
    // What was in the log goes to a table when it is opened.
    const whole = pluginStore({ directory });
    await whole.store.get('key 0');
    await whole.close();
    for (const file of filesOf(directory, /\.ldb$/)) damage(file);
    let log = '';
    const opened = pluginStore({ directory, log: createLogger({ write: (line) => (log += line) }) });
    const found = await all(opened.store.entries());
    expect(log).toMatch(/ warn {2}the store was damaged and is mended; .* entries=\d+ /);
    expect((await opened.usage()).entries).toBe(found.length);
    await opened.store.set('key 0', 'new');
    expect(await opened.store.get('key 0')).toBe('new');
  });

  test('goes on without the records of its log that are garbled, says so, and counts what is left', async () => {
    const directory = await filledDirectory();
    const [file] = filesOf(directory, /\.log$/);
    const bytes = readFileSync(file!);
    writeFileSync(file!, bytes.fill(0xff, 100, 2000));
    let log = '';
    const opened = pluginStore({ directory, log: createLogger({ write: (line) => (log += line) }) });
    const { entries, bytes: size } = await opened.usage();
    const found = await all(opened.store.entries());
    expect(log).toMatch(/the store was damaged and is mended/);
    expect(entries).toBe(found.length);
    expect(size).toBe(found.reduce((sum, [key, value]) => sum + key.length + JSON.stringify(value).length, 0));
  });

  test('ends like one that was cut off in the midst of a write: without that write, and without a word', async () => {
    const directory = await filledDirectory();
    const [file] = filesOf(directory, /\.log$/);
    truncateSync(file!, readFileSync(file!).length - 7);
    let log = '';
    const opened = pluginStore({ directory, log: createLogger({ write: (line) => (log += line) }) });
    expect(await all(opened.store.entries())).toHaveLength(ENTRIES);
    expect(log).toBe('');
  });

  test('that cannot be mended is unavailable, with what to do', async () => {
    const directory = await filledDirectory();
    rmSync(path.join(directory, 'CURRENT'));
    mkdirSync(path.join(directory, 'CURRENT'));
    const opened = pluginStore({ directory });
    await expect(opened.store.get('key 0')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(directory) as string,
    });
    // As soon as the cause is gone, it goes on.
    rmSync(path.join(directory, 'CURRENT'), { recursive: true });
    expect(await opened.store.get('key 0')).toMatchObject({ round: 3 });
  });

  test('of a later format is left alone', async () => {
    const first = pluginStore();
    await first.store.set('key', 1);
    await first.close();
    const { ClassicLevel } = await import('classic-level');
    const level = new ClassicLevel(first.directory);
    await level.put('meta', JSON.stringify({ format: 2 }));
    await level.close();
    const again = pluginStore({ directory: first.directory });
    await expect(again.store.get('key')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('of a later chatosbot') as string,
    });
  });
});

describe('a store that somebody else has open', () => {
  test('is unavailable, and is there again when the other has closed it', async () => {
    const first = pluginStore();
    await first.store.set('key', 1);
    const second = pluginStore({ directory: first.directory });
    await expect(second.store.get('key')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: `another chatosbot runs with the store in ${first.directory}: stop it, or give this one another --state`,
    });
    await first.close();
    expect(await second.store.get('key')).toBe(1);
  });

  test('is waited for when the other is about to end', async () => {
    const first = pluginStore();
    await first.store.set('key', 1);
    const second = pluginStore({ directory: first.directory, lockTimeoutMs: 10_000 });
    const value = second.store.get('key');
    await first.close();
    expect(await value).toBe(1);
  });
});

test('a copy of the files, taken at any time, has all that was acknowledged', async () => {
  const { store, directory } = pluginStore();
  const writing = Array.from({ length: 300 }, (_, n) => store.set(`key ${n}`, 'x'.repeat(n * 100)));
  await Promise.all(writing.slice(0, 150));
  const copy = `${directory}-copy`;
  cpSync(directory, copy, { recursive: true });
  await Promise.all(writing);
  const copied = pluginStore({ directory: copy });
  const found = new Map(await all(copied.store.entries()));
  for (let n = 0; n < 150; n++) expect(found.get(`key ${n}`)).toHaveLength(n * 100);
  expect((await copied.usage()).entries).toBe(found.size);
});
