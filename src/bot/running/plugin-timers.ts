import { randomBytes } from 'node:crypto';
import { ChatosError, messageOf } from '../../errors.ts';
import { closest } from '../../util/closest.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/log.ts';
import type { Awaitable, FiredTimer, Timer } from '../plugin/context.ts';
import type { TimersStatus } from '../status.ts';
import type { Store } from '../store/store.ts';

/** Timers that one plugin may have. */
const MAX_TIMERS = 10_000;
/** What the data of one may take as JSON, and that of all, in bytes: a part of what the runtime may keep of a plugin. */
const MAX_DATA_BYTES = 16 * 1024;
const MAX_TOTAL_BYTES = 3 * 1024 * 1024;
/** What one takes besides its data, about. */
const TIMER_BYTES = 128;
/** Timers whose handlers may run at the same time. */
const MAX_RUNNING = 100;
/** Longer waits are split: a timer does not notice that the clock was set or that the machine slept. */
const LONGEST_WAIT_MS = 60_000;
const PREFIX = 'timer ';

/** A timer that has not run. */
interface Kept {
  readonly key: string;
  readonly name: string;
  readonly at: number;
  /** As JSON. */
  readonly data: string | undefined;
}

/** Gets the data of a timer, and which one it is. */
export type TimerHandler = (data: unknown, timer: FiredTimer) => Awaitable<void>;

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
  readonly call: (timer: string, run: () => Awaitable<void>) => Promise<{ readonly ok: boolean }>;
}

/**
 * The timers of one plugin, which are kept in its store until their handler has run: so they outlive the process. One whose
 * process dies during the run, or is stopped, runs again.
 */
export class PluginTimers {
  readonly #options: PluginTimersOptions;
  /** Those that have not run, the next one first. */
  readonly #waiting: Kept[] = [];
  /** The keys of those that this process has added, until what was kept before has been read. */
  #own: Set<string> | undefined = new Set();
  /** Those whose handler is running, by key. */
  readonly #runs = new Map<string, Promise<void>>();
  #bytes = 0;
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
      for await (const [key, value] of handlers.size === 0 ? [] : records.entries({ prefix: PREFIX })) {
        const kept = readRecord(key, value);
        if (!kept || this.#own?.has(key) || theirs.has(key)) continue;
        if (handlers.has(kept.name)) this.#keep(kept);
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
    const kept: Kept = { key: newKey(at), name, at: at.getTime(), data: toJson(data) };
    if (this.#waiting.length >= MAX_TIMERS || this.#bytes + bytesOf(kept) > MAX_TOTAL_BYTES) {
      const limits = { maxTimers: MAX_TIMERS, maxTotalBytes: MAX_TOTAL_BYTES };
      throw new ChatosError('QUEUE_FULL', `the plugin has ${this.#waiting.length} timers already`, { fields: limits });
    }
    this.#own?.add(kept.key);
    this.#keep(kept);
    try {
      await records.set(kept.key, { name, at: at.toISOString(), data: kept.data });
    } catch (error) {
      this.#forget(kept);
      throw error;
    }
    this.#wait();
    return this.#handle(kept);
  }

  /** Those that have not run, the next one first. */
  list(name?: string): Timer[] {
    const newer = this.#newer;
    if (newer) return newer.list(name);
    const wanted = this.#waiting.filter((kept) => name === undefined || kept.name === name);
    return wanted.map((kept) => this.#handle(kept));
  }

  get status(): TimersStatus {
    const next = this.#waiting.slice(0, MAX_LISTED).map(({ name, at }) => ({ name, at: new Date(at) }));
    return { count: this.#waiting.length, next };
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
      const [first] = this.#waiting;
      if (!first || this.#runs.size >= MAX_RUNNING) return;
      if (first.at > now) {
        this.#cancelWait = clock.after(Math.min(first.at - now, LONGEST_WAIT_MS), () => this.#wait());
        return;
      }
      this.#forget(first);
      this.#runs.set(first.key, this.#run(first, now));
    }
  }

  async #run(kept: Kept, now: number): Promise<void> {
    const { handlers, call, records, log } = this.#options;
    const { key, name, at } = kept;
    let isCalled = false;
    const fired: FiredTimer = { id: idOf(key), name, at: new Date(at), lateMs: now - at };
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

  #takeBack(kept: Kept): void {
    const newer = this.#newer;
    if (newer) return newer.#takeBack(kept);
    if (this.#isStopped) return;
    this.#own?.add(kept.key);
    this.#keep(kept);
  }

  async #cancel(kept: Kept): Promise<boolean> {
    const newer = this.#newer;
    if (newer) return newer.#cancel(kept);
    if (!this.#forget(kept)) return false;
    return this.#options.records.delete(kept.key);
  }

  #handle(kept: Kept): Timer {
    const { key, name, at } = kept;
    return { id: idOf(key), name, at: new Date(at), data: dataOf(kept), cancel: () => this.#cancel(kept) };
  }

  #keep(kept: Kept): void {
    const place = this.#placeOf(kept);
    // One that an older version gives back may have been read from the store, too.
    if (this.#waiting[place]?.key === kept.key) return;
    this.#waiting.splice(place, 0, kept);
    this.#bytes += bytesOf(kept);
  }

  #forget(kept: Kept): boolean {
    const place = this.#placeOf(kept);
    if (this.#waiting[place]?.key !== kept.key) return false;
    this.#waiting.splice(place, 1);
    this.#bytes -= bytesOf(kept);
    return true;
  }

  /** Where it stands, or would stand. */
  #placeOf(kept: Kept): number {
    let [from, to] = [0, this.#waiting.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (byTime(this.#waiting[middle]!, kept) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

/** Timers that the status lists. */
const MAX_LISTED = 100;

function noHandler(name: string, known: readonly string[]): ChatosError {
  const near = closest(name, known);
  const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean '${near}'?`;
  const why =
    known.length === 0
      ? "the plugin has no timers: give it a part 'timers' with a handler for each"
      : `the plugin has no timer '${name}'; ${hint}`;
  return new ChatosError('INVALID_ARGUMENT', why, { fields: { timer: name } });
}

function dataOf({ data }: Kept): unknown {
  return data === undefined ? undefined : (JSON.parse(data) as unknown);
}

/** Sorted by time, timers are as in the store. */
function newKey(at: Date): string {
  return `${PREFIX}${at.toISOString()} ${randomBytes(6).toString('base64url')}`;
}

function idOf(key: string): string {
  return key.slice(key.lastIndexOf(' ') + 1);
}

function byTime(one: Kept, other: Kept): number {
  return one.at - other.at || (one.key < other.key ? -1 : 1);
}

function bytesOf({ name, data = '' }: Kept): number {
  return TIMER_BYTES + Buffer.byteLength(name) + Buffer.byteLength(data);
}

function toJson(data: unknown): string | undefined {
  if (data === undefined) return undefined;
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (error) {
    throw new ChatosError('INVALID_ARGUMENT', `the data of a timer is not JSON: ${messageOf(error)}`, { cause: error });
  }
  if (text === undefined) throw new ChatosError('INVALID_ARGUMENT', 'the data of a timer is not JSON');
  if (Buffer.byteLength(text) <= MAX_DATA_BYTES) return text;
  throw new ChatosError(
    'INVALID_ARGUMENT',
    `the data of a timer is over ${MAX_DATA_BYTES} bytes: keep it in the store`,
  );
}

/** The timers that the store of a plugin has, the next one first: for commands that look at it while no bot runs. */
export async function* keptTimers(records: Pick<Store, 'entries'>): AsyncGenerator<{ name: string; at: Date }> {
  for await (const [key, value] of records.entries({ prefix: PREFIX })) {
    const kept = readRecord(key, value);
    if (kept) yield { name: kept.name, at: new Date(kept.at) };
  }
}

/** A timer as it was kept; `undefined` where that is of no use. */
function readRecord(key: string, value: unknown): Kept | undefined {
  const { name, at, data } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const time = typeof at === 'string' ? Date.parse(at) : NaN;
  if (typeof name !== 'string' || Number.isNaN(time) || !['string', 'undefined'].includes(typeof data))
    return undefined;
  return { key, name, at: time, data: data as string | undefined };
}
