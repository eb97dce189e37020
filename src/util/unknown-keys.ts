import { closest } from './closest.ts';

/** The message for an unknown key. */
export function unknownKey(key: string, known: readonly string[]): string {
  const suggestion = closest(key, known);
  const hint = suggestion === undefined ? `expected one of ${known.join(', ')}` : `did you mean '${suggestion}'?`;
  return `unknown key '${key}'; ${hint}`;
}

/** The messages for the unknown keys of an object. */
export function unknownKeys(object: object, known: readonly string[]): string[] {
  return Object.keys(object).flatMap((key) => (known.includes(key) ? [] : unknownKey(key, known)));
}
