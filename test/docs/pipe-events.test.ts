import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PIPE_EVENTS } from '../../src/cli/piping/report.ts';

test('docs/pipes.md has a row for each event of pipe --json, with its fields', () => {
  const [, section] = readFileSync('docs/pipes.md', 'utf8').split('### Events');
  const rows = [...section!.matchAll(/^\| `([a-z-]+)` *\| (.*?) *\|/gm)].map(([, type, fields]) => [type, fields]);
  const events = Object.entries({ ...PIPE_EVENTS, warning: ['message'], error: ['code', 'message'] });
  expect(rows).toEqual(events.map(([type, fields]) => [type, fields.map((field) => `\`${field}\``).join(', ')]));
});
