import { randomBytes } from 'node:crypto';
import type { Store } from '../store/store.ts';
import { toJson } from './json-data.ts';

/** What the keys of timers begin with. */
const PREFIX = 'timer ';

/** A timer that has not run. */
export interface KeptTimer {
  /** In the store: sorted by time there, as its timers are. */
  readonly key: string;
  readonly name: string;
  /** In ms since 1970. */
  readonly at: number;
  /** As JSON. */
  readonly data: string | undefined;
}

/**
 * Makes a timer that is to be kept.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where the data is not JSON, or too long
 */
export function newTimer(name: string, at: Date, data: unknown): KeptTimer {
  const key = `${PREFIX}${at.toISOString()} ${randomBytes(6).toString('base64url')}`;
  return { key, name, at: at.getTime(), data: data === undefined ? undefined : toJson(data, 'a timer') };
}

/** What the store has under the key of a timer. */
export function recordOf({ name, at, data }: KeptTimer): unknown {
  return { name, at: new Date(at).toISOString(), data };
}

/** The timers that a store has, the next one first; what is of no use is left out. */
export async function* keptTimers(records: Pick<Store, 'entries'>): AsyncGenerator<KeptTimer> {
  for await (const [key, value] of records.entries({ prefix: PREFIX })) {
    const { name, at, data } = (value ?? {}) as Readonly<Record<string, unknown>>;
    const time = typeof at === 'string' ? Date.parse(at) : NaN;
    const isData = data === undefined || typeof data === 'string';
    if (typeof name === 'string' && !Number.isNaN(time) && isData) yield { key, name, at: time, data };
  }
}

/** What names a timer among those of its plugin. */
export function idOf({ key }: KeptTimer): string {
  return key.slice(key.lastIndexOf(' ') + 1);
}

/** What was given when the timer was set. */
export function dataOf({ data }: KeptTimer): unknown {
  return data === undefined ? undefined : (JSON.parse(data) as unknown);
}
