import { closest } from './closest.ts';

/** The first key of an object that is none of these, in words; `undefined` where there is none. */
export function unknownKey(object: object, known: readonly string[]): string | undefined {
  const key = Object.keys(object).find((each) => !known.includes(each));
  return key === undefined ? undefined : unknownKeyMessage(key, known);
}

/** That a key is unknown, and what may have been meant. */
export function unknownKeyMessage(key: string, known: readonly string[]): string {
  const near = closest(key, known);
  return `unknown key '${key}'; ${near === undefined ? `expected one of ${known.join(', ')}` : `did you mean '${near}'?`}`;
}
