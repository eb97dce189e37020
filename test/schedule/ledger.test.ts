import { expect, it } from 'vitest';
import { Ledger, type DueTick } from '../../src/schedule/ledger.ts';
import { heapBytes } from '../support/heap.ts';

const tick = (at: number): DueTick => ({ at, done: false });

it('of the ticks behind a run that never ends, a ledger keeps no list', async () => {
  const written: number[] = [];
  const record = {
    read: () => Promise.resolve(undefined),
    write: (until: Date) => Promise.resolve(void written.push(until.getTime())),
  };
  const ledger = new Ledger(record, () => undefined);
  const endless = tick(0);
  ledger.add(endless);
  const before = await heapBytes();
  for (let at = 1; at <= 50_000; at += 1) {
    const next = tick(at);
    ledger.add(next);
    ledger.settle(next);
  }
  expect(await heapBytes(before + 1024 * 1024)).toBeLessThan(before + 1024 * 1024);
  expect(written).toEqual([]);
  ledger.settle(endless);
  await ledger.flushed();
  expect(written).toEqual([50_000]);
});

it('a record that cannot be saved is reported once, and again where it had been saved meanwhile', async () => {
  const problems: string[] = [];
  let works = false;
  const record = {
    read: () => Promise.resolve(undefined),
    write: () => (works ? Promise.resolve() : Promise.reject(new Error('full'))),
  };
  const ledger = new Ledger(record, (message) => void problems.push(message));
  for (const [at, saves] of [false, false, true, false].entries()) {
    works = saves;
    const next = tick(at);
    ledger.add(next);
    ledger.settle(next);
    await ledger.flushed();
  }
  expect(problems).toHaveLength(2);
});
