import { readFileSync } from 'node:fs';

/** Whether another job of the shell has the terminal of this process now; known on Linux only. */
export function isInBackground(): boolean {
  try {
    const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)!.split(' ');
    return group !== foreground;
  } catch {
    return false;
  }
}
