import { ChatosError } from '../errors.ts';
import { MAX_TIMER_MS } from './clock.ts';
import { unknownKey } from './closest.ts';
import { clipEscaped } from './escape.ts';

/** The valid values of an option, and its default. */
export type OptionRow<V = unknown> = { readonly default: V } & (
  | {
      /** `ms`: a time, with fractions of milliseconds; `Infinity` means no limit. */
      readonly kind: 'integer' | 'number' | 'ms';
      /** @default 0 */
      readonly min?: number;
      /** @default what a timer can hold for `ms` (24 days), none for the others */
      readonly max?: number;
      /** Whether `Infinity` may be given, for no limit. @default true for `ms`, else false */
      readonly infinity?: boolean;
    }
  | { readonly kind: 'choice'; readonly of: readonly V[] }
  | {
      readonly kind: 'texts';
      /** What is wrong with one of the texts, with what is expected instead. @default nothing is */
      readonly problem?: (text: string) => string | undefined;
    }
  /** An object of some class, which is known by its methods. */
  | { readonly kind: 'object'; readonly a: string; readonly methods: readonly string[] }
  /** `any`: checked elsewhere. */
  | { readonly kind: 'boolean' | 'text' | 'function' | 'logger' | 'any' }
);

/** The row of a limit: what it bounds, for the configuration's schema and the docs, too. */
export type LimitRow<V = number> = OptionRow<V> & { readonly what: string };

/** One row for each option of `T`: the compiler names the one that is missing. */
export type OptionTable<T extends object> = { readonly [K in keyof T]-?: OptionRow<T[K]> };

/** The defaults of a table. */
export function defaultsOf<T extends object>(table: OptionTable<T>): Readonly<T> {
  return resolveOptions('defaults', {}, table);
}

/**
 * The given options, else their defaults. `undefined` counts as not given.
 *
 * @param where the beginning of the message, as in "client options"
 * @param page where the options are listed, if they are too many for a line
 * @throws {ChatosError} `INVALID_ARGUMENT` if a key is unknown or a value invalid
 */
export function resolveOptions<T extends object>(
  where: string,
  given: { readonly [K in keyof T]?: unknown } | undefined,
  table: OptionTable<T>,
  page?: string,
): Readonly<T> {
  const options = (given === undefined ? {} : given) as Readonly<Record<string, unknown>>;
  if (typeof options !== 'object' || (options as object | null) === null || Array.isArray(options)) {
    throw new ChatosError('INVALID_ARGUMENT', `${where}: expected an object, found ${shown(options)}`);
  }
  const rows = table as Readonly<Record<string, OptionRow>>;
  for (const key of Object.keys(options)) {
    if (Object.hasOwn(rows, key)) continue;
    const message = `${where}: ${unknownKey(key, Object.keys(rows), page)}`;
    throw new ChatosError('INVALID_ARGUMENT', message, { fields: { option: key } });
  }
  const resolved = Object.entries(rows).map(([key, row]) => {
    const value = options[key];
    if (value === undefined) return [key, row.default];
    const problem = problemOf(row, value);
    if (problem === undefined) return [key, value];
    const message = `${where}: ${key}: ${problem}`;
    throw new ChatosError('INVALID_ARGUMENT', message, { fields: { option: key } });
  });
  return Object.fromEntries(resolved) as T;
}

const LOGGER_METHODS = ['debug', 'info', 'warn', 'error', 'with'] as const;

/** What values without bounds are (it continues "expected"), and whether a value is one. */
const KINDS = {
  any: ['a value', () => true],
  boolean: ['true or false', (value) => typeof value === 'boolean'],
  text: ['a text', isText],
  texts: ['a list of texts', (value) => Array.isArray(value) && value.every(isText)],
  function: ['a function', (value) => typeof value === 'function'],
} as const satisfies Record<string, readonly [expected: string, accepts: (value: unknown) => boolean]>;

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

/** What is wrong with a value, with what is expected instead. */
function problemOf(row: OptionRow, value: unknown): string | undefined {
  if (!accepts(row, value)) return `expected ${expected(row)}, found ${shown(value)}`;
  if (row.kind !== 'texts' || !row.problem) return undefined;
  for (const text of value as readonly string[]) {
    const problem = row.problem(text);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function accepts(row: OptionRow, value: unknown): boolean {
  if (row.kind === 'choice') return row.of.includes(value);
  if (row.kind === 'object') return hasMethods(value, row.methods);
  if (row.kind === 'logger') return hasMethods(value, LOGGER_METHODS);
  if (row.kind !== 'integer' && row.kind !== 'number' && row.kind !== 'ms') return KINDS[row.kind][1](value);
  const { min, max, infinity } = boundsOf(row);
  if (value === Infinity) return infinity;
  const isNumber = row.kind === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
  return isNumber && (value as number) >= min && (value as number) <= max;
}

function hasMethods(value: unknown, methods: readonly string[]): boolean {
  const object = value as Partial<Record<string, unknown>> | null | undefined;
  return methods.every((name) => typeof object?.[name] === 'function');
}

/** Continues "expected". */
function expected(row: OptionRow): string {
  if (row.kind === 'choice') return `one of ${row.of.map(shown).join(', ')}`;
  if (row.kind === 'object') return `${row.a} (with the methods ${row.methods.join(', ')})`;
  if (row.kind === 'logger') return `a logger (with the methods ${LOGGER_METHODS.join(', ')})`;
  if (row.kind !== 'integer' && row.kind !== 'number' && row.kind !== 'ms') return KINDS[row.kind][0];
  const { min, max, infinity } = boundsOf(row);
  const what = { integer: 'a whole number', number: 'a number', ms: 'milliseconds' }[row.kind];
  const range = max === Infinity ? `${min} or more` : `${min} to ${max}`;
  return `${what}, ${range}${infinity ? `, or Infinity for ${row.kind === 'ms' ? 'ever' : 'no limit'}` : ''}`;
}

function boundsOf(row: OptionRow & { readonly kind: 'integer' | 'number' | 'ms' }) {
  const time = row.kind === 'ms';
  return { min: row.min ?? 0, max: row.max ?? (time ? MAX_TIMER_MS : Infinity), infinity: row.infinity ?? time };
}

/** The longest text that is shown of a value. */
const MAX_SHOWN_CHARS = 64;

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${clipEscaped(value, MAX_SHOWN_CHARS)}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (!Array.isArray(value)) return 'an object';
  const other: unknown = value.find((each) => !isText(each));
  return other === undefined ? 'a list' : `a list with ${Array.isArray(other) ? 'a list' : shown(other)}`;
}
