import { UNSAFE } from './escape.ts';

/**
 * An object as one line of JSON, without the newline. Characters that a terminal would interpret are written as `\u`
 * escapes, which mean the same in JSON. A bigint becomes a text.
 */
export function toJsonLine(value: object): string {
  return JSON.stringify(value, bigIntAsText).replace(UNSAFE, (char) =>
    Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}

function bigIntAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
