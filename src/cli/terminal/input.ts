import { fstatSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { Readable } from 'node:stream';
import { isatty } from 'node:tty';

/**
 * Standard input. Node reads a directory as an empty input; for the user it is a mistake. In the background of a terminal
 * it is empty: the system stops a process that reads there.
 *
 * @throws an `EISDIR` error where it is a directory
 */
export function standardInput(): Readable & { readonly isTTY?: boolean } {
  let isDirectory = false;
  try {
    isDirectory = fstatSync(0).isDirectory();
  } catch {
    // Closed: Node gives an empty input, which is right.
  }
  if (isDirectory) throw Object.assign(new Error('is a directory'), { code: 'EISDIR', syscall: 'read' });
  return isInBackground() ? Readable.from([]) : process.stdin;
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
