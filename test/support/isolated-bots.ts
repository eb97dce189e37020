/** Plugins in worker threads, written to files for the test that asks for them. */
import { onTestFinished } from 'vitest';
import {
  loadIsolatedPlugin,
  type IsolatedPlugin,
  type IsolationOptions,
} from '../../src/bot/isolation/isolated-plugin.ts';
import { PLUGIN_WORKER } from '../../src/plugin-modules.ts';
import { tempDirectory, writeText } from './bot-files.ts';
import { MemoryLog } from './bot-log.ts';

/** The first worker of a machine compiles this project's sources. */
export const ISOLATED_TIMEOUT_MS = 60_000;

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
  const plugin = await loadIsolatedPlugin(file, { entry: PLUGIN_WORKER, log, ...options });
  onTestFinished(() => plugin.close());
  return { plugin, file, log };
}
