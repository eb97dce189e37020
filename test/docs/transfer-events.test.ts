import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TRANSFER_EVENTS } from '../../src/cli/sending/report.ts';

test('docs/files.md has a row for each event of send --json and receive --json, with its fields', () => {
  const [, section] = readFileSync('docs/files.md', 'utf8').split('## Events');
  const rows = [...section!.matchAll(/^\| `([a-z-]+)` *\| (.*?) *\|/gm)].map(([, type, fields]) => [type, fields]);
  const events = Object.entries({ ...TRANSFER_EVENTS, error: ['code', 'message'] });
  expect(rows).toEqual(events.map(([type, fields]) => [type, fields.map((field) => `\`${field}\``).join(', ')]));
});
