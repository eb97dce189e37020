import { describe, expect, test } from 'vitest';
import { all, pluginStore } from './stores.ts';

const FULL = { code: 'STORE_FULL' };

describe('the limits of a store', () => {
  test('a key may have 512 bytes of UTF-8, and no more', async () => {
    const { store } = pluginStore();
    await store.set('é'.repeat(256), 1);
    await expect(store.set(`${'é'.repeat(256)}e`, 1)).rejects.toMatchObject(FULL);
  });

  test('a value may have 256 KiB of JSON, and no more', async () => {
    const { store } = pluginStore();
    await store.set('key', 'x'.repeat(256 * 1024 - 2));
    await expect(store.set('key', 'x'.repeat(256 * 1024 - 1))).rejects.toMatchObject(FULL);
    expect(await store.get<string>('key')).toHaveLength(256 * 1024 - 2);
  });

  test('everything together is counted exactly, also when it is opened again', async () => {
    const limits = { maxTotalBytes: 20 };
    const first = pluginStore({ limits });
    await first.store.set('a', 'xxxxxxx');
    await first.store.set('b', 'xxxxxxx');
    await expect(first.store.set('c', 1)).rejects.toMatchObject({
      ...FULL,
      message: 'the store would hold 22 B, and 20 B are allowed: delete something',
    });
    await first.close();

    const again = pluginStore({ directory: first.directory, limits });
    await expect(again.store.set('c', 1)).rejects.toMatchObject(FULL);
    await again.store.set('a', 'xxxxx');
    await again.store.set('c', 1);
    expect(await again.usage()).toEqual({ entries: 3, bytes: 20 });
    await again.store.delete('b');
    await again.store.set('d', 'xxxxxxx');
    await expect(again.store.update('d', (old) => `${String(old)}x`)).rejects.toMatchObject(FULL);
    expect(await again.store.get('d')).toBe('xxxxxxx');
    await again.store.clear();
    expect(await again.usage()).toEqual({ entries: 0, bytes: 0 });
    await again.store.set('d', 'x'.repeat(17));
  });

  test('of writes at once, those that still fit are done', async () => {
    const { store } = pluginStore({ limits: { maxTotalBytes: 10 } });
    const outcomes = await Promise.allSettled([store.set('a', 1111), store.set('b', 111_111), store.set('c', 1111)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await all(store.entries())).toEqual([
      ['a', 1111],
      ['c', 1111],
    ]);
  });

  test('a store over a limit that was lowered can be made smaller step by step', async () => {
    const first = pluginStore();
    await first.store.set('a', 'x'.repeat(100));
    await first.store.set('b', 'x'.repeat(100));
    await first.close();
    const { store } = pluginStore({ directory: first.directory, limits: { maxTotalBytes: 10 } });
    await store.set('a', 'x'.repeat(50));
    await expect(store.set('a', 'x'.repeat(60))).rejects.toMatchObject(FULL);
    expect(await store.delete('b')).toBe(true);
  });

  test("a full store leaves room for the runtime's records", async () => {
    const { store, records } = pluginStore({ limits: { maxTotalBytes: 10 } });
    await store.set('a', 'xxxxxxx');
    await records.set('last run of a job', '2026-01-01T00:00:00Z');
    expect(await records.get('last run of a job')).toBe('2026-01-01T00:00:00Z');
  });

  test('what waits to be written is bounded', async () => {
    const { store } = pluginStore({ limits: { maxPendingBytes: 10_000 } });
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, (_, n) => store.set(`key ${n}`, n)));
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(failures.length).toBeGreaterThan(50);
    for (const { reason } of failures) expect(reason).toMatchObject({ code: 'QUEUE_FULL' });
    expect(await all(store.entries())).toHaveLength(100 - failures.length);
    await store.set('later', 1);
  });
});
