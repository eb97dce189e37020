import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Readable } from 'node:stream';
import { isatty } from 'node:tty';
import { EMPTY_SOURCE, streamSource, type ByteSource } from '../../transfer/bytes.ts';
import { descriptorSource } from '../../transfer/descriptor-source.ts';

/**
 * Standard input. In the background of a terminal it is empty: the system stops a process that reads there.
 *
 * @throws an `EISDIR` error where it is a directory
 */
export function inputSource(): ByteSource {
  if (!isatty(0)) return descriptorSource(0);
  return isInBackground() ? EMPTY_SOURCE : streamSource(process.stdin);
}

/** {@link inputSource} as a stream; at a terminal in the foreground, it is Node's own. */
export function standardInput(): Readable & { readonly isTTY?: boolean } {
  if (isatty(0) && !isInBackground()) return process.stdin;
  return Readable.from(chunksOf(inputSource()), { objectMode: false });
}

async function* chunksOf(source: ByteSource): AsyncGenerator<Buffer> {
  for (let chunk = await source.read(); chunk; chunk = await source.read()) yield Buffer.from(chunk);
}

/** Whether standard input is a terminal that another job uses now; known on Linux only. */
function isInBackground(): boolean {
  if (!isatty(0)) return false;
  try {
    const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)!.split(' ');
    return group !== foreground;
  } catch {
    return false;
  }
}
