import type { Figures } from '../measure.ts';

/** How many deliveries were how old, in steps of a tenth of a millisecond; the last is for all that are older. */
export type Ages = Uint32Array;
export const STEP_MS = 0.1;
export const STEPS = 100_000;

/** How old the deliveries are that several processes have seen. */
export function agesOf(all: readonly Ages[]): Figures {
  const ages = all[0]!.map((_, step) => all.reduce((sum, each) => sum + each[step]!, 0));
  const below = (percent: number): number => {
    let left = (deliveries([ages]) * percent) / 100;
    return (ages.findIndex((count) => (left -= count) <= 0) + 1) * STEP_MS;
  };
  return {
    'ms (p50)': below(50),
    'ms (p99)': below(99),
    'ms (max)': (ages.findLastIndex((count) => count > 0) + 1) * STEP_MS,
  };
}

/** How many there were. */
export function deliveries(all: readonly Ages[]): number {
  return all.reduce((sum, ages) => sum + ages.reduce((count, each) => count + each, 0), 0);
}
