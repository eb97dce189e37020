import * as v from 'valibot';
import { ISOLATION_ROWS } from '../bot/isolation/options.ts';

const bounded = ({ min, max, default: value, what }: (typeof ISOLATION_ROWS)[keyof typeof ISOLATION_ROWS]) =>
  v.optional(
    v.pipe(
      v.number(),
      v.integer('expected a whole number'),
      v.minValue(min, `expected ${min} or more`),
      v.maxValue(max, `expected ${max} or less`),
      v.description(`${what} Only with isolate: worker. Default: ${value}.`),
    ),
  );

/** The keys of a bot for a worker thread. */
export const ISOLATION_ENTRIES = {
  isolate: v.optional(
    v.pipe(
      v.picklist(['worker'], 'expected worker, or leave the key out'),
      v.description('worker: in its own thread, so that it cannot block the others. Default: in the main thread.'),
    ),
  ),
  memoryMb: bounded(ISOLATION_ROWS.memoryMb),
  stallMs: bounded(ISOLATION_ROWS.stallMs),
};

interface IsolationKeys {
  readonly isolate?: 'worker' | undefined;
  readonly memoryMb?: number | undefined;
  readonly stallMs?: number | undefined;
}

/** The limits of a worker have no effect without one. */
export function checkIsolation<Bot extends IsolationKeys>() {
  return v.rawCheck<Bot>(({ dataset, addIssue }) => {
    if (!dataset.typed || dataset.value.isolate !== undefined) return;
    const input: Record<string, unknown> = { ...(dataset.value as IsolationKeys) };
    for (const key of ['memoryMb', 'stallMs']) {
      if (input[key] === undefined) continue;
      const item = { type: 'object', origin: 'key', input, key, value: input[key] } as const;
      addIssue({ message: "has no effect without 'isolate: worker'", path: [item] });
    }
  });
}
