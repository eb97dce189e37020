/** Stores in a folder of this test file's own; those that are open at the end of a test are closed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach } from 'vitest';
import { PluginStore, type PluginStoreOptions } from '../../../src/bot/store/plugin-store.ts';

export const LAB = mkdtempSync(path.join(tmpdir(), 'chatosbot-store-'));
const open: PluginStore[] = [];
let directories = 0;

afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()));
});
afterAll(() => rmSync(LAB, { recursive: true, force: true }));

/** A store, in a new folder unless another is given. */
export function pluginStore(options: Partial<PluginStoreOptions> = {}): PluginStore & { readonly directory: string } {
  const directory = options.directory ?? path.join(LAB, `${++directories}`, 'stores', 'bot');
  const store = new PluginStore({ lockTimeoutMs: 0, ...options, directory });
  open.push(store);
  return Object.assign(store, { directory });
}

/** Everything that an async iterable yields. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
