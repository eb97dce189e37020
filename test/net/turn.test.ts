import { expect, it } from 'vitest';
import { TurnPool } from '../../src/net/turn.ts';

/** So many join in a turn. Returns what each may take. */
const join = (pool: TurnPool, turn: number, count: number): number[] =>
  Array.from({ length: count }, () => pool.join(turn));

it('[P16] gives all of a turn to the one who is alone, and equal parts to those who were there in the last turn', () => {
  const pool = new TurnPool(100, 1);
  expect(join(pool, 1, 1)).toEqual([100]);
  join(pool, 2, 4);
  expect(join(pool, 3, 4)).toEqual([25, 25, 25, 25]);
  expect(join(pool, 7, 4)).toEqual([25, 25, 25, 25]);
});

it('[P16] gives no more than there is where many come after a quiet turn, but something to each', () => {
  const pool = new TurnPool(100, 1);
  join(pool, 1, 2);
  expect(join(pool, 2, 6)).toEqual([50, 50, 1, 1, 1, 1]);
  join(pool, 3, 1_000);
  expect(join(pool, 4, 3)).toEqual([1, 1, 1]);
});
