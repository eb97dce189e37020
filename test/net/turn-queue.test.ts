import { expect, it } from 'vitest';
import { overTurns, TurnQueue } from '../../src/net/turn-queue.ts';

/** Waits as long as it takes until `done`, and calls back at the end of each turn of the event loop. */
async function turnsUntil(done: () => boolean, onTurn: () => void): Promise<void> {
  while (!done()) {
    await new Promise((resolve) => setImmediate(resolve));
    onTurn();
  }
}

const work = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end;);
};

it('serves thousands over many turns of the event loop, first come, first served', async () => {
  const served: number[] = [];
  const queue = new TurnQueue<number>((item) => {
    work(0.1);
    served.push(item);
  });
  for (let item = 0; item < 500; item++) queue.add(item);
  let [most, before] = [0, 0];
  await turnsUntil(
    () => queue.size === 0,
    () => {
      most = Math.max(most, served.length - before);
      before = served.length;
    },
  );
  expect(served).toEqual(Array.from({ length: 500 }, (_, item) => item));
  expect(most).toBeLessThanOrEqual(20);
});

it('serves who comes twice once, and who does not wait any more not at all', async () => {
  const served: string[] = [];
  const queue = new TurnQueue<string>((item) => served.push(item));
  for (const item of ['a', 'b', 'a', 'c']) queue.add(item);
  queue.delete('b');
  expect(served).toEqual([]);
  await turnsUntil(
    () => queue.size === 0,
    () => undefined,
  );
  expect(served).toEqual(['a', 'c']);
});

it('goes on with the others where one fails', async () => {
  const served: string[] = [];
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', onError);
  try {
    const queue = new TurnQueue<string>((item) => {
      if (item === 'bad') throw new Error('bad');
      served.push(item);
    });
    for (const item of ['a', 'bad', 'b']) queue.add(item);
    await turnsUntil(
      () => queue.size === 0,
      () => undefined,
    );
    expect(served).toEqual(['a', 'b']);
    expect(errors).toHaveLength(1);
  } finally {
    process.off('uncaughtException', onError);
    for (const other of others) process.on('uncaughtException', other);
  }
});

it('does something to each of thousands over many turns, and is done then', async () => {
  let [count, most, before, over] = [0, 0, 0, false];
  const all = overTurns(Array<number>(500).fill(0), () => {
    work(0.1);
    count += 1;
  }).then(() => (over = true));
  await turnsUntil(
    () => over,
    () => {
      most = Math.max(most, count - before);
      before = count;
    },
  );
  await all;
  expect(count).toBe(500);
  expect(most).toBeLessThanOrEqual(20);
});
