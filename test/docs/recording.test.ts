import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HAS_TERMINAL } from '../e2e/terminal.ts';
import { draw } from '../recording/drawing.ts';
import { recordSession } from '../recording/session.ts';

const FILE = 'docs/session.svg';
const TITLE = 'Terminals: npm start, a bot that is edited while it runs, and a pipe between two machines';

/** `npm run recording` draws it again. */
test.skipIf(!HAS_TERMINAL)('docs/session.svg shows what its commands do (npm run recording)', async () => {
  await expect(draw(await recordSession(), TITLE)).toMatchFileSnapshot(`../../${FILE}`);
});

test('docs/session.svg needs nothing from elsewhere, and has colours for dark pages', () => {
  const text = readFileSync(FILE, 'utf8');
  expect(text.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(
    /href|url\(|@import|https?:|<script|<image/,
  );
  expect(text).toContain('prefers-color-scheme: dark');
});
