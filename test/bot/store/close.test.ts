import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isChatosError } from '../../../src/errors.ts';
import { all, pluginStore } from './stores.ts';

const ABORTED = { code: 'ABORTED' };

describe('closing a store', () => {
  test('finishes the writes that were handed in', async () => {
    const first = pluginStore();
    const writes = Array.from({ length: 500 }, (_, n) => first.store.set(`key ${n % 250}`, n));
    await first.close();
    await Promise.all(writes);
    const again = pluginStore({ directory: first.directory });
    const found = await all(again.store.entries());
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`key ${n}`, n + 250])),
    );
    expect((await again.usage()).entries).toBe(250);
  });

  test('gives up an update whose change is not there yet, and does what waits behind it', async () => {
    const first = pluginStore();
    let changing = (): void => undefined;
    const begun = new Promise<void>((resolve) => (changing = resolve));
    const stuck = first.store.update('key', () => {
      changing();
      return new Promise<never>(() => undefined);
    });
    const behind = [first.store.set('key', 'last'), first.store.update('key', () => 'never')];
    const outcomes = Promise.allSettled([stuck, ...behind]);
    await begun;
    await first.close();
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: ABORTED },
      { status: 'fulfilled' },
      { status: 'rejected', reason: ABORTED },
    ]);
    const again = pluginStore({ directory: first.directory });
    expect(await again.store.get('key')).toBe('last');
  });

  test('ends every call that comes later', async () => {
    const opened = pluginStore();
    const { store, records } = opened;
    await store.set('key', 1);
    const entries = store.entries();
    const closing = opened.close();
    const calls = [
      store.get('key'),
      store.set('key', 2),
      store.delete('key'),
      store.has('key'),
      store.update('key', () => 3),
      store.clear(),
      records.get('key'),
      opened.usage(),
      all(entries),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: ABORTED });
    }
    await closing;
    await expect(store.get('key')).rejects.toMatchObject(ABORTED);
    await opened.close();
  });

  test('leaves no trace of a store that was never used', async () => {
    const unused = pluginStore();
    await unused.close();
    await expect(unused.store.set('key', 1)).rejects.toMatchObject(ABORTED);
    expect(existsSync(unused.directory)).toBe(false);
  });

  test('lets the reads under way end, while it is being opened too', async () => {
    const fresh = pluginStore();
    const opening = fresh.store.set('key', 1);
    await fresh.close();
    await opening;
    const again = pluginStore();
    await again.store.set('key', 'there');
    const reads = Promise.allSettled(Array.from({ length: 50 }, () => again.store.get('key')));
    await again.close();
    const outcomes = (await reads).map((read) => (read.status === 'fulfilled' ? read.value : codeOf(read.reason)));
    expect(['there', 'ABORTED']).toEqual(expect.arrayContaining([...new Set(outcomes)]));
  });
});

const codeOf = (error: unknown): unknown => (isChatosError(error) ? error.code : error);
