/** Bots in worker threads, written to files for the test that asks for them. */
import { writeFile } from 'node:fs/promises';
import { onTestFinished } from 'vitest';
import { BotRuntime } from '../../src/bot/runtime.ts';
import { IsolatedBot } from '../../src/bot/isolation/isolated-bot.ts';
import type { IsolationOptions } from '../../src/bot/isolation/options.ts';
import type { BotEntry, RuntimeOptions } from '../../src/bot/runtime-options.ts';
import type { AccountStatus, PluginStatus } from '../../src/bot/status.ts';
import type { Address } from '../../src/net/address.ts';
import { tempDirectory, writeText } from './bot-files.ts';
import { MemoryLog } from './bot-log.ts';
import { plugin } from './bot-world.ts';
import { warmUp } from './warm-up.ts';

/** Several threads that load this project take their time where others work too. */
export const ISOLATED_TIMEOUT_MS = 60_000;

/** As it is built: it starts four times as quickly as from the sources. */
const ENTRY = new URL('../../dist/plugin-worker.js', import.meta.url);

export interface IsolatedSpec extends IsolationOptions {
  /** @default 'bot' */
  readonly name?: string;
  readonly options?: Record<string, unknown>;
  readonly loadTimeoutMs?: number;
}

export interface Isolated {
  readonly bot: IsolatedBot;
  readonly file: string;
}

/** Writes the next version of a plugin, compiled as the first one is. */
export async function writeVersion(file: string, source: string): Promise<void> {
  await writeFile(file, source);
  warmUp(file, source);
}

/** An isolated bot that is not loaded yet. */
export async function createIsolated(source: string, spec: IsolatedSpec, log: MemoryLog): Promise<Isolated> {
  const { name = 'bot', options = {}, ...limits } = spec;
  const file = await writeText(await tempDirectory(), `${name}.ts`, source);
  warmUp(file, source);
  const bot = new IsolatedBot({ file, options, entry: ENTRY, log, ...limits });
  onTestFinished(() => bot.stop(0));
  return { bot, file };
}

/** Loads a plugin in a worker. */
export async function loadIsolated(source: string, spec: IsolatedSpec = {}) {
  const isolated = await createIsolated(source, spec, new MemoryLog());
  return isolated.bot.load();
}

export interface IsolatedWorld extends Isolated {
  readonly group: BotRuntime;
  readonly log: MemoryLog;
  readonly account: () => AccountStatus;
  readonly status: () => PluginStatus;
}

/** Starts an isolated bot, and others in the main thread beside it; resolves when they are logged in. */
export async function startIsolated(
  server: Address,
  source: string,
  spec: IsolatedSpec = {},
  { others = [], ...options }: RuntimeOptions & { readonly others?: readonly BotEntry[] } = {},
): Promise<IsolatedWorld> {
  const log = new MemoryLog();
  const { bot, file } = await createIsolated(source, spec, log);
  const { name, problems } = await bot.load();
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const stateDirectory = await tempDirectory();
  const entries = [{ plugin: plugin(name, { onStart() {} }), isolated: bot, server }, ...others];
  const group = new BotRuntime(entries, { stateDirectory, log, ...options });
  onTestFinished(() => group.stop({ timeoutMs: 0 }));
  await group.start();
  const account = (): AccountStatus => group.status.accounts.find(({ login }) => login === name)!;
  return { bot, file, group, log, account, status: () => account().plugins[0]! };
}
