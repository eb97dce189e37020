import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { register } from '../../src/cli/commands/ctl.ts';
import { CONTROL_COMMANDS } from '../../src/ops/control-commands.ts';

const PAGE = readFileSync('docs/control.md', 'utf8');

test('docs/control.md has a row for each command of ctl', () => {
  const ctl = new Command('ctl');
  register(ctl);
  const rows = new Set(Array.from(PAGE.matchAll(/^\| `ctl ([\w-]+)/gm), ([, name]) => name));
  expect(rows).toEqual(new Set(ctl.commands.map((each) => each.name())));
});

test('docs/control.md has a row for each request that a control socket takes', () => {
  const [, behind = ''] = PAGE.split('### What is said on it');
  const rows = Array.from(behind.matchAll(/^\| `([\w-]+)` *\|/gm), ([, name]) => name);
  expect(new Set(rows)).toEqual(new Set(CONTROL_COMMANDS));
});
