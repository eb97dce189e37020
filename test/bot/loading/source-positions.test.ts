import { expect, test } from 'vitest';
import { loadPlugin } from '../../../src/bot/loading/loader.ts';
import type { LoadedPlugin } from '../../../src/bot/loading/read-plugin.ts';
import { sourceTraceOf } from '../../../src/bot/loading/source-positions.ts';
import { pluginLoader, tempDirectory, writeText } from '../../support/bot-files.ts';

const THROWS = "(): Promise<void> => { await null as unknown; throw new Error('no'); };";

/** What `onStart` of a plugin throws. */
async function failureOf({ hooks }: LoadedPlugin): Promise<unknown> {
  try {
    return await hooks.onStart!(undefined as never);
  } catch (error) {
    return error;
  }
}

/** The place of the first frame of a trace, without folders. */
function placeIn(trace = ''): string | undefined {
  return /[^/]*:\d+:\d+/.exec(trace.split('\n')[1] ?? '')?.[0];
}

test.each([
  ['in its first line', `export const onStart = async ${THROWS}`, 'plugin.ts:1:82'],
  ['in a later line', `interface Box {\n  a: 1;\n}\nexport const onStart = async ${THROWS}`, 'plugin.ts:4:82'],
  [
    'in a line behind an import',
    `import fs from 'node:fs'; export const onStart = async ${THROWS} export { fs };`,
    'plugin.ts:1:108',
  ],
])('the trace of what a hook throws %s has the line and column of the source', async (_, text, place) => {
  const file = await writeText(await tempDirectory(), 'plugin.ts', text);
  const loader = await pluginLoader();
  for (let version = 1; version <= 2; version += 1) {
    const plugin = await loadPlugin(file, loader);
    expect(placeIn(sourceTraceOf(await failureOf(plugin)))).toBe(place);
  }
});

test('the trace names the place in a file that the plugin imports', async () => {
  const directory = await tempDirectory();
  await writeText(directory, 'lib.ts', `export const fail = async ${THROWS}`);
  const file = await writeText(
    directory,
    'plugin.ts',
    "import { fail } from './lib.ts'; export const onStart = () => fail();",
  );
  const plugin = await loadPlugin(file, await pluginLoader());
  expect(placeIn(sourceTraceOf(await failureOf(plugin)))).toBe('lib.ts:1:79');
});

test('the trace of a cause has the line and column of the source', async () => {
  const text = "export const onStart = async () => { throw new Error('a', { cause: new Error('b' as string) }); };";
  const file = await writeText(await tempDirectory(), 'plugin.ts', text);
  const trace = sourceTraceOf(await failureOf(await loadPlugin(file, await pluginLoader())));
  expect(trace).toMatch(/caused by: Error: b\n +at [^\n]*plugin\.ts:1:68\)?\n/);
});

test('a trace without a compiled file stays as it is', () => {
  const error = new Error('mine');
  expect(sourceTraceOf(error)).toBe(error.stack);
  expect(sourceTraceOf('a text')).toBeUndefined();
});

test('a plugin whose file no longer compiles keeps the lines and columns of what was loaded', async () => {
  const directory = await tempDirectory();
  const file = await writeText(directory, 'plugin.ts', `export const onStart = async ${THROWS}`);
  const loader = await pluginLoader();
  const plugin = await loadPlugin(file, loader);
  await writeText(directory, 'plugin.ts', 'export const = 1;');
  await expect(loadPlugin(file, loader)).rejects.toThrow('Unexpected token');
  expect(placeIn(sourceTraceOf(await failureOf(plugin)))).toBe('plugin.ts:1:82');
});
