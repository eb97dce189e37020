import { expect, test } from 'vitest';
import { momentNow } from '../../../src/cluster/lease-clock.ts';
import { HeldLease } from '../../../src/cluster/workers/held-lease.ts';
import { standStill } from '../../support/stand-still.ts';

/** So many milliseconds from now, by either clock. */
function inMs(steady: number, wall = steady) {
  const { steadyMs, wallMs } = momentNow();
  return { steadyMs: steadyMs + steady, wallMs: wallMs + wall };
}

function hold(end: ReturnType<typeof inMs>) {
  const state = { ends: 0 };
  const over = new Promise<void>((resolve) => {
    setTimeout(resolve, 5_000).unref();
    const lease = new HeldLease(() => resolve(void (state.ends += 1)));
    lease.renew(end);
    Object.assign(state, { lease });
  });
  return { ...state, lease: (state as unknown as { lease: HeldLease }).lease, over, state };
}

test('ends by a timer, and says so once', async () => {
  const { lease, over, state } = hold(inMs(300));
  expect(lease.hasEnded).toBe(false);
  await over;
  expect(lease.hasEnded).toBe(true);
  expect(state.ends).toBe(1);
});

test.each([
  ['steady', [400, 60_000]],
  ['wall', [60_000, 400]],
] as const)('ends by the %s clock alone, for who asks before any timer was called', (_, [steady, wall]) => {
  const { lease, state } = hold(inMs(steady, wall));
  expect(lease.hasEnded).toBe(false);
  standStill(420);
  expect(lease.hasEnded).toBe(true);
  expect(state.ends).toBe(1);
});

test('holds for as long as it was renewed for, and is not had back once it has ended', async () => {
  const { lease, over, state } = hold(inMs(400));
  lease.renew(inMs(1_500));
  standStill(450);
  expect(lease.hasEnded).toBe(false);
  await over;
  lease.renew(inMs(60_000));
  expect(lease.hasEnded).toBe(true);
  expect(state.ends).toBe(1);
});

test('has ended from the start where it came too late', () => {
  const { lease } = hold(inMs(-1));
  expect(lease.hasEnded).toBe(true);
});
