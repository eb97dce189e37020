import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';

/** The files and folders below a folder that this process has open, where the system says that. */
export function openIn(folder: string): string[] {
  if (!existsSync('/proc/self/fd')) return [];
  const open = readdirSync('/proc/self/fd').map((fd) => targetOf(`/proc/self/fd/${fd}`));
  return open.filter((to) => to.startsWith(folder));
}

/** At the end of the test, nothing in a folder may be open. To be called before what opens something there is set up. */
export function leavesNothingOpen(folder: string): void {
  onTestFinished(async () => {
    // What was closed by the system's threads is closed within some turns of the event loop.
    for (let turns = 0; turns < 50 && openIn(folder).length > 0; turns += 1) await new Promise(setImmediate);
    expect(openIn(folder)).toEqual([]);
  });
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
