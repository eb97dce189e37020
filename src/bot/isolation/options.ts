import type { LimitRow } from '../../util/option-table.ts';

/** What a plugin in a worker thread may use. */
export interface IsolationOptions {
  /** Memory in MiB: for its heap alone, and for heap and buffers together. @default 128 */
  readonly memoryMb?: number | undefined;
  /** Milliseconds that it may block its thread. @default 5000 */
  readonly stallMs?: number | undefined;
}

export type IsolationLimits = Readonly<Record<keyof IsolationOptions, number>>;

/** The loader alone takes about 20 MiB, and a thread is not given a processor at every moment. */
export const ISOLATION_ROWS = {
  memoryMb: {
    kind: 'integer',
    min: 32,
    max: 65_536,
    default: 128,
    what: 'Memory in MiB; a plugin that takes more is restarted.',
  },
  stallMs: {
    kind: 'integer',
    min: 100,
    max: 3_600_000,
    default: 5_000,
    what: 'A plugin that blocks its thread for this many milliseconds is restarted.',
  },
} as const satisfies Record<keyof IsolationOptions, LimitRow>;
