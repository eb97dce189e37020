import { afterEach, expect, test } from 'vitest';
import { pluginLoader, tempDirectory, writeText } from '../../support/bot-files.ts';

const { stackTraceLimit } = Error;
afterEach(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

test('a plugin that does not compile leaves traces as short as they were', async () => {
  Error.stackTraceLimit = 10;
  const file = await writeText(await tempDirectory(), 'plugin.ts', 'export const broken = {');
  await expect((await pluginLoader()).load(file)).rejects.toThrow('Unexpected token');
  expect(Error.stackTraceLimit).toBe(10);
});
