import process from 'node:process';
import { expect, it, onTestFinished, vi } from 'vitest';
import { fail } from '../../src/cli/program.ts';
import { ChatosError } from '../../src/errors.ts';

it('a bug is reported with its trace, and exits with 1; an error of ours, in one line', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  const written = (): string => write.mock.calls.map(([text]) => String(text)).join('');
  expect(fail(new ChatosError('LISTEN_FAILED', 'the port is in use'))).toBe(69);
  expect(written().trimEnd().split('\n')).toHaveLength(1);
  write.mockClear();
  expect(fail(new TypeError('a bug'))).toBe(1);
  expect(written()).toMatch(/^chatosbot: unexpected failure, please report it\nTypeError: a bug\n +at /);
  write.mockClear();
  expect(fail(new TypeError('from \u001B[2Jmallory'))).toBe(1);
  expect(written()).toContain('TypeError: from \\e[2Jmallory\n');
});
