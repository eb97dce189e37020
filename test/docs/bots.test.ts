import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HOOKS } from '../../src/bot/plugin/plugin.ts';

test('docs/bots.md has a row for each hook', () => {
  const page = readFileSync('docs/bots.md', 'utf8');
  expect(Object.keys(HOOKS).filter((hook) => !page.includes(`\n| \`${hook}(`))).toEqual([]);
});
