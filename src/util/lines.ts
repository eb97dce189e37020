import { ChatosError } from '../errors.ts';
import { formatBytes } from './printable.ts';

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without its newline. */
  readonly bytes: Buffer;
  /** Whether its newline is there. */
  readonly ended: boolean;
}

const NEWLINE = 0x0a;

/**
 * Cuts a stream of bytes into lines.
 *
 * @param name what errors begin with: the file, where it is known
 * @throws {ChatosError} `INVALID_ARGUMENT` for a line that is longer than `maxBytes`
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  name?: string,
): AsyncGenerator<Line> {
  let number = 1;
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield { number, bytes: Buffer.concat([...rest, chunk.subarray(start, end)]), ended: true };
      [rest, restBytes] = [[], 0];
      start = end + 1;
      number += 1;
    }
    rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    if (restBytes > maxBytes) throw lineError(number, `it is longer than ${formatBytes(maxBytes)}`, name);
  }
  if (restBytes > 0) yield { number, bytes: Buffer.concat(rest), ended: false };
}

/** The error for a line that is wrong. */
export function lineError(line: number, message: string, name?: string): ChatosError {
  const where = name === undefined ? `line ${line}` : `${name}:${line}`;
  return new ChatosError('INVALID_ARGUMENT', `${where}: ${message}`, { fields: { line } });
}
