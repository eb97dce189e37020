import { ChatosError } from '../../errors.ts';

/** What a plugin in a worker thread may cost. */
export interface IsolationOptions {
  /** Memory in MiB: for its heap alone, and for heap and buffers together. @default 128 */
  readonly memoryMb?: number | undefined;
  /** Milliseconds that it may keep its thread from answering. @default 5000 */
  readonly stallMs?: number | undefined;
}

export const DEFAULT_ISOLATION_OPTIONS = { memoryMb: 128, stallMs: 5_000 } as const satisfies IsolationOptions;

/** What can be meant: the loader alone takes about 20 MiB, and a thread is not given a processor at every moment. */
export const ISOLATION_BOUNDS = {
  memoryMb: { min: 32, max: 65_536 },
  stallMs: { min: 100, max: 3_600_000 },
} as const;

/**
 * Fills in the defaults.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where a value is out of {@link ISOLATION_BOUNDS}
 */
export function resolveIsolation(options: IsolationOptions): { readonly memoryMb: number; readonly stallMs: number } {
  const { memoryMb = DEFAULT_ISOLATION_OPTIONS.memoryMb, stallMs = DEFAULT_ISOLATION_OPTIONS.stallMs } = options;
  const resolved = { memoryMb, stallMs };
  for (const [key, value] of Object.entries(resolved) as [keyof typeof resolved, number][]) {
    const { min, max } = ISOLATION_BOUNDS[key];
    if (Number.isInteger(value) && value >= min && value <= max) continue;
    throw new ChatosError('INVALID_ARGUMENT', `${key}: expected a whole number from ${min} to ${max}, found ${value}`);
  }
  return resolved;
}
