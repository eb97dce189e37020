import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/log.ts';
import type { Activity } from './activity.ts';
import type { BreakerLimits } from './circuit-breaker.ts';
import type { PlainOptions } from './context.ts';
import type { AccountServices } from './plugin-context.ts';
import { PluginRunner } from './plugin-runner.ts';
import type { LoadedPlugin } from './plugin-shape.ts';
import type { PluginStatus } from './status.ts';
import type { PluginStore } from './store.ts';

/** One plugin of an account: what stays when the plugin is replaced by a newer version of itself. */
export interface Seat {
  readonly directory: string;
  readonly store: PluginStore;
}

export interface AccountPluginsSettings {
  /** What the account does for one of its plugins. */
  readonly servicesFor: (bot: string) => AccountServices;
  readonly breaker: BreakerLimits;
  readonly log: Logger;
  readonly clock: Clock;
  readonly activity: Activity;
}

/** The plugins that share an account, in their order: from being added to being replaced or stopped. */
export class AccountPlugins {
  readonly #settings: AccountPluginsSettings;
  readonly #runners: PluginRunner[] = [];
  readonly #seats = new Map<PluginRunner, Seat>();
  /** What older versions of plugins still have to do. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #ending = new Set<Promise<void>>();
  #started = false;
  #stopping = false;

  constructor(settings: AccountPluginsSettings) {
    this.#settings = settings;
  }

  /** Those that hear what is said from now on. */
  get runners(): readonly PluginRunner[] {
    return this.#runners;
  }

  /** Whether they were ever started. */
  get started(): boolean {
    return this.#started;
  }

  /** Adds a plugin, which begins when they are started. */
  add(plugin: LoadedPlugin, options: PlainOptions, seat: Seat): PluginRunner {
    const runner = this.#createRunner(plugin, options, seat);
    this.#runners.push(runner);
    return runner;
  }

  /**
   * Puts a newer version of a plugin in the place of the old one, which hears nothing more; its channels go on. Resolves
   * to the new one when what was under way in the old one has finished or its time is up; what is heard meanwhile waits
   * for the new one's start. From then on the old one can say nothing more, but over private connections that it has.
   */
  async replace(
    old: PluginRunner,
    plugin: LoadedPlugin,
    options: PlainOptions,
    drained: (work: Promise<void>) => Promise<void>,
  ): Promise<PluginRunner> {
    const runner = this.#createRunner(plugin, options, this.#seats.get(old)!);
    this.#runners.splice(this.#runners.indexOf(old), 1, runner);
    this.#seats.delete(old);
    const { unrun } = old;
    const leaving = old.leave();
    this.#leaving.add(leaving);
    void leaving.then(() => this.#leaving.delete(leaving));
    await drained(leaving);
    old.end();
    this.#end(old.plugin);
    if (this.#started && !this.#stopping) runner.start(unrun);
    return runner;
  }

  /** Starts them; a second time, or after the stop, nothing happens. */
  start(): void {
    if (this.#started || this.#stopping) return;
    this.#started = true;
    for (const runner of this.#runners) runner.start();
  }

  /** Lets them finish; resolves when they have, older versions included. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#runners.map((runner) => runner.stop()), ...this.#leaving]);
  }

  /** From now on they can say nothing more, finished or not. */
  end(): void {
    for (const runner of this.#runners) runner.end();
  }

  /** Resolves when nothing of them is left: worker threads are gone, stores closed. */
  async close(): Promise<void> {
    for (const { plugin } of this.#runners) this.#end(plugin);
    await Promise.all(this.#ending);
    await Promise.all([...this.#seats.values()].map(({ store }) => store.close()));
  }

  get status(): PluginStatus[] {
    return this.#runners.map((runner) => runner.status);
  }

  /** A worker thread that the plugin runs in lives until its private connections are closed: nobody waits for that here. */
  #end(plugin: LoadedPlugin): void {
    const ending = plugin.close?.();
    if (!ending) return;
    this.#ending.add(ending);
    void ending.then(() => this.#ending.delete(ending));
  }

  #createRunner(plugin: LoadedPlugin, options: PlainOptions, { directory, store }: Seat): PluginRunner {
    const { servicesFor, log, clock, breaker, activity } = this.#settings;
    const settings = { options, directory, log, clock, store, breaker, activity };
    const runner = new PluginRunner(plugin, servicesFor(plugin.name), settings);
    this.#seats.set(runner, { directory, store });
    return runner;
  }
}
