/** Plugins in worker threads, written to files for the test that asks for them. */
import { onTestFinished } from 'vitest';
import { loadIsolatedPlugin, type IsolatedPlugin } from '../../src/bot/isolation/isolated-plugin.ts';
import type { IsolationOptions } from '../../src/bot/isolation/options.ts';
import { tempDirectory, writeText } from './bot-files.ts';
import { MemoryLog } from './bot-log.ts';

/** Several threads that load this project take their time where others work too. */
export const ISOLATED_TIMEOUT_MS = 60_000;

/** As it is built: it starts four times as quickly as from the sources. */
const ENTRY = new URL('../../dist/plugin-worker.js', import.meta.url);

export interface Isolated {
  readonly plugin: IsolatedPlugin;
  readonly file: string;
  readonly log: MemoryLog;
}

/** Loads a plugin in a worker, named `bot` unless its file's name says otherwise. */
export async function loadIsolated(
  source: string,
  { name = 'bot', ...options }: IsolationOptions & { readonly name?: string } = {},
): Promise<Isolated> {
  const log = new MemoryLog();
  const file = await writeText(await tempDirectory(), `${name}.ts`, source);
  const plugin = await loadIsolatedPlugin(file, { entry: ENTRY, log, ...options });
  onTestFinished(() => plugin.close());
  return { plugin, file, log };
}
