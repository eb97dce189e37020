import { expect, test } from 'vitest';
import { serveNodes } from '../../../src/cli/running/serve-nodes.ts';
import { notice } from '../../../src/cli/terminal/output.ts';
import { stallStandardError } from '../../support/stalled-stderr.ts';

test('a reader of the log that stalls costs lines, and no memory, where several nodes write it, too', async () => {
  const stderr = stallStandardError();
  const flags = { drain: 10, logLevel: 'info', logFormat: 'text', config: '/nowhere/chatosbot.config.yaml' } as const;
  await expect(serveNodes(flags)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  // What nodes say is written so.
  for (let line = 0; line < 30_000; line += 1) notice(`node-1: this is line ${line} of its log`);
  expect(stderr.writableLength).toBeLessThan(1024 * 1024);
});
