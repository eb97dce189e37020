import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AUDIT_EVENTS, AUDIT_FIELDS, type AuditRow } from '../../src/ops/audit/audit-events.ts';

const PAGE = readFileSync('docs/audit.md', 'utf8');

/** The cells of the table behind a heading. */
function table(heading: string): string[][] {
  const [, behind = ''] = PAGE.split(`## ${heading}\n\n`);
  const [rows = ''] = behind.split('\n\n');
  return rows
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

test('docs/audit.md has a row for each event of the audit log, with its fields', () => {
  const rows = Object.entries(AUDIT_EVENTS as Readonly<Record<string, AuditRow>>).map(([name, { what, fields }]) => [
    `\`${name}\``,
    what,
    fields.map((field) => `\`${field}\``).join(', '),
  ]);
  expect(table('Events')).toEqual(rows);
});

test('docs/audit.md has a row for each field of the audit log', () => {
  expect(table('Fields')).toEqual(Object.entries(AUDIT_FIELDS).map(([name, what]) => [`\`${name}\``, what]));
});
