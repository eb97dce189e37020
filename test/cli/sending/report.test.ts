import process from 'node:process';
import { expect, onTestFinished, test, vi } from 'vitest';
import { transferReporter } from '../../../src/cli/sending/report.ts';
import { warn, warnInJson } from '../../../src/cli/terminal/output.ts';

test('a warning is a line of JSON where the reports beside it are, on standard error', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  onTestFinished(() => {
    write.mockRestore();
    warnInJson(false);
  });
  for (const [flags, onData] of [
    [{ json: true }, true],
    [{ json: true }, false],
    [{}, true],
  ] as const) {
    transferReporter(flags, onData);
    warn('others can read it');
  }
  expect(write.mock.calls.map(([text]) => text)).toEqual([
    '{"type":"warning","message":"others can read it"}\n',
    'warning: others can read it\n',
    'warning: others can read it\n',
  ]);
});
