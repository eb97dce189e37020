import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FORWARD_EVENTS } from '../../src/cli/forwarding/report.ts';

test('docs/forwarding.md has a row for each event of forward --json, with its fields', () => {
  const [, section] = readFileSync('docs/forwarding.md', 'utf8').split('## Events');
  const rows = [...section!.matchAll(/^\| `([a-z-]+)` *\| (.*?) *\|/gm)].map(([, type, fields]) => [type, fields]);
  const events = Object.entries({ ...FORWARD_EVENTS, error: ['code', 'message'] });
  expect(rows).toEqual(events.map(([type, fields]) => [type, fields.map((field) => `\`${field}\``).join(', ')]));
});
