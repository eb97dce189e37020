import { ChatosError, messageOf } from '../../errors.ts';
import { closest } from '../../util/closest.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/log.ts';
import type { FiredTimer, Timer } from '../plugin/context.ts';
import type { TimersStatus } from '../status.ts';
import type { Store } from '../store/store.ts';
import { TimerQueue } from './timer-queue.ts';
import { dataOf, idOf, keptTimers, newTimer, recordOf, type KeptTimer } from './timer-records.ts';

/** Timers whose handlers may run at the same time. */
const MAX_RUNNING = 100;
/** Timers that the status lists. */
const MAX_LISTED = 100;
/** Longer waits are split: a timer does not notice that the clock was set or that the machine slept. */
const LONGEST_WAIT_MS = 60_000;

/** The timer that ends a dialogue without an answer; plugins do not see it. */
export const DIALOGUE_TIMER = 'time-out of a dialogue';

/** Gets the data of a timer, and which one it is. */
export type TimerHandler = (data: unknown, timer: FiredTimer) => unknown;

/** A place for the timers of the newest version of a plugin. */
export interface NewestTimers {
  timers?: PluginTimers;
}

export interface PluginTimersOptions {
  readonly clock: Clock;
  readonly records: Pick<Store, 'set' | 'delete' | 'entries'>;
  readonly log: Logger;
  /** The plugin's handlers, by name. */
  readonly handlers: ReadonlyMap<string, TimerHandler>;
  /** Whether the plugin may be called, and there is a session; if not, timers that are due wait. */
  readonly isOpen: () => boolean;
  /** The timers of the newest version of the plugin, which all versions share: from now on, these. */
  readonly newest: NewestTimers;
  /** Calls something of the plugin; resolves to whether it succeeded. */
  readonly call: (timer: string, run: () => unknown) => Promise<{ readonly ok: boolean }>;
}

/**
 * The timers of one plugin, which are kept in its store until their handler has run: so they outlive the process. One whose
 * process dies during the run, or is stopped, runs again.
 */
export class PluginTimers {
  readonly #options: PluginTimersOptions;
  /** Those that have not run. */
  readonly #waiting = new TimerQueue();
  /** The keys of those that this process has added, until what was kept before has been read. */
  #own: Set<string> | undefined = new Set();
  /** Those whose handler is running, by key. */
  readonly #runs = new Map<string, Promise<void>>();
  #cancelWait: () => void = () => undefined;
  #state: 'new' | 'running' | 'stopped' = 'new';

  constructor(options: PluginTimersOptions) {
    this.#options = options;
    options.newest.timers = this;
  }

  /**
   * Reads what was kept, and runs what is due from now on. Never rejects.
   *
   * @param older those of the version before, which may still be running some
   */
  async start(older?: PluginTimers): Promise<void> {
    const { records, log, handlers } = this.#options;
    const theirs = older ? older.#runs : new Map<string, unknown>();
    const orphans = new Map<string, number>();
    try {
      for await (const kept of handlers.size === 0 ? [] : keptTimers(records)) {
        if (this.#own?.has(kept.key) || theirs.has(kept.key)) continue;
        if (handlers.has(kept.name)) this.#waiting.add(kept);
        else orphans.set(kept.name, (orphans.get(kept.name) ?? 0) + 1);
      }
    } catch (error) {
      log.warn(`the timers that were kept cannot be read: ${messageOf(error)}`);
    }
    for (const [timer, count] of orphans) {
      log.warn('timers wait for a handler that the plugin does not have', { timer, count });
    }
    this.#own = undefined;
    if (this.#state === 'new') this.#state = 'running';
    this.#wait();
  }

  /**
   * Adds a timer; resolves when it is on disk.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT`, `QUEUE_FULL` where there are too many, or what the store throws
   */
  async add(name: string, at: Date, data: unknown): Promise<Timer> {
    const newer = this.#newer;
    if (newer) return newer.add(name, at, data);
    const { records, handlers } = this.#options;
    if (!handlers.has(name)) throw noHandler(name, [...handlers.keys()]);
    const kept = newTimer(name, at, data);
    this.#waiting.checkRoom(kept);
    this.#own?.add(kept.key);
    this.#waiting.add(kept);
    try {
      await records.set(kept.key, recordOf(kept));
    } catch (error) {
      this.#waiting.remove(kept);
      throw error;
    }
    this.#wait();
    return this.#handle(kept);
  }

  /** Those that have not run, the next one first. */
  list(name?: string): Timer[] {
    const newer = this.#newer;
    if (newer) return newer.list(name);
    const wanted = this.#waiting.list().filter((kept) => name === undefined || kept.name === name);
    return wanted.map((kept) => this.#handle(kept));
  }

  /** Cancels those of one name that have some data. */
  async cancelWhere(name: string, isMeant: (data: unknown) => boolean): Promise<void> {
    const meant = this.list(name).filter(({ data }) => isMeant(data));
    await Promise.all(meant.map((timer) => timer.cancel()));
  }

  get status(): TimersStatus {
    const next = this.#waiting.list(MAX_LISTED).map(({ name, at }) => ({ name, at: new Date(at) }));
    return { count: this.#waiting.size, next };
  }

  /** The plugin may be called again, or there is a session again. */
  resume(): void {
    this.#wait();
  }

  /** No further runs. */
  stop(): void {
    this.#state = 'stopped';
    this.#cancelWait();
  }

  /** Resolves when those that are running have ended, and the store knows. */
  async settled(): Promise<void> {
    await Promise.all(this.#runs.values());
  }

  #wait(): void {
    const { clock, isOpen } = this.#options;
    this.#cancelWait();
    if (this.#state !== 'running' || !isOpen()) return;
    const now = clock.now().getTime();
    for (;;) {
      const { first } = this.#waiting;
      if (!first || this.#runs.size >= MAX_RUNNING) return;
      if (first.at > now) {
        this.#cancelWait = clock.after(Math.min(first.at - now, LONGEST_WAIT_MS), () => this.#wait());
        return;
      }
      this.#waiting.remove(first);
      this.#runs.set(first.key, this.#run(first, now));
    }
  }

  async #run(kept: KeptTimer, now: number): Promise<void> {
    const { handlers, call, records, log } = this.#options;
    const { key, name, at } = kept;
    let isCalled = false;
    const fired: FiredTimer = { id: idOf(kept), name, at: new Date(at), lateMs: now - at };
    const { ok } = await call(name, () => {
      isCalled = true;
      return handlers.get(name)!(dataOf(kept), fired);
    });
    // One that was suspended meanwhile, or cut short by the stop, has not run.
    const hasRun = isCalled && (ok || !this.#isStopped);
    try {
      if (hasRun) await records.delete(key);
    } catch (error) {
      log.warn(`a timer that has run may run again after a restart: ${messageOf(error)}`, { timer: name });
    }
    this.#runs.delete(key);
    if (!hasRun) this.#takeBack(kept);
    if (isCalled) this.#wait();
  }

  /** Those of the newest version, where that is another one: they are asked instead. */
  get #newer(): PluginTimers | undefined {
    const { timers } = this.#options.newest;
    return timers === this ? undefined : timers;
  }

  get #isStopped(): boolean {
    return this.#state === 'stopped';
  }

  #takeBack(kept: KeptTimer): void {
    const newer = this.#newer;
    if (newer) return newer.#takeBack(kept);
    if (this.#isStopped) return;
    this.#own?.add(kept.key);
    this.#waiting.add(kept);
  }

  async #cancel(kept: KeptTimer): Promise<boolean> {
    const newer = this.#newer;
    if (newer) return newer.#cancel(kept);
    if (!this.#waiting.remove(kept)) return false;
    return this.#options.records.delete(kept.key);
  }

  #handle(kept: KeptTimer): Timer {
    const { name, at } = kept;
    return { id: idOf(kept), name, at: new Date(at), data: dataOf(kept), cancel: () => this.#cancel(kept) };
  }
}

function noHandler(name: string, known: readonly string[]): ChatosError {
  const near = closest(name, known);
  const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean '${near}'?`;
  const why =
    known.length === 0
      ? "the plugin has no timers: give it a part 'timers' with a handler for each"
      : `the plugin has no timer '${name}'; ${hint}`;
  return new ChatosError('INVALID_ARGUMENT', why, { fields: { timer: name } });
}
