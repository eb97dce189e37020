import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Whether another job of the shell has the terminal of this process now; known on Linux only. */
export function isInBackground(): boolean {
  try {
    const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)!.split(' ');
    return group !== foreground;
  } catch {
    return false;
  }
}

function isDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    return false;
  }
}

/**
 * At exit, Node.js sets the terminal back to how it was at the start. In the background, that is how some shell had it for
 * its prompt, and another job has it now: what is another file by then is left alone. A terminal that has closed counts as
 * one that is in the background, and is none for `isatty`: where it cannot be set back, Node.js 20 aborts with a trace
 * (nodejs/node#51519).
 */
export function leaveTerminalAsItIs(): void {
  if (!isInBackground()) return;
  for (const fd of [0, 1, 2]) {
    if (!isatty(fd) && !isDevice(fd)) continue;
    closeSync(fd);
    // In its place: libuv aborts where a thread that still runs got this number, and closes it.
    openSync('/dev/null', 'r+');
  }
}
