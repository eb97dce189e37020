import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
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

test.each<[string, string, unknown, Record<string, string>?]>([
  ['a namespace', 'namespace N { export const a = 1; }\nexport const value = N.a;', 1],
  ['import.meta', 'export const value = import.meta.filename.endsWith("bot.ts");', true],
  ['import … = require', 'import path = require("node:path");\nexport const value = path.posix.sep;', '/'],
  [
    'a namespace in parts that use what is their own',
    [
      'namespace N { export class A {} export const a = 1; }',
      'namespace N { export const b = (a: A) => [a, N.a]; const c: typeof a = 1; export type C = A; void c; }',
      'namespace N { export const f = () => { const a = 2; { using b = null; void b; } return a; }; }',
      'export const value = [N.f(), N.b(3)];',
    ].join('\n'),
    [2, [3, 1]],
  ],
  [
    'namespaces in others of which one name is the same, and those that are types',
    [
      'const a = 1;\nnamespace A.N { export const a = 2; }\nnamespace B.N { export const b = a; }',
      'declare namespace C { export import D = A; }',
      'declare namespace E { namespace G { const c = 1; } namespace G { enum F { b = c } } }',
      'export const value = [B.N.b, A.N.a];',
    ].join('\n'),
    [1, 2],
  ],
  ['a line for the shell', '#!/usr/bin/env chatosbot\nexport const value = 1;', 1],
  [
    'an import behind other statements',
    'const a = join("a", "b");\nimport { join } from "node:path";\nexport const value = a;',
    'a/b',
  ],
  [
    'a name that the imported file changes',
    "import { count, up } from './a.ts';\nup();\nexport const value = count;",
    2,
    { 'a.ts': 'export let count = 1;\nexport function up() { count++; }' },
  ],
  [
    'files that import each other',
    "import { b } from './b.ts';\nexport function a() { return 'a'; }\nexport const value = b;",
    'ab',
    { 'b.ts': "import { a } from './bot.ts';\nexport const b = `${a()}b`;" },
  ],
])('a plugin may have %s', async (_, text, value, beside = {}) => {
  const directory = await tempDirectory();
  for (const [name, content] of Object.entries(beside)) await writeText(directory, name, content);
  const file = await writeText(directory, 'bot.ts', text);
  expect(await (await pluginLoader()).load(file)).toMatchObject({ value });
});

test('enums and namespaces may be exported above their declaration', async () => {
  const warn = vi.spyOn(console, 'warn');
  onTestFinished(() => warn.mockRestore());
  const text = 'export { Color, N };\nenum Color { Red }\nnamespace N { export const a = 1; }';
  const file = await writeText(await tempDirectory(), 'bot.ts', text);
  expect(await (await pluginLoader()).load(file)).toMatchObject({ Color: { Red: 0 }, N: { a: 1 } });
  expect(warn).not.toHaveBeenCalled();
});
