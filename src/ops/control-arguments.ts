import { ChatosError } from '../errors.ts';
import type { ControlRequest } from './control-protocol.ts';

/** The most names in one request. */
const MAX_TEXTS = 256;

/**
 * An argument that is a list of texts, with at least one.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function textsOf(request: ControlRequest, name: string): string[] {
  const value = request[name];
  const texts = Array.isArray(value) ? (value as unknown[]).filter((each) => typeof each === 'string') : [];
  if (Array.isArray(value) && texts.length === value.length && texts.length > 0 && texts.length <= MAX_TEXTS)
    return texts;
  throw new ChatosError('INVALID_ARGUMENT', `${name}: expected a list of 1 to ${MAX_TEXTS} texts`);
}

/** An argument that is a text, or is left out. */
export function textOf(request: ControlRequest, name: string): string | undefined {
  const value = request[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new ChatosError('INVALID_ARGUMENT', `${name}: expected a text`);
}

/** The longest time: 100 years. */
const MAX_MS = 100 * 366 * 86_400_000;

/** An argument that is a number of milliseconds, or is left out. */
export function msOf(request: ControlRequest, name: string): number | undefined {
  const value = request[name];
  if (value === undefined || (typeof value === 'number' && value >= 0 && value <= MAX_MS)) return value;
  throw new ChatosError('INVALID_ARGUMENT', `${name}: expected milliseconds, 0 or more`);
}
