import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.ts';

test('docs/cli.md has a section for each command, as the help lists them, with an example', () => {
  const [, ...sections] = readFileSync('docs/cli.md', 'utf8').split(/^## /m);
  expect(sections.map((text) => text.split('\n')[0])).toEqual(COMMANDS.map(({ name }) => name));
  for (const text of sections)
    expect(text).toMatch(new RegExp(`^\\$ (.* \\| )?chatosbot ${text.split('\n')[0]!}\\b`, 'm'));
});
