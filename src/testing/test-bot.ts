import { fileURLToPath } from 'node:url';
import { loadPlugin } from '../bot/loading/loader.ts';
import type { ModuleLoader } from '../bot/loading/module-loader.ts';
import { checkOptions } from '../bot/loading/plugin-options.ts';
import { readPlugin, type LoadedPlugin } from '../bot/loading/read-plugin.ts';
import type { BotPlugin } from '../bot/plugin/plugin.ts';
import type { BotRuntime, StopOptions } from '../bot/runtime.ts';
import type { AccountStatus, PluginStatus } from '../bot/status.ts';
import { ChatosError } from '../errors.ts';
import { resolveTimeout } from './options.ts';

/** A plugin to test: its file, as a path relative to the working directory or as a `file:` URL, or the plugin itself. */
export type PluginUnderTest = string | URL | BotPlugin;

/** When a bot stops, its hooks and private connections may take this long to finish. */
export const STOP_TIMEOUT_MS = 1_000;

/** How long a bot may take to stop, or to be replaced. While the clock stands still, nobody is waited for to answer. */
function stopOptions(timeoutMs: number, isFakeClock: boolean): StopOptions {
  return { timeoutMs, ...(isFakeClock && { answersMs: 0 }) };
}

interface TestBotParts {
  readonly login: string;
  readonly source: PluginUnderTest;
  readonly options: Readonly<Record<string, unknown>>;
  readonly runtime: BotRuntime;
  readonly loader: ModuleLoader;
  readonly isFakeClock: boolean;
}

/** A bot of a {@link TestNetwork}. */
export class TestBot {
  /** The login of its account. */
  readonly login: string;
  readonly #parts: TestBotParts;

  /**
   * A bot whose runtime has this plugin alone.
   *
   * @internal A {@link TestNetwork} makes them.
   */
  constructor(parts: TestBotParts) {
    this.login = parts.login;
    this.#parts = parts;
  }

  /** The status of the plugin, a {@link PluginStatus}: its state, calls, failures, jobs and timers. */
  get status(): PluginStatus {
    return this.account.plugins[0]!;
  }

  /** The status of its account, an {@link AccountStatus}: its connection, channels and messages. */
  get account(): AccountStatus {
    return this.#parts.runtime.status.accounts[0]!;
  }

  /**
   * Reloads the plugin, as `run --watch` does when its file changes: session, store and open channels stay.
   *
   * @param plugin what replaces it; default: the same file
   * @param options its options; default: as before
   * @throws {ChatosError} `INVALID_PLUGIN` or `INVALID_CONFIG`; the old one continues then
   */
  async reload(
    plugin: PluginUnderTest = this.#parts.source,
    options: Readonly<Record<string, unknown>> = this.#parts.options,
  ): Promise<void> {
    const loaded = await loadUnderTest(plugin, options, this.#parts.loader);
    await this.#parts.runtime.reload(0, loaded.plugin, {
      options: loaded.options,
      ...stopOptions(STOP_TIMEOUT_MS, this.#parts.isFakeClock),
    });
  }

  /**
   * Stops it as SIGTERM does: `onStop` is called, and hooks and private connections get `timeoutMs` milliseconds
   * (default: 1000) to finish, of which users get four fifths to answer questions, or no time where the clock is a fake
   * one. The next bot of that name and login has its store.
   */
  async stop(options?: { readonly timeoutMs?: number }): Promise<void> {
    const timeoutMs = resolveTimeout('stop', options, STOP_TIMEOUT_MS);
    await this.#parts.runtime.stop(stopOptions(timeoutMs, this.#parts.isFakeClock));
  }
}

/**
 * Loads a plugin as `run` does, and checks its options.
 *
 * @throws {ChatosError} `INVALID_PLUGIN`, or `INVALID_CONFIG` with a line for each option that is wrong
 */
export async function loadUnderTest(
  plugin: PluginUnderTest,
  options: Readonly<Record<string, unknown>>,
  loader: ModuleLoader,
): Promise<{ plugin: LoadedPlugin; options: Readonly<Record<string, unknown>> }> {
  const file = plugin instanceof URL ? fileURLToPath(plugin) : plugin;
  const loaded =
    typeof file === 'string'
      ? await loadPlugin(file, loader)
      : readPlugin(file, { name: 'bot', file: '', shown: 'the plugin' });
  const checked = await checkOptions(loaded, options);
  if ('options' in checked) return { plugin: loaded, options: checked.options };
  const lines = checked.problems.map(
    ({ path, message }) => `${loaded.name}: ${['options', ...path].join('.')}: ${message}`,
  );
  throw new ChatosError('INVALID_CONFIG', lines.join('\n'), { fields: { file: loaded.file } });
}
