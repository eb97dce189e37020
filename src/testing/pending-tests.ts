/**
 * Since Node.js 24, a process of node:test in which a test awaits what can never come waits for ever itself: it keeps a
 * timer for that. Such a process ends here, with the exit code that Node.js has for awaits that are never settled.
 */
import process from 'node:process';

/** With this, Node ends a process that awaits what can never come at the top of a module. */
export const UNSETTLED_AWAIT = 13;

const LOOK_MS = 100;

/** Ends this process once nothing is left that its tests could wait for. To be called before the first test is defined. */
export function endWhenPending(): void {
  process.once('beforeExit', () => {
    const before = process.getActiveResourcesInfo();
    const waiting = [...before, 'Timeout'].toSorted().join();
    setInterval(() => {
      if (process.getActiveResourcesInfo().toSorted().join() === waiting) process.exit(UNSETTLED_AWAIT);
    }, LOOK_MS).unref();
  });
}
