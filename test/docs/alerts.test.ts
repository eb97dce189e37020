import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readFences } from './fences.ts';

const PAGE = readFileSync('docs/operating.md', 'utf8');
const ALERTS = readFences('docs/operating.md').find(({ text }) => text.startsWith('groups:'))!.text;

test('the alerts are about metrics that there are', () => {
  const [, table = ''] = PAGE.split('<!-- metrics -->');
  const known = new Set(Array.from(table.matchAll(/^\| `(\w+)`/gm), ([, name]) => name));
  const named = Array.from(ALERTS.matchAll(/\b(?:chatosbot|process|nodejs)_\w+/g), ([name]) => name);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

test.skipIf(spawnSync('promtool', ['--version']).error)('Prometheus accepts the alerts', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'alerts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'alerts.yml');
  writeFileSync(file, ALERTS);
  const { status, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
