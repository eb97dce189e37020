import { expect, it, vi } from 'vitest';
import { pair, turn } from '../support/server-connection.ts';
import { stopTheClock } from '../support/server-rig.ts';

it('[P16] those that were ended at once, and whose peers do not end their side, are closed over several turns', async () => {
  stopTheClock();
  let closed = 0;
  const onClose = (): void => {
    closed += 1;
    // What it takes to forget a session, and to say so to others.
    vi.advanceTimersByTime(1);
  };
  const pairs = await Promise.all(Array.from({ length: 12 }, () => pair({}, undefined, onClose)));
  for (const { connection } of pairs) connection.end();
  vi.advanceTimersByTime(4_999);
  await turn();
  expect(closed).toBe(0);
  vi.advanceTimersByTime(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(closed).toBeLessThan(3);
  await vi.waitUntil(() => closed === 12);
});
