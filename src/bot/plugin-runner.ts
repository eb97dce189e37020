import { AsyncLocalStorage } from 'node:async_hooks';
import { setMaxListeners } from 'node:events';
import type { ChatosClient } from '../client/client.ts';
import type { Channel } from '../client/channel.ts';
import type { RequestOptions } from '../client/options.ts';
import { isChatosError, messageOf } from '../errors.ts';
import { parseCron, type CronSpec } from '../schedule/cron.ts';
import { Job } from '../schedule/job.ts';
import type { Clock } from '../util/clock.ts';
import type { LogFields, Logger } from '../util/log.ts';
import type { LoadedPlugin } from './loader.ts';
import type { Bot, HookName } from './plugin.ts';
import { splitText } from './split-text.ts';

/** Calls of hooks that one plugin may have under way; beyond, further ones are left out. */
const MAX_RUNNING = 1_000;

/** Which plugin and hook the running code belongs to. */
const current = new AsyncLocalStorage<LogFields>();

/** The plugin, hook and peer that an error outside any hook's promise came from, where that can be told. */
export function currentHook(): LogFields {
  return current.getStore() ?? {};
}

/** What happened when a hook was called. */
export type HookResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** One plugin in its account: calls its hooks, and keeps what goes wrong in them from everybody else. */
export class PluginRunner {
  readonly plugin: LoadedPlugin;
  readonly bot: Bot;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #jobs = new Set<Job>();
  readonly #running = new Set<Promise<unknown>>();
  #overloaded = false;

  constructor(
    plugin: LoadedPlugin,
    client: ChatosClient,
    settings: {
      options: Readonly<Record<string, unknown>>;
      directory: string;
      log: Logger;
      clock: Clock;
      /** Called with each channel that the plugin asked for. */
      onRequested: (channel: Channel) => void;
    },
  ) {
    this.plugin = plugin;
    setMaxListeners(0, this.#abort.signal);
    this.#log = settings.log.with({ plugin: plugin.name });
    this.bot = {
      name: plugin.name,
      login: client.login,
      options: settings.options,
      directory: settings.directory,
      log: this.#log,
      signal: this.#abort.signal,
      say: (text) => sendParts(text, (part) => client.say(part)),
      tell: (to, text) => sendParts(text, (part) => client.tell(to, part)),
      request: async (peer: string, options: RequestOptions = {}) => {
        const signal = options.signal ? AbortSignal.any([options.signal, this.bot.signal]) : this.bot.signal;
        const channel = this.guard(await client.request(peer, { ...options, signal }));
        settings.onRequested(channel);
        return channel;
      },
      schedule: (when, run) => this.#schedule(when, run, settings.clock),
    };
  }

  has(hook: HookName): boolean {
    return this.plugin.hooks[hook] !== undefined;
  }

  /** Calls a hook; never rejects. What it throws or rejects is logged with plugin, hook and peer. */
  call<T>(hook: HookName | 'schedule', peer: string | undefined, run: () => T | Promise<T>): Promise<HookResult<T>> {
    const fields = { plugin: this.plugin.name, hook, ...(peer === undefined ? {} : { peer }) };
    if (this.#running.size >= MAX_RUNNING && hook !== 'onStop') {
      if (!this.#overloaded) this.#log.warn('too many calls under way: further ones are left out', { hook });
      this.#overloaded = true;
      return Promise.resolve({ ok: false, error: undefined });
    }
    this.#overloaded = false;
    const call = current.run(fields, async (): Promise<HookResult<T>> => {
      try {
        return { ok: true, value: await run() };
      } catch (error) {
        // What the network did is told in a line; a bug of the plugin with its trace.
        if (isChatosError(error)) {
          this.#log.warn(`${hook} failed: ${error.message}`, { hook, peer, code: error.code });
        } else {
          const stack = error instanceof Error ? error.stack : undefined;
          this.#log.error(`${hook} failed: ${messageOf(error)}`, { hook, peer, stack });
        }
        return { ok: false, error };
      }
    });
    this.#running.add(call);
    void call.then(() => this.#running.delete(call));
    return call;
  }

  /** Sees to it that a channel that breaks is a line in the log and nothing worse. */
  guard(channel: Channel): Channel {
    channel.on('error', (error) =>
      this.#log.info(`private connection ended: ${error.message}`, { peer: channel.peer }),
    );
    return channel;
  }

  /** No new scheduled runs; `bot.signal` is aborted, then `onStop` is called. Resolves when nothing of it runs. */
  async stop(): Promise<void> {
    const jobs = [...this.#jobs].map((job) => job.stop());
    this.#abort.abort();
    if (this.has('onStop')) await this.call('onStop', undefined, () => this.plugin.hooks.onStop?.(this.bot));
    await Promise.all([...jobs, ...this.#running]);
  }

  #schedule(when: CronSpec, run: () => void | Promise<void>, clock: Clock): void {
    if (this.bot.signal.aborted) return;
    const job = new Job(parseCron(when), async () => void (await this.call('schedule', undefined, run)), clock);
    this.#jobs.add(job);
  }
}

async function sendParts(text: string, send: (part: string) => Promise<void>): Promise<void> {
  for (const part of splitText(text)) await send(part);
}
