import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { exitFor } from '../../src/cli/terminal/exit.ts';
import { ChatosError, ERROR_CODES, type ErrorCode } from '../../src/errors.ts';

test('docs/errors.md has a row for each error code, with its meaning and exit code', () => {
  const text = readFileSync('docs/errors.md', 'utf8');
  const documented = [...text.matchAll(/^\| `([A-Z_]+)` *\| (.*?) *\| (\d+) *\|$/gm)].map((row) => row.slice(1));
  const expected = Object.entries(ERROR_CODES).map(([code, meaning]) => {
    const { code: exitCode } = exitFor(new ChatosError(code as ErrorCode, ''));
    return [code, meaning, String(exitCode)];
  });
  expect(documented).toEqual(expected);
});
