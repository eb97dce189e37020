import type { AccountScope } from './running/account-scope.ts';
import type { BreakerLimits } from './running/circuit-breaker.ts';
import type { PlainOptions } from './plugin/context.ts';
import type { AccountServices } from './running/plugin-context.ts';
import { DialogueRecords } from './running/dialogue-records.ts';
import { PluginRunner } from './running/plugin-runner.ts';
import type { NewestTimers } from './running/plugin-timers.ts';
import type { LoadedPlugin } from './loading/read-plugin.ts';
import type { PluginStatus } from './status.ts';
import type { PluginStore } from './store/plugin-store.ts';

/** One plugin of an account: what stays when the plugin is replaced by a newer version of itself. */
export interface Seat {
  readonly directory: string;
  /** Makes its store ready; it is opened when it is first used. */
  readonly openStore: () => PluginStore;
  /** Where it has run before: what its schedules have missed since is made up for. */
  since?: Date | undefined;
}

interface TakenSeat extends Seat {
  store: PluginStore;
  newestTimers: NewestTimers;
  dialogueRecords: DialogueRecords;
  runner: PluginRunner;
}

/** Where its login is lost to another process, a plugin may take so long to finish before its store is closed, in ms. */
const STEP_DOWN_TIMEOUT_MS = 5_000;

export interface AccountPluginsSettings extends AccountScope {
  /** What the account does for one of its plugins. */
  readonly servicesFor: (bot: string) => AccountServices;
  readonly commandPrefix: string;
  readonly breaker: BreakerLimits;
}

/** The plugins that share an account, in their order: from being added to being replaced or stopped. */
export class AccountPlugins {
  readonly #settings: AccountPluginsSettings;
  readonly #seats: TakenSeat[] = [];
  /** What older versions of plugins still have to do. */
  readonly #leaving = new Set<Promise<void>>();
  /** Whether they are at work. */
  started = false;
  #stopping = false;

  constructor(settings: AccountPluginsSettings) {
    this.#settings = settings;
  }

  /** Those that get what is said from now on. */
  get runners(): readonly PluginRunner[] {
    return this.#seats.map(({ runner }) => runner);
  }

  /** Adds a plugin, which begins when they are started; returns its place. */
  add(plugin: LoadedPlugin, options: PlainOptions, seat: Seat): number {
    const store = seat.openStore();
    const own = { ...seat, store, newestTimers: {}, dialogueRecords: new DialogueRecords(store.records) };
    const runner = this.#createRunner(plugin, options, own);
    const place = this.#seats.push({ ...own, runner }) - 1;
    this.#warnOfClashes(runner);
    return place;
  }

  /**
   * Puts a newer version of a plugin in the place of the old one, which hears nothing more; its channels go on. Resolves
   * when what the old one was doing has finished or its time is up; what is heard meanwhile waits for the new one's
   * start. Questions of the old one may be answered for `answersMs` milliseconds. From then on the old one can say nothing more, but over private connections that it has.
   */
  async replace(
    place: number,
    plugin: LoadedPlugin,
    options: PlainOptions,
    answersMs: number,
    drained: (work: Promise<void>) => Promise<void>,
  ): Promise<void> {
    const seat = this.#seats[place]!;
    const old = seat.runner;
    const { account, observer } = this.#settings;
    observer({ type: 'reloaded', ...account, bot: plugin.name });
    const runner = this.#createRunner(plugin, options, seat);
    seat.runner = runner;
    this.#warnOfClashes(runner);
    const { handover } = old.jobs;
    await drained(this.#track(old.leave(answersMs)));
    old.end();
    if (this.started && !this.#stopping && seat.runner === runner) runner.start(handover, old);
  }

  /** The account has a session: starts them, or has them go on where they were started before. */
  connected(): void {
    if (this.#stopping) return;
    if (this.started) {
      for (const { runner } of this.#seats) runner.resume();
      return;
    }
    this.started = true;
    for (const seat of this.#seats) {
      const { since } = seat;
      seat.runner.start(since && { since, done: new Map() });
      delete seat.since;
    }
  }

  /**
   * Another process has their login: lets them finish, leaves their stores to it, and puts fresh ones in their places,
   * which begin when the login is ours again.
   */
  stepDown(): void {
    if (!this.started || this.#stopping) return;
    this.started = false;
    for (const seat of this.#seats) {
      const { runner: old, store } = seat;
      seat.store = seat.openStore();
      seat.newestTimers = {};
      seat.dialogueRecords = new DialogueRecords(seat.store.records);
      seat.runner = this.#createRunner(old.plugin, old.context.options, seat);
      void this.#track(this.#leave(old).then(() => store.close()));
    }
  }

  #track(leaving: Promise<void>): Promise<void> {
    this.#leaving.add(leaving);
    void leaving.then(() => this.#leaving.delete(leaving));
    return leaving;
  }

  async #leave(old: PluginRunner): Promise<void> {
    const { clock } = this.#settings;
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => (cancel = clock.after(STEP_DOWN_TIMEOUT_MS, resolve)));
    await Promise.race([old.stop(0), late]);
    cancel();
    old.end();
  }

  /**
   * Lets them finish; resolves when they have, older versions included.
   *
   * @param answersMs how long their questions may still be answered
   */
  async stop(answersMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.runners.map((runner) => runner.stop(answersMs)), ...this.#leaving]);
  }

  /** From now on they can say nothing more, finished or not. */
  end(): void {
    for (const { runner } of this.#seats) runner.end();
  }

  async close(): Promise<void> {
    await Promise.all(this.#seats.map(({ store }) => store.close()));
  }

  /** What of them has not finished, as `echo onMessage`. */
  get underWay(): string[] {
    return this.runners.flatMap(({ plugin, calls }) => calls.hooks.map((hook) => `${plugin.name} ${hook}`));
  }

  get status(): PluginStatus[] {
    return this.runners.map((runner) => runner.status);
  }

  /** Warns where a plugin and another have commands of the same name: only the first of them in their order is called. */
  #warnOfClashes(runner: PluginRunner): void {
    const { commandPrefix, log } = this.#settings;
    const at = this.runners.indexOf(runner);
    for (const [index, other] of this.runners.entries()) {
      if (other === runner) continue;
      const [{ plugin: first }, { plugin: second }] = index < at ? [other, runner] : [runner, other];
      const clashes = [...second.commands.keys()].filter((name) => first.commands.has(name));
      if (clashes.length === 0) continue;
      const names = clashes.map((name) => `${commandPrefix}${name}`).join(', ');
      const them = clashes.length === 1 ? 'it' : 'them';
      log.warn(`${second.name} never gets ${names}: ${first.name}, which comes first, has ${them} too`);
    }
  }

  #createRunner(
    plugin: LoadedPlugin,
    options: PlainOptions,
    { directory, store, newestTimers, dialogueRecords }: Omit<TakenSeat, 'runner'>,
  ): PluginRunner {
    const settings = { ...this.#settings, options, directory, store, newestTimers, dialogueRecords };
    return new PluginRunner(plugin, this.#settings.servicesFor(plugin.name), settings);
  }
}
