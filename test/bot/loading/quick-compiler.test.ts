import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileQuickly } from '../../../src/bot/loading/quick-compiler.ts';
import { pluginLoader, tempDirectory, writeText } from '../../support/bot-files.ts';

const BOTS = path.resolve(import.meta.dirname, '../../../bots');

/** What a module exports as `value`, however it was compiled. */
async function valueOf(text: string, beside: Record<string, string> = {}): Promise<unknown> {
  const directory = await tempDirectory();
  for (const [name, content] of Object.entries(beside)) await writeText(directory, name, content);
  const { value } = await (await pluginLoader()).load(await writeText(directory, 'bot.ts', text));
  return value;
}

describe('the quick compiler', () => {
  const bots = readdirSync(BOTS, { recursive: true, encoding: 'utf8' }).filter((file) => /(?<!\.test)\.ts$/.test(file));
  it.each(bots)('compiles bots/%s', (file) => {
    expect(compileQuickly(readFileSync(path.join(BOTS, file), 'utf8'), true)).toBeTypeOf('string');
  });

  it.each<[string, string, unknown, Record<string, string>?]>([
    [
      'an enum',
      "enum E { A = 2, B, C = A | 4, D = 'd' }\nexport const value = [E.A, E.B, E.C, E.D, E[3]];",
      [2, 3, 6, 'd', 'B'],
    ],
    [
      'parameter properties',
      'class A { constructor(private readonly a: number, public b = 2) {} sum() { return this.a + this.b; } }\nexport const value = new A(1).sum();',
      3,
    ],
    [
      'fields with types only',
      'class A { a?: number; declare b: string; static c: number = 1; }\nexport const value = [Object.keys(new A()), A.c];',
      [['a'], 1],
    ],
    [
      'types of every kind',
      'interface I { a: number }\ntype F<T> = (x: T) => x is T & string;\ndeclare const d: I;\nabstract class A { abstract b(): void }\nfunction f(a: string): string;\nfunction f(a: unknown) { return a; }\nexport type { I };\nexport const value = [f(<any>1!), [1 as const] satisfies unknown, typeof A];',
      [1, [1], 'function'],
    ],
    ['a generic arrow function', 'export const value = (<T,>(x: T): T => x)(7);', 7],
    [
      'names of a neighbour',
      "import one, { two as zwei, type T } from './a.ts';\nimport * as all from './a.ts';\nexport const value = [one, zwei, all.two, { zwei } satisfies T];",
      [1, 2, 2, { zwei: 2 }],
      { 'a.ts': 'export default 1;\nexport const two = 2;\nexport type T = object;' },
    ],
    [
      'what a neighbour passes on',
      "import b, { a, c } from './a.ts';\nexport const value = [a, b.b, c];",
      [1, 2, 2],
      {
        'a.ts': "export { a, b as c } from './b.ts';\nimport * as b from './b.ts';\nexport default b;",
        'b.ts': 'export const a = 1;\nexport const b: number = 2;',
      },
    ],
    [
      'a name that a neighbour changes',
      "import { count, up } from './a.ts';\nup();\nexport const value = count;",
      3,
      { 'a.ts': 'let count = 1;\nexport function up() { count++; [count] = [count + 1]; }\nexport { count };' },
    ],
    [
      'a style without semicolons',
      "import { join } from 'node:path'\nimport 'node:fs'\n\nexport const a = () => join('a')\n// a line\nexport const b = 'b' as string\nexport const value = [a(), b] as const\n",
      ['a', 'b'],
    ],
    [
      'neighbours in a circle',
      "import { b } from './b.ts';\nexport function a() { return 'a'; }\nexport const value = b;",
      'ab',
      { 'b.ts': "import { a } from './bot.ts';\nexport const b = `${a()}b`;" },
    ],
    [
      'a neighbour that waits at its top',
      "import { a } from './a.ts';\nexport const value = a;",
      5,
      { 'a.ts': 'export const a: number = await Promise.resolve(5);' },
    ],
    [
      'a neighbour in CommonJS, and one in JavaScript',
      "import a, { b } from './a.cjs';\nimport { c } from './c.mjs';\nexport const value = [a.b, b, c];",
      [1, 1, 2],
      { 'a.cjs': 'module.exports = { b: 1 };', 'c.mjs': 'export const c = await Promise.resolve(2);' },
    ],
    [
      'JSON',
      "import data from './d.json' with { type: 'json' };\nexport const value = data;",
      { a: 1 },
      { 'd.json': '{ "a": 1 }' },
    ],
    [
      'modules of Node.js',
      "import path, { join } from 'node:path';\nimport * as os from 'node:os';\nexport const value = [path.join === join, typeof os.tmpdir()];",
      [true, 'string'],
    ],
    [
      'a name that is one of an import elsewhere',
      "import { join } from 'node:path';\nexport const value = [join('a', 'b'), ((join: string) => join)('c'), { join: 1 }];",
      ['a/b', 'c', { join: 1 }],
    ],
    [
      'texts that look like code',
      "export const value = ['import x from \"y\"', `enum ${'E'} {}`, /as string/.source, '(0, a.b)('];",
      ['import x from "y"', 'enum E {}', 'as string', '(0, a.b)('],
    ],
  ])('gives what Babel would: %s', async (_, text, value, beside = {}) => {
    expect(compileQuickly(text, true)).toBeTypeOf('string');
    expect(await valueOf(text, beside)).toEqual(value);
    // Babel compiles what has this name.
    expect(await valueOf(`${text}\n// require`, beside)).toEqual(value);
  });

  it.each([
    ['what waits at its top', 'export const value = await Promise.resolve(1);', 1],
    ['a namespace', 'namespace N { export const a = 1; }\nexport const value = N.a;', 1],
    [
      'a decorator',
      'const add = (c: { a?: number }) => { c.a = 1; };\n@add class A { static a?: number }\nexport const value = A.a;',
      1,
    ],
    ['import.meta', 'export const value = import.meta.filename.endsWith("bot.ts");', true],
    ['an import in the middle', 'export const value = (await import("node:path")).posix.sep;', '/'],
    ['a line for the shell', '#!/usr/bin/env chatosbot\nexport const value = 1;', 1],
    ['a name that changes', 'export let value = 1;\n[value] = [2];', 2],
    ['several exported variables in one statement', 'export const a = 1, value = 2;', 2],
    ['exported parts', 'export const { value, ...rest } = { value: 1 };', 1],
    ['a list of exports before what it names', 'export { value };\nconst value: number = 1;', 1],
    [
      'an import behind other statements',
      'const a = join("a", "b");\nimport { join } from "node:path";\nexport const value = a;',
      'a/b',
    ],
    [
      'a type before a line that would go on without it',
      'const f = () => [2];\nexport const value = f as () => number[]\n[1].forEach(() => {})',
      expect.any(Function),
    ],
    [
      'a function before a line that would call it',
      'let called = 0;\nexport const f = (a: number) => { called += a }\n(() => {})()\nexport const value = called',
      0,
    ],
    [
      'a default function before a line that would call it',
      'let called = 0\nexport default function (): void { called++ }\n(() => {})()\nexport const value = called',
      0,
    ],
    ['require', 'import path = require("node:path");\nexport const value = path.posix.sep;', '/'],
    [
      'names that mean something else around it',
      'function f(exports: object) { value++; return exports; }\nexport let value = 1;\nf({});',
      2,
    ],
    ['a name that is declared around it', 'const module = 1;\nexport const value = module;', 1],
    [
      'a text that it writes itself',
      "const f = (a: number) => a;\nexport const value = f.call(void 0, 3) + 'require('.length;",
      11,
    ],
  ])('leaves it to Babel: %s', async (_, text, value) => {
    expect(compileQuickly(text, true)).toBeUndefined();
    expect(await valueOf(text)).toEqual(value);
  });

  it.each([
    'let a = ( => 1;',
    'return 1;',
    'const a = 1;\nconst a = 2;',
    'type A = ;',
    'class { }',
    'with (a) {}',
    'let a: = 1;',
  ])('leaves it to Babel to say what is wrong: %s', (text) => {
    expect(compileQuickly(text, true)).toBeUndefined();
  });
});
