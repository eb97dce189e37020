import process from 'node:process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { EMPTY_SOURCE, streamSource, type ByteSource } from '../../transfer/bytes.ts';
import { descriptorSource } from '../../transfer/descriptor-source.ts';
import { readableOf } from './standard-streams.ts';
import { isTypedForOthers } from './foreground.ts';

/**
 * Standard input. In the background of a terminal it is empty: the system stops a process that reads there.
 *
 * @throws an `EISDIR` error where it is a directory
 */
export function inputSource(): ByteSource {
  if (!isatty(0)) return descriptorSource(0);
  return isTypedForOthers(0) ? EMPTY_SOURCE : terminalSource();
}

/** A terminal that closes sends a signal, too, which may come after the end of what was typed. */
const HANG_UP_MS = 200;

/** What is typed. A terminal that closes is no end: that is typed, too. */
function terminalSource(): ByteSource {
  const typed = streamSource(process.stdin);
  return {
    async read() {
      const chunk = await typed.read();
      if (chunk || isatty(0)) return chunk;
      await sleep(HANG_UP_MS);
      throw Object.assign(new Error('the terminal has closed'), { code: 'EIO', syscall: 'read' });
    },
    close: () => typed.close(),
  };
}

/** Ends {@link inputSource}, where it is a terminal, as Ctrl-D does. */
export function endTypedInput(): void {
  process.stdin.push(null);
}

/** {@link inputSource} as a stream; at a terminal in the foreground, it is Node's own. */
export function standardInput(): Readable & { readonly isTTY?: boolean } {
  return isatty(0) && !isTypedForOthers(0) ? process.stdin : readableOf(inputSource);
}
