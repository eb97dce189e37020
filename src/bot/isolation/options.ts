import type { OptionProblem } from '../loading/plugin-options.ts';
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

/** What is wrong with options that cannot be passed to a worker as they are: only plain data can, as YAML and JSON have it. */
export function impassableOptions(options: unknown): OptionProblem[] {
  const seen = new Set<object>();
  const problemsAt = (value: unknown, path: OptionProblem['path']): OptionProblem[] => {
    const what = impassable(value);
    if (what !== undefined) {
      const message = `${what} cannot be passed to an isolated bot: its options are plain data, as in YAML and JSON`;
      return [{ path, message }];
    }
    if (typeof value !== 'object' || value === null || seen.has(value)) return [];
    seen.add(value);
    const keyOf = (key: string): string | number => (Array.isArray(value) ? Number(key) : key);
    return Object.entries(value).flatMap(([key, inner]) => problemsAt(inner, [...path, keyOf(key)]));
  };
  return problemsAt(options, []);
}

function impassable(value: unknown): string | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: { readonly name?: string } } | null;
  if (prototype === null || prototype === Object.prototype) return undefined;
  return `an instance of ${prototype.constructor?.name || 'a class'}`;
}
