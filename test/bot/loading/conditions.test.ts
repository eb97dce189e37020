import { expect, test } from 'vitest';
import { importConditions } from '../../../src/bot/loading/conditions.ts';

test.each([
  ['', ['node', 'import', 'module-sync', 'node-addons']],
  [
    '-C development --conditions=a --conditions b',
    ['node', 'import', 'module-sync', 'node-addons', 'development', 'a', 'b'],
  ],
  ['--no-addons --conditionsx=y', ['node', 'import', 'module-sync']],
])('packages are resolved as Node.js does with the options %j', (options, conditions) => {
  expect(importConditions('import', options)).toEqual(conditions);
});
