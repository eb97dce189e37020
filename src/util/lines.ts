import { ChatosError } from '../errors.ts';

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without its newline; `undefined` where it is too long. */
  readonly bytes: Buffer | undefined;
  /** Whether its newline is there. */
  readonly ended: boolean;
}

const NEWLINE = 0x0a;

/** Cuts a stream of bytes into lines. Of one that is longer than `maxBytes`, the bytes are dropped as they come. */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Line> {
  let number = 1;
  let parts: Uint8Array[] = [];
  let size = 0;
  const lineOf = (ended: boolean): Line => ({
    number,
    bytes: size > maxBytes ? undefined : Buffer.concat(parts),
    ended,
  });
  for await (const chunk of chunks) {
    for (let start = 0; ;) {
      const newline = chunk.indexOf(NEWLINE, start);
      const part = chunk.subarray(start, newline < 0 ? undefined : newline);
      size += part.length;
      if (size > maxBytes) parts = [];
      else parts.push(part);
      if (newline < 0) break;
      yield lineOf(true);
      [parts, size] = [[], 0];
      start = newline + 1;
      number += 1;
    }
  }
  if (size > 0) yield lineOf(false);
}

/** The error for a line that is wrong. */
export function lineError(line: number, message: string, name?: string): ChatosError {
  const where = name === undefined ? `line ${line}` : `${name}:${line}`;
  return new ChatosError('INVALID_ARGUMENT', `${where}: ${message}`, { fields: { line } });
}
