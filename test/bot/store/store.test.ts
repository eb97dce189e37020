import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EntriesOptions } from '../../../src/bot/store/store.ts';
import { all, pluginStore } from './stores.ts';

describe('a store', () => {
  test('keeps what JSON can hold, and gives a copy of it', async () => {
    const { store } = pluginStore();
    for (const value of [null, false, 0, '', 'é\u{1F600}\uD800', [1, [2]], { a: { b: null }, ['__proto__']: 1 }]) {
      await store.set('key', value);
      expect(await store.get('key')).toEqual(value);
    }
    const list = ['first'];
    await store.set('list', list);
    list.push('second');
    expect(await store.get('list')).toEqual(['first']);
  });

  test('still has it when it is opened again', async () => {
    const first = pluginStore();
    await first.store.set('key', { n: 1 });
    await first.close();
    const again = pluginStore({ directory: first.directory });
    expect(await again.store.get('key')).toEqual({ n: 1 });
    expect(await again.usage()).toEqual({ entries: 1, bytes: 'key{"n":1}'.length });
  });

  test('tells what is there, and what a removal has removed', async () => {
    const { store } = pluginStore();
    expect([await store.get('key'), await store.has('key'), await store.delete('key')]).toEqual([
      undefined,
      false,
      false,
    ]);
    await store.set('key', null);
    expect([await store.get('key'), await store.has('key')]).toEqual([null, true]);
    expect(await Promise.all([store.delete('key'), store.delete('key')])).toEqual([true, false]);
    expect(await store.has('key')).toBe(false);
  });

  test('lists its entries backwards, across many pages, and counts them', async () => {
    const { store, records } = pluginStore();
    const keys = Array.from({ length: 150 }, (_, index) => `n/${String(index).padStart(3, '0')}`);
    await Promise.all([...keys, 'm', 'n', `n0`, 'n/\u{10FFFF}\u{10FFFF}'].map((key) => store.set(key, key)));
    await records.set('n/other', 1);
    const found = (await all(store.entries({ prefix: 'n/', reverse: true }))).map(([key]) => key);
    expect(found).toEqual(['n/\u{10FFFF}\u{10FFFF}', ...keys.toReversed()]);
    expect((await all(store.entries({ reverse: true, limit: 2 }))).map(([key]) => key)).toEqual(['n0', found[0]]);
    expect([await store.count('n/'), await store.count(), await store.count('x'), await records.count()]).toEqual([
      151, 154, 0, 1,
    ]);
  });

  test.each([{ prefix: 'n/' }, null, 5])('counts no keys that begin with %j, which is no text', async (prefix) => {
    const { store } = pluginStore();
    await expect(store.count(prefix as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'the prefix to count must be a text',
    });
  });

  test('lists its entries in the order of their keys, across many pages', async () => {
    const { store } = pluginStore();
    const keys = Array.from({ length: 200 }, (_, n) => `n/${String(n).padStart(3, '0')}`);
    await Promise.all(keys.toReversed().map((key) => store.set(key, key)));
    await Promise.all(['m', 'n', 'o', '\uFFFF', '\u{10FFFF}'].map((key) => store.set(key, 0)));
    expect(await all(store.entries({ prefix: 'n/' }))).toEqual(keys.map((key) => [key, key]));
    const found = (await all(store.entries())).map(([key]) => key);
    expect(found).toEqual(['m', 'n', ...keys, 'o', '\uFFFF', '\u{10FFFF}']);
    expect(await all(store.entries({ prefix: 'n/', limit: 65 }))).toHaveLength(65);
    expect(await all(store.entries({ limit: 0 }))).toEqual([]);
    expect(await all(store.entries({ prefix: 'n/2' }))).toEqual([]);
    for (const limit of [-1, 2.5, NaN]) {
      await expect(all(store.entries({ limit }))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await expect(all(store.entries({ revers: true } as EntriesOptions))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: "options of entries: unknown key 'revers'; did you mean 'reverse'?",
    });
    expect((await all(store.entries({ limit: Infinity }))).length).toBeGreaterThan(65);
  });

  test('is empty after clear, but for what the runtime keeps', async () => {
    const { store, records } = pluginStore();
    await Promise.all([store.set('a', 1), store.set('b', 2), records.set('a', 'job')]);
    await store.clear();
    expect(await all(store.entries())).toEqual([]);
    expect(await all(records.entries())).toEqual([['a', 'job']]);
  });

  test('does writes in the order in which they were asked for', async () => {
    const { store } = pluginStore();
    await Promise.all([store.set('a', 1), store.clear(), store.set('b', 1), store.set('b', 2), store.delete('c')]);
    expect(await all(store.entries())).toEqual([['b', 2]]);
  });

  test('is a folder for its owner only, made at the first use and not before', async () => {
    const { store, directory } = pluginStore();
    expect(existsSync(path.dirname(directory))).toBe(false);
    await store.get('key');
    for (const folder of [directory, path.dirname(directory)]) expect(statSync(folder).mode & 0o777).toBe(0o700);
  });
});

describe('a value that JSON would change without a word', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  test.each([
    ['undefined', undefined],
    ['a function', () => undefined],
    ['a symbol', Symbol('s')],
    ['a bigint', { n: 1n }],
    ['NaN', [NaN]],
    ['a Map', { deep: { map: new Map([[1, 2]]) } }],
    ['undefined in a list', { list: [1, undefined] }],
    ['a promise that nobody awaited', Promise.resolve(1)],
    ['a pattern', { pattern: /x/ }],
    ['an error', { failed: new Error('x') }],
    ['bytes', new Uint8Array([1, 2])],
    ['a buffer', { data: Buffer.from('a') }],
    ['an invalid date', [new Date('yesterday')]],
    ['a Number that is not finite', { n: new Number(NaN) }],
    ['what has no properties, but a kind of its own', { query: new URLSearchParams('a=1') }],
    ['an iterator', [1][Symbol.iterator]()],
    ['a cycle', cycle],
    ['what a toJSON makes a Map of', { toJSON: () => new Map() }],
  ])('is refused: %s', async (_, value) => {
    const { store } = pluginStore();
    await expect(store.set('key', value)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^the value of 'key' [^\n]+$/) as string,
    });
    expect(await store.has('key')).toBe(false);
  });

  test('is kept where its own toJSON says how', async () => {
    class Names extends Set<string> {
      toJSON(): string[] {
        return [...this];
      }
    }
    class Failure extends Error {
      toJSON(): object {
        return { failed: this.message };
      }
    }
    const { store } = pluginStore();
    await store.set('key', {
      names: new Names(['ann']),
      why: new Failure('late'),
      at: new Date(0),
      to: new URL('a:b'),
    });
    expect(await store.get('key')).toEqual({
      names: ['ann'],
      why: { failed: 'late' },
      at: '1970-01-01T00:00:00.000Z',
      to: 'a:b',
    });
  });
});

describe('a key', () => {
  test.each([[''], ['half \uD800'], [7 as unknown as string]])('is refused: %j', async (key) => {
    const { store } = pluginStore();
    const calls = [store.get(key), store.set(key, 1), store.update(key, () => 1), store.has(key), store.delete(key)];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'INVALID_ARGUMENT' } });
    }
  });
});
