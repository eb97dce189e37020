import { expect, it } from 'vitest';
import { FairTurns } from '../../src/net/fair-turns.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What is done in each of some turns. */
async function doneIn(turns: number, start: (queue: FairTurns<string>) => void): Promise<string[][]> {
  const done: string[][] = [];
  let current: string[] = [];
  start(new FairTurns<string>((item) => void current.push(item)));
  for (let i = 0; i < turns; i += 1) {
    await turn();
    done.push(current);
    current = [];
  }
  return done;
}

it('one is done in a turn, and the sources take turns, however many one of them has', async () => {
  const done = await doneIn(6, (queue) => {
    for (const item of ['a1', 'a2', 'a3', 'a4']) queue.add('a', item);
    queue.add('b', 'b1');
    queue.add('c', 'c1');
  });
  expect(done).toEqual([['a1'], ['b1'], ['c1'], ['a2'], ['a3'], ['a4']]);
});

it('what is taken back is not done, and costs no turn', async () => {
  const done = await doneIn(2, (queue) => {
    for (const item of ['a1', 'a2', 'a3']) queue.add('a', item);
    queue.delete('a', 'a1');
    queue.delete('a', 'a2');
    queue.delete('b', 'never there');
  });
  expect(done).toEqual([['a3'], []]);
});

it('what is added while another is done has its turn', async () => {
  const done = await doneIn(3, (queue) => {
    queue.add('a', 'a1');
    setImmediate(() => queue.add('b', 'b1'));
  });
  expect(done.flat()).toEqual(['a1', 'b1']);
});
