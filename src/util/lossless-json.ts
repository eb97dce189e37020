import { types } from 'node:util';

/**
 * A value as JSON; `undefined` where it is undefined.
 *
 * @throws {TypeError} where JSON would turn a part of it into something else without a word; the message says which
 */
export function stringifyLossless(value: unknown): string | undefined {
  return JSON.stringify(value, refuseLosses);
}

/** What JSON.stringify would turn into something else without a word is an error: it would be missed at the next start. */
function refuseLosses(this: unknown, name: string, value: unknown): unknown {
  const place = name === '' ? '' : ` at '${name}'`;
  if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError(`a ${typeof value}${place}`);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value}${place}`);
  // In a list it would become null; as a property it is not there, before and after.
  if (value === undefined && Array.isArray(this)) throw new TypeError(`undefined${place} of a list`);
  // Dates and buffers have become something else by now. What another `toJSON` makes of its object is meant so.
  const given = (this as Record<string, unknown>)[name];
  const kept = types.isDate(given) || types.isArrayBufferView(given) ? given : value;
  if (typeof kept !== 'object' || kept === null) return value;
  const [, what, hint] = LOSSES.find(([is]) => is(kept)) ?? [];
  if (what !== undefined) throw new TypeError(`${what}${place} (${hint})`);
  if (value === kept && isEmptied(kept)) throw new TypeError(`a ${tagOf(kept)}${place}, of which JSON keeps nothing`);
  return value;
}

const isInvalidNumber = (value: unknown): boolean => types.isNumberObject(value) && !Number.isFinite(Number(value));
const isInvalidDate = (value: unknown): boolean => types.isDate(value) && Number.isNaN(value.getTime());

/** What JSON.stringify makes `null`, an empty object or one of numbers by index of; and what can be kept in its place. */
const LOSSES: readonly (readonly [is: (value: unknown) => boolean, what: string, hint: string])[] = [
  [types.isMap, 'a Map', 'its entries as an array can be kept'],
  [types.isSet, 'a Set', 'its entries as an array can be kept'],
  [types.isPromise, 'a Promise', 'await it'],
  [types.isRegExp, 'a RegExp', 'its source can be kept'],
  [types.isNativeError, 'an Error', 'its message can be kept'],
  [types.isArrayBufferView, 'bytes', 'as base64 they can be kept'],
  [types.isAnyArrayBuffer, 'bytes', 'as base64 they can be kept'],
  [isInvalidDate, 'an invalid Date', 'null can be kept'],
  [isInvalidNumber, 'a Number that is not finite', 'null can be kept'],
];

/** Whether something has a kind of its own, as a WeakMap or a URLSearchParams, and no properties. */
function isEmptied(value: object): boolean {
  return !/^(?:Object|Array|Arguments|String|Number|Boolean)$/.test(tagOf(value)) && Object.keys(value).length === 0;
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}
