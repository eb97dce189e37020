import process from 'node:process';
import type { AccountStatus } from '../bot/status.ts';
import type { ServerStats } from '../server/stats.ts';
import type { Clock } from '../util/clock.ts';
import { lateSeconds, startedHistogram } from './event-loop-delay.ts';
import { refusalsOf } from './troubles.ts';

/** How often a sample is taken, in milliseconds. */
const SAMPLE_MS = 2_000;
/** So many are kept: those of ten minutes. */
export const MAX_SAMPLES = 300;

/** A rate is the mean of so many samples, ten seconds: what happens every few seconds is no comb then. */
const RATE_SAMPLES = 5;

/** What a sample is taken of. */
export interface Facts {
  readonly stats: ServerStats | undefined;
  readonly accounts: readonly AccountStatus[] | undefined;
  readonly memoryBytes: number;
  /** How late the event loop was at most since the last sample. */
  readonly delaySeconds: number;
}

/** What is read for a sample, and the memory of the server's other processes. */
type Read = Pick<Facts, 'stats' | 'accounts'> & { readonly workersBytes?: number };

type Row = readonly [
  of: 'server' | 'bots' | 'process',
  key: string,
  title: string,
  unit: 'count' | 'bytes' | 'seconds',
  per: 'value' | 'per second',
  value: (facts: Facts) => number | undefined,
];

const sumOf = (accounts: Facts['accounts'], of: (account: AccountStatus) => number): number | undefined =>
  accounts?.reduce((sum, account) => sum + of(account), 0);

/** A row for each plot. Of what is counted, the number per second is kept; what a process does not have is left out. */
const SERIES: readonly Row[] = [
  ['server', 'sessions', 'Sessions', 'count', 'value', ({ stats }) => stats?.clients],
  ['server', 'messages', 'Messages', 'count', 'per second', ({ stats }) => stats?.messages],
  ['server', 'channels', 'Private connections', 'count', 'value', ({ stats }) => stats?.channels],
  ['server', 'relayed', 'Relayed', 'bytes', 'per second', ({ stats }) => stats?.relayedBytes],
  ['server', 'queued', 'Waiting for clients', 'bytes', 'value', ({ stats }) => stats?.queuedBytes],
  ['server', 'refused', 'Refusals', 'count', 'per second', ({ stats }) => stats && refusalsOf(stats)],
  [
    'bots',
    'heard',
    'Heard by bots',
    'count',
    'per second',
    ({ accounts }) => sumOf(accounts, (each) => each.messages.heard),
  ],
  [
    'bots',
    'sent',
    'Sent by bots',
    'count',
    'per second',
    ({ accounts }) => sumOf(accounts, (each) => each.messages.sent),
  ],
  ['process', 'memory', 'Memory', 'bytes', 'value', ({ memoryBytes }) => memoryBytes],
  ['process', 'delay', 'Event loop delay', 'seconds', 'value', ({ delaySeconds }) => delaySeconds],
];

/** What was at one moment: when, in milliseconds since 1970, and a number for each series. */
export type Sample = readonly [atMs: number, ...values: number[]];

/** What `/history` sends. */
export interface HistoryDocument {
  readonly sampleMs: number;
  readonly series: readonly { key: string; title: string; unit: Row[3]; per: Row[4] }[];
  /** The oldest first. */
  readonly samples: readonly Sample[];
}

/** Keeps what the plots show of the last ten minutes: a page that is opened has them at once. */
export class History {
  readonly #read: () => Read;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #rows: readonly Row[];
  readonly #samples: Sample[] = [];
  /** What the server had counted at each sample. */
  readonly #stats: (ServerStats | undefined)[] = [];
  readonly #delay = startedHistogram();
  readonly #timer: NodeJS.Timeout;
  /** What was counted at the last samples, the oldest first: rates are means over them. */
  readonly #counted: { readonly atMs: number; readonly totals: readonly number[] }[] = [];

  /** @param of what `read` gives facts of */
  constructor(of: { readonly server: boolean; readonly bots: boolean }, read: () => Read, clock: Pick<Clock, 'now'>) {
    this.#read = read;
    this.#clock = clock;
    this.#rows = SERIES.filter(([each]) => each === 'process' || of[each]);
    const take = (): void => {
      try {
        this.take();
      } catch {
        // It is missing then: who asks for the status gets the reason, and so does the log.
      }
    };
    this.#timer = setInterval(take, SAMPLE_MS).unref();
    setImmediate(take).unref();
  }

  /** What the server had counted at the oldest sample. */
  get before(): ServerStats | undefined {
    return this.#stats[0];
  }

  /** Takes a sample now; the oldest goes. */
  take(): void {
    const facts = this.#facts();
    this.#delay.reset();
    const totals = this.#numbers(facts);
    const atMs = performance.now();
    const before = this.#counted[0] ?? { atMs, totals };
    const seconds = Math.max(atMs - before.atMs, 1) / 1000;
    this.#counted.push({ atMs, totals });
    if (this.#counted.length > RATE_SAMPLES) this.#counted.shift();
    const values = this.#rows.map(([, , , , per], index) => {
      const total = totals[index]!;
      // A reload of a bot begins its counters again.
      return per === 'value' ? total : Math.max(total - before.totals[index]!, 0) / seconds;
    });
    this.#samples.push([this.#clock.now().getTime(), ...values.map((value) => Number(value.toPrecision(6)))]);
    this.#stats.push(facts.stats);
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    if (this.#stats.length > MAX_SAMPLES) this.#stats.shift();
  }

  /** The samples after a time, in milliseconds since 1970. */
  document(afterMs = -Infinity): HistoryDocument {
    return {
      sampleMs: SAMPLE_MS,
      series: this.#rows.map(([, key, title, unit, per]) => ({ key, title, unit, per })),
      samples: this.#samples.filter(([atMs]) => atMs > afterMs),
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  #facts(): Facts {
    const { max } = this.#delay;
    const read = this.#read();
    return {
      ...read,
      memoryBytes: process.memoryUsage.rss() + (read.workersBytes ?? 0),
      delaySeconds: this.#delay.count === 0 ? 0 : lateSeconds(max),
    };
  }

  #numbers(facts: Facts): number[] {
    return this.#rows.map(([, , , , , value]) => value(facts) ?? 0);
  }
}
