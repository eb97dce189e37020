import { closeSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Whether another job of the shell has the terminal of this process now; known on Linux only. */
export function isInBackground(): boolean {
  try {
    const { group, foreground } = jobOf('self');
    return group !== foreground;
  } catch {
    return false;
  }
}

/** What Linux says of a process: its group, its terminal (a device), and the group that has that now. */
function jobOf(pid: string): { group: number; terminal: number; foreground: number } {
  const [, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  const [, group, , terminal, foreground] = fields.map(Number);
  return { group: group!, terminal: terminal!, foreground: foreground! };
}

/**
 * Whether what is typed on this terminal is for others: it is that of a shell, in which another job is in the foreground,
 * or this process has left that shell. A serial line, say, is nobody's.
 */
export function isTypedForOthers(fd: number): boolean {
  if (!isInBackground()) return false;
  const device = fstatSync(fd).rdev;
  if (device === OWN_TERMINAL) return true;
  return ['self', ...readdirSync('/proc').filter((name) => /^\d+$/.test(name))].some((pid) => {
    try {
      return jobOf(pid).terminal === device;
    } catch {
      return false;
    }
  });
}

/** Linux: `/dev/tty`, character device 5:0. */
const OWN_TERMINAL = 0x500;

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
