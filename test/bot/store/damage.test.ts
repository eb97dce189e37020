import { randomBytes } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { repairStore } from '../../../src/bot/store/repair.ts';
import { all, pluginStore } from './stores.ts';

const ENTRIES = 100;

/** The folder of a closed store whose entries were all written three times; the last time they are still in the log. */
async function filledDirectory(): Promise<string> {
  const { directory } = pluginStore();
  filled ??= fill();
  cpSync(await filled, directory, { recursive: true });
  return directory;
}

let filled: Promise<string> | undefined;

async function fill(): Promise<string> {
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
];

/** What a directory holds, as base64 by name; what the library writes for itself aside. */
const contentsOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory)
      .filter((name) => !/^LO(?:CK|G)/.test(name))
      .map((name) => [name, readFileSync(path.join(directory, name), 'base64')]),
  );

/** Expects that a store is reported as damaged, and changed by nothing; then repairs it. */
async function repair(directory: string): ReturnType<typeof repairStore> {
  const before = contentsOf(directory);
  const damaged = pluginStore({ directory });
  for (const call of [damaged.store.get('key 0'), damaged.store.set('key 0', 'new'), damaged.usage()]) {
    await expect(call).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      message: expect.stringContaining('run: chatosbot store repair bot --state ') as string,
    });
  }
  await damaged.close();
  expect(contentsOf(directory)).toEqual(before);
  const kept = `${directory}-kept`;
  const repaired = await repairStore(directory, kept);
  expect(contentsOf(kept)).toEqual(before);
  return repaired;
}

describe('a damaged store', () => {
  test.each(damages)('is reported, and repaired on request: %s', async (_, kind, damage) => {
    const directory = await filledDirectory();
    const files = filesOf(directory, kind);
    expect(files).not.toEqual([]);
    for (const file of files) damage(file);
    // What was written last lies in the log, which is whole.
    expect(await repair(directory)).toMatchObject({ repaired: true, entries: ENTRIES, lostEntries: 0 });
    expect(readdirSync(directory)).not.toContain('lost');
    const opened = pluginStore({ directory });
    const found = await all(opened.store.entries());
    expect(found).toHaveLength(ENTRIES);
    for (const [, value] of found) expect(value).toMatchObject({ round: 3 });
    const { entries, bytes } = await opened.usage();
    expect(entries).toBe(ENTRIES);
    await opened.store.set('key 0', { round: 3, pad: 'x'.repeat(2000) });
    await opened.close();
    expect(await repairStore(directory, `${directory}-again`)).toEqual({
      repaired: false,
      entries,
      bytes,
      lostEntries: 0,
    });
    expect(readdirSync(path.dirname(directory)).toSorted()).toEqual(['bot', 'bot-kept']);
  });

  test.each<[what: string, damage: (file: string) => void]>([
    ['cut', (file) => truncateSync(file, statSync(file).size - 100)],
    ['cut near its beginning', (file) => truncateSync(file, 500)],
    ['overwritten', (file) => writeFileSync(file, readFileSync(file).fill(7, 0, statSync(file).size - 200))],
  ])('goes on where it can, and is repaired where all of it lies in tables, and one is %s', async (_, damage) => {
    const directory = await filledDirectory();
    // What was in the log goes to a table when it is opened.
    const whole = pluginStore({ directory });
    await whole.store.get('key 0');
    await whole.close();
    for (const file of filesOf(directory, /\.ldb$/)) damage(file);
    const damaged = pluginStore({ directory });
    await expect(all(damaged.store.entries())).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    await damaged.close();
    const repaired = await repairStore(directory, `${directory}-kept`);
    expect(readdirSync(directory)).not.toContain('lost');
    const opened = pluginStore({ directory });
    const found = await all(opened.store.entries());
    expect(await opened.usage()).toEqual({ entries: found.length, bytes: repaired.bytes });
    await opened.store.set('key 0', 'new');
    expect(await opened.store.get('key 0')).toBe('new');
  });

  test.each<[what: string, damage: (log: Buffer) => void]>([
    ['garbled in the middle', (log) => log.fill(0xff, 100, 2000)],
    ['zeroed in the middle', (log) => log.fill(0, 100, 2000)],
    ['garbled at its end', (log) => log.fill(0xff, log.length - 500)],
    ['wrong by one bit', (log) => (log[40_000]! ^= 1)],
  ])('is repaired without the records that cannot be read, where its log is %s', async (_, damage) => {
    const directory = await filledDirectory();
    const [file] = filesOf(directory, /\.log$/);
    const bytes = readFileSync(file!);
    damage(bytes);
    writeFileSync(file!, bytes);
    const repaired = await repair(directory);
    const opened = pluginStore({ directory });
    const found = await all(opened.store.entries());
    // What was written before the last time is in tables.
    expect(repaired).toEqual({
      repaired: true,
      entries: ENTRIES,
      bytes: found.reduce((sum, [key, value]) => sum + key.length + JSON.stringify(value).length, 0),
      lostEntries: 0,
    });
    expect(found).toHaveLength(ENTRIES);
    const rounds = new Set(found.map(([, value]) => (value as { round: number }).round));
    expect(rounds.has(2)).toBe(true);
  });

  test.each<[what: string, cut: (file: string) => void]>([
    ['ends', (file) => truncateSync(file, statSync(file).size - 7)],
    ['is zeros', (file) => writeFileSync(file, readFileSync(file).fill(0, statSync(file).size - 1000))],
  ])('is none that was killed in the midst of a write, from where on its log %s', async (_, cut) => {
    const directory = await filledDirectory();
    for (const file of filesOf(directory, /\.log$/)) cut(file);
    const opened = pluginStore({ directory });
    expect(await all(opened.store.entries())).toHaveLength(ENTRIES);
  });

  test('is repaired without values that are garbled, and says how many are lost', async () => {
    const whole = pluginStore();
    const { directory } = whole;
    for (const key of ['whole', 'garbled', 'other']) await whole.store.set(key, key);
    await whole.close();
    const { ClassicLevel } = await import('classic-level');
    const level = new ClassicLevel(directory);
    await level.put('k:garbled', '{"half":');
    await level.close();
    const damaged = pluginStore({ directory });
    await expect(damaged.store.get('garbled')).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    expect(await damaged.store.get('whole')).toBe('whole');
    await damaged.close();
    const repaired = await repairStore(directory, `${directory}-kept`);
    expect(repaired).toMatchObject({ repaired: true, entries: 2, lostEntries: 1 });
    expect(await all(pluginStore({ directory }).store.entries())).toEqual([
      ['other', 'other'],
      ['whole', 'whole'],
    ]);
  });

  test('that makes its library abort ends no process but its own', async () => {
    const { directory } = pluginStore();
    for (let round = 0; round < 2; round++) {
      const opened = pluginStore({ directory });
      const value = (): string => randomBytes(500).toString('base64');
      await Promise.all(Array.from({ length: ENTRIES }, (_, n) => opened.store.set(`key ${100 + n}`, value())));
      await opened.close();
    }
    const last = pluginStore({ directory });
    await last.usage();
    await last.close();
    // The first keys are now greater than those that follow.
    for (const file of filesOf(directory, /\.ldb$/)) {
      const bytes = readFileSync(file);
      bytes.write('k:zzz', bytes.indexOf('k:key 1'));
      writeFileSync(file, bytes);
    }
    await expect(repairStore(directory, `${directory}-kept`)).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      message: expect.stringMatching(/cannot be repaired \(.+\): nothing was changed/) as string,
    });
    expect(readdirSync(path.dirname(directory))).toEqual(['bot']);
  });

  test('that is open is not repaired', async () => {
    const { directory, store } = pluginStore();
    await store.set('key', 1);
    await expect(repairStore(directory, `${directory}-kept`)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      fields: { inUse: true },
    });
    expect(await store.get('key')).toBe(1);
    expect(readdirSync(path.dirname(directory))).toEqual(['bot']);
  });

  test('that cannot be repaired stays as it is', async () => {
    const directory = await filledDirectory();
    for (const file of filesOf(directory, /^CURRENT$/)) rmSync(file);
    mkdirSync(path.join(directory, 'CURRENT.dbtmp'));
    mkdirSync(path.join(directory, '000001.dbtmp'));
    const before = readdirSync(directory);
    await expect(repairStore(directory, `${directory}-kept`)).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      message: expect.stringMatching(/cannot be repaired \(.*\): nothing was changed; move the folder away/) as string,
    });
    expect(readdirSync(directory).filter((name) => !name.startsWith('LOG'))).toEqual(
      before.filter((name) => !name.startsWith('LOG')),
    );
    expect(readdirSync(path.dirname(directory))).toEqual(['bot']);
  });

  test('whose files cannot be opened is unavailable', async () => {
    const directory = await filledDirectory();
    const current = path.join(directory, 'CURRENT');
    renameSync(current, `${current}-aside`);
    mkdirSync(current);
    const opened = pluginStore({ directory });
    await expect(opened.store.get('key 0')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(directory) as string,
    });
    // As soon as the cause is gone, it goes on.
    rmSync(current, { recursive: true });
    renameSync(`${current}-aside`, current);
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
      message: `the store in ${first.directory} is in use by another chatosbot: stop it, or use another --state`,
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
