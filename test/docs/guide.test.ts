import { describe, expect, test } from 'vitest';
import { performStep, readWalkthrough } from './performing.ts';

const PAGE = 'docs/guide.md';
const { steps, files, grown } = readWalkthrough(PAGE);

describe('the guide', () => {
  test.each([...steps])('shows what happens in $title', async (step) => {
    for (const { did, shown } of await performStep(step, PAGE)) expect(did).toEqual(shown);
  });

  test('ends with the file that its steps lead to', () => {
    expect(files.get('lunch.ts')).toBe(grown);
  });
});
