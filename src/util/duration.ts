import { ChatosError } from '../errors.ts';

/** A length of time: milliseconds, or a text such as `'250ms'`, `'90s'`, `'10min'`, `'1h30m'` or `'7d'`. */
export type Duration = number | string;

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * A length of time in milliseconds.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if it is none, or negative or infinite
 */
export function durationMs(duration: Duration): number {
  const ms = typeof duration === 'number' ? duration : parseDuration(duration);
  if (ms >= 0 && ms < Infinity) return ms;
  const message = `'${duration}' is not a length of time; expected milliseconds, or a text such as '90s' or '1h30m'`;
  throw new ChatosError('INVALID_ARGUMENT', message);
}

function parseDuration(text: string): number {
  if (!/^(\d+(\.\d+)?(ms|min|[smhdw])\s*)+$/.test(text)) return NaN;
  const parts = [...text.matchAll(/([\d.]+)(ms|min|[smhdw])/g)];
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS_MS[unit!]!, 0);
}
