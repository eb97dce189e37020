import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { pluginStore } from './stores.ts';

const increment = (n = 0): number => n + 1;

describe('update', () => {
  test('loses none of many at once, and resolves to the new value', async () => {
    const { store } = pluginStore();
    const slowly = async (n = 0): Promise<number> => {
      await setImmediate();
      return n + 1;
    };
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, n) => store.update('count', n % 2 ? slowly : increment)),
    );
    expect(results).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
    expect(await store.get('count')).toBe(100);
  });

  test('takes turns with the other writes of the key', async () => {
    const { store } = pluginStore();
    const [, , deleted, fresh] = await Promise.all([
      store.set('count', 10),
      store.update('count', increment),
      store.delete('count'),
      store.update('count', increment),
      store.clear(),
      store.update('count', (n) => ({ n })),
    ]);
    expect([deleted, fresh]).toEqual([true, 1]);
    expect(await store.get('count')).toEqual({});
  });

  test('of one key does not hold up another', async () => {
    const { store } = pluginStore();
    let finish = (): void => undefined;
    const slow = store.update('slow', () => new Promise((resolve) => (finish = () => resolve('done'))));
    await store.set('other', 1);
    await store.update('other', increment);
    finish();
    expect(await slow).toBe('done');
  });

  test('leaves the value where the change fails, or returns nothing', async () => {
    const { store } = pluginStore();
    await store.set('key', ['kept']);
    const failing = store.update('key', () => Promise.reject(new Error('of the plugin')));
    await expect(failing).rejects.toThrow('of the plugin');
    const forgetful = store.update<string[] | undefined>('key', (list) => {
      list?.push('lost');
      return undefined;
    });
    await expect(forgetful).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await store.get('key')).toEqual(['kept']);
    expect(await store.update<string[]>('key', (list = []) => [...list, 'added'])).toEqual(['kept', 'added']);
  });

  test('refuses a change that writes to the store, which would wait for itself', async () => {
    const { store, records } = pluginStore();
    const nested = store.update('key', async () => {
      await store.set('key', 1);
      return 2;
    });
    await expect(nested).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining("update('key')") as string,
    });
    // Reading is fine, and so is a write that the change has started when it comes after the update.
    let begin = (): void => undefined;
    const over = new Promise<void>((resolve) => (begin = resolve));
    let later: Promise<void> | undefined;
    await store.update('key', async () => {
      await records.set('key', 1);
      later = over.then(() => store.set('other', 1));
      return (await store.get('key')) ?? 'new';
    });
    begin();
    await later;
    expect(await store.get('other')).toBe(1);
  });
});
