import { describe, expect, test } from 'vitest';
import { exportStore, importStore, readLines } from '../../../src/bot/store/export.ts';
import { all, pluginStore } from './stores.ts';

describe('an export', () => {
  test('has a line of JSON for each entry, and can be imported again', async () => {
    const { store } = pluginStore();
    const entries: [string, unknown][] = [
      ['a\n\u202E', ['\u001B[2J', '\u{E0041}', '\uD800', null]],
      ['b', { text: 'é' }],
      ['c', 'x'.repeat(256 * 1024 - 2)],
    ];
    for (const [key, value] of entries) await store.set(key, value);
    const lines = await all(exportStore(store));
    expect(lines).toHaveLength(3);
    expect(lines[1]).toBe('{"key":"b","value":{"text":"é"}}');
    for (const line of lines) expect(line).not.toMatch(/[\n\u001B\u202E]/);

    const copy = pluginStore();
    expect(await importStore(copy.store, lines)).toBe(3);
    expect(await all(copy.store.entries())).toEqual(entries);
  });
});

describe('an import', () => {
  test('adds to what is there, or takes its place', async () => {
    const opened = pluginStore();
    const { store } = opened;
    await store.set('old', 1);
    await store.set('both', 1);
    await importStore(store, ['{"key":"both","value":2}', '', '{"value":2,"key":"new"}']);
    expect(await all(store.entries())).toEqual([
      ['both', 2],
      ['new', 2],
      ['old', 1],
    ]);
    await importStore(store, ['{"key":"both","value":3}'], { replace: true });
    expect(await all(store.entries())).toEqual([['both', 3]]);
    expect(await opened.usage()).toEqual({ entries: 1, bytes: 5 });
  });

  test.each([
    ['{"key":', 'line 2: not JSON: '],
    ['[]', 'line 2: expected {"key":…,"value":…}'],
    ['{"key":"b"}', 'line 2: expected {"key":…,"value":…}'],
    ['{"key":"b","value":1,"ttl":1}', 'line 2: expected {"key":…,"value":…}'],
    ['{"key":7,"value":1}', 'line 2: a key of the store is a text, and not empty'],
    ['{"key":"a","value":1}', "line 2: the key 'a' is there a second time"],
    [`{"key":"b","value":"${'x'.repeat(100)}"}`, "line 2: the value of 'b' has 102 bytes of JSON, and 50 are allowed"],
  ])('changes nothing where a line is wrong: %s', async (line, message) => {
    const { store } = pluginStore({ limits: { maxValueBytes: 50 } });
    await store.set('a', 'kept');
    await expect(importStore(store, ['{"key":"a","value":1}', line], { replace: true })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as string,
      fields: { line: 2 },
    });
    expect(await all(store.entries())).toEqual([['a', 'kept']]);
  });

  test('changes nothing where it does not fit', async () => {
    const { store } = pluginStore({ limits: { maxTotalBytes: 20 } });
    await store.set('a', 'xxxxxxxxxx');
    const lines = ['{"key":"b","value":"xxx"}', '{"key":"c","value":"xxx"}'];
    await expect(importStore(store, lines)).rejects.toMatchObject({ code: 'STORE_FULL' });
    await expect(importStore(store, [...lines, ...lines])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const more = [...lines, '{"key":"d","value":"xxxxxx"}'];
    await expect(importStore(store, more, { replace: true })).rejects.toMatchObject({
      code: 'STORE_FULL',
      message: 'line 3: with it the import exceeds the 20 B that a store may hold',
    });
    expect(await all(store.entries())).toEqual([['a', 'xxxxxxxxxx']]);
    expect(await importStore(store, lines, { replace: true })).toBe(2);
  });
});

describe('readLines', () => {
  const lines = (...chunks: (string | number[])[]) =>
    all(
      readLines(
        (async function* () {
          for (const chunk of chunks) yield Buffer.from(chunk as string);
        })(),
      ),
    );

  test('puts lines together from chunks that are cut anywhere', async () => {
    expect(await lines('a\nb', 'b\n\nc', [0xc3], [0xa9], '')).toEqual(['a', 'bb', '', 'cé']);
    expect(await lines('a\n')).toEqual(['a']);
    expect(await lines()).toEqual([]);
  });

  test('refuses what is not UTF-8, and a line without an end', async () => {
    await expect(lines('a\n', [0xff, 0x0a])).rejects.toThrow('line 2: it is not UTF-8');
    const endless = Array.from({ length: 40 }, () => 'x'.repeat(64 * 1024));
    await expect(lines('a\n', ...endless)).rejects.toThrow('line 2: it is longer than 2.0 MiB');
  });
});
