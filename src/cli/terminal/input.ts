import process from 'node:process';
import type { Readable } from 'node:stream';
import { isatty } from 'node:tty';
import { EMPTY_SOURCE, streamSource, type ByteSource } from '../../transfer/bytes.ts';
import { descriptorSource } from '../../transfer/descriptor-source.ts';
import { readableOf } from './standard-streams.ts';
import { isInBackground } from './foreground.ts';

/**
 * Standard input. In the background of a terminal it is empty: the system stops a process that reads there.
 *
 * @throws an `EISDIR` error where it is a directory
 */
export function inputSource(): ByteSource {
  if (!isatty(0)) return descriptorSource(0);
  return isInBackground() ? EMPTY_SOURCE : streamSource(process.stdin);
}

/** Ends {@link inputSource}, where it is a terminal, as Ctrl-D does. */
export function endTypedInput(): void {
  process.stdin.push(null);
}

/** {@link inputSource} as a stream; at a terminal in the foreground, it is Node's own. */
export function standardInput(): Readable & { readonly isTTY?: boolean } {
  return isatty(0) && !isInBackground() ? process.stdin : readableOf(inputSource);
}
