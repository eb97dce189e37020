import { closest } from './closest.ts';

/** What is said of a key that is none of the known ones. */
export function unknownKey(key: string, known: readonly string[]): string {
  const suggestion = closest(key, known);
  const hint = suggestion === undefined ? `expected one of ${known.join(', ')}` : `did you mean '${suggestion}'?`;
  return `unknown key '${key}'; ${hint}`;
}

/** What is said of each key of an object that is none of the known ones. */
export function unknownKeys(object: object, known: readonly string[]): string[] {
  return Object.keys(object).flatMap((key) => (known.includes(key) ? [] : unknownKey(key, known)));
}
