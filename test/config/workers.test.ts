import { expect, test } from 'vitest';
import { isWorkerCount } from '../../src/config/workers.ts';

test('a server has one worker process to 64, or as many as there are cores', () => {
  expect(['auto', 1, 64].filter((count) => !isWorkerCount(count))).toEqual([]);
  expect([0, 65, 1.5, '1', undefined].filter(isWorkerCount)).toEqual([]);
});
