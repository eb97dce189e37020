import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { assert, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findStores, storeDirectory } from '../../../src/bot/store/directory.ts';
import { LAB } from './stores.ts';

describe('storeDirectory', () => {
  test.each([
    ['dice@dice', 'dice@dice'],
    ['dice@robot@chat.example.org:7777', 'dice@robot@chat.example.org%3a7777'],
    ['a@../../etc', 'a@..%2f..%2fetc'],
    ['..', '%2e%2e'],
    ['.hidden.', '%2ehidden%2e'],
    ['Dice@DICE', '%44ice@%44%49%43%45'],
    ['é\u{1F600} %', '%c3%a9%f0%9f%98%80%20%25'],
    ['con', '%63on'],
    ['nul.x@y', '%6eul.x@y'],
    ['console', 'console'],
  ])('%j is kept in %s', (id, name) => {
    expect(storeDirectory('/state', id)).toBe(path.join('/state/stores', name));
  });

  test('two bots never share one, whatever their logins', () => {
    const id = string({ minLength: 1, maxLength: 400, unit: 'grapheme' });
    const oneEach = property(id, id, (a, b) => {
      const [first, second] = [storeDirectory('s', a), storeDirectory('s', b)];
      expect(path.dirname(first)).toBe(path.join('s', 'stores'));
      expect(Buffer.byteLength(path.basename(first))).toBeLessThanOrEqual(200);
      expect(first).toMatch(/^[a-z0-9@._%~/-]+$/);
      expect(first === second).toBe(a === b);
    });
    const examples: [string, string][] = [
      ['ann', 'Ann'],
      ['a'.repeat(300), `${'a'.repeat(299)}b`],
    ];
    assert(oneEach, { examples });
  });
});

describe('findStores', () => {
  test('finds the stores by their bots', async () => {
    const state = path.join(LAB, 'state');
    expect(await findStores(state)).toEqual([]);
    const long = `dice@${'É'.repeat(100)}`;
    const ids = ['dice@Ann/../é', 'echo@echo', long];
    for (const id of ids) mkdirSync(storeDirectory(state, id), { recursive: true });
    const found = await findStores(state);
    expect(found.map(({ directory }) => directory).toSorted()).toEqual(
      ids.map((id) => storeDirectory(state, id)).toSorted(),
    );
    expect(found.map(({ id }) => id)).toEqual(expect.arrayContaining(['dice@Ann/../é', 'echo@echo']));
  });
});
