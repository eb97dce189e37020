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

  it.each<[string, string, unknown]>([
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
      'modules of Node.js',
      "'use strict';\n/* Types. */ import type { Dirent } from 'node:fs';\nimport path, { type ParsedPath, join, sep as slash } from 'node:path';\nimport * as os from 'node:os';\nimport type { Stats } from 'node:fs';\nimport 'node:url';\nexport const value = [path.join === join, typeof os.tmpdir(), slash, 1 as unknown as Stats & Dirent & ParsedPath];",
      [true, 'string', '/', 1],
    ],
    [
      'a name that is one of an import elsewhere',
      "import { join } from 'node:path';\nclass A { constructor(join: string) { this.join = join; } join: string; }\nexport const value = [join('a', 'b'), ((join: string) => join)('c'), { join: 1 }, new A('d').join];",
      ['a/b', 'c', { join: 1 }, 'd'],
    ],
    [
      'texts that look like code',
      "export const value = ['import x from \"y\"', `a;\nimport b from 'c';`, /as string/.source];",
      ['import x from "y"', "a;\nimport b from 'c';", 'as string'],
    ],
    [
      'names that mean something else only where they are variables',
      "// The module exports what others require: an enum, a namespace.\nconst names = { module: 1, enum: 2 };\ntype T = { exports: string };\nexport const value = [names.module, names.enum, 'require' satisfies T['exports']];",
      [1, 2, 'require'],
    ],
    [
      'types over several lines',
      "const f = <\n  T,\n>(\n  a: T,\n): T =>\n  a\ninterface I {\n  a: 1\n}\nexport const value = new Map<\n  string,\n  I\n>([[f('a'), { a: 1 }]]).size",
      1,
    ],
    [
      'what awaits in its functions',
      'const one = async (a: Promise<number[]>) => [await a, await (await a)[0], (await [a]).length];\nexport const value = [one.length, one.constructor.name];',
      [1, 'AsyncFunction'],
    ],
    [
      'a style without semicolons',
      "import { join } from 'node:path'\nimport 'node:fs'\n\nexport const a = () => join('a')\nconst b: number = 1\njoin('b')\n// a line\nexport const c = 'c' as string\nexport default join\nexport const value = [a(), b, c] as const\n",
      ['a', 1, 'c'],
    ],
    [
      'functions and classes that are exported',
      'export const value = () => [f(), typeof g(), new A().a, typeof h];\nexport function f(): number { return 1; }\nexport async function g() {}\nexport class A { a = 2; }\nexport abstract class B {}\nexport function* h(): Generator<number> {}',
      expect.toSatisfy((value: () => unknown) => JSON.stringify(value()) === '[1,"object",2,"function"]'),
    ],
    [
      'lines that end as on Windows',
      "import { join } from 'node:path';\r\n\r\nexport const value: string = join('a');\r\n",
      'a',
    ],
  ])('gives what Babel would: %s', async (_, text, value) => {
    expect(compileQuickly(text, true)).toBeTypeOf('string');
    expect(compileQuickly(text, false)).toBeTypeOf('string');
    expect(await valueOf(text)).toEqual(value);
    // Babel compiles what has such a comment.
    expect(await valueOf(`${text}\n// -->`)).toEqual(value);
  });

  it.each([
    ['an object', '{ a: 1 }', { a: 1 }],
    ['an object in parentheses', '({ a: 1 as number })', { a: 1 }],
    ['a function', 'async function (): Promise<void> {}', expect.any(Function)],
    ['a function with a name', 'function* f<T>(): any {}', expect.any(Function)],
    ['a class', 'class { a = 1 }', expect.any(Function)],
    ['a class that extends another', 'class extends Map<string, number> {}', expect.any(Function)],
    ['an abstract class', 'abstract class A<T> {}', expect.any(Function)],
    [
      'an abstract class that is used behind it',
      'abstract class A<T> {}\nnew (class extends A<1> {})()',
      expect.any(Function),
    ],
    ['an arrow function', 'async (): Promise<void> => {}', expect.any(Function)],
    ['a name', 'f;\nfunction f() {}', expect.any(Function)],
  ])('exports by default %s', async (_, text, value) => {
    const source = `const before = 1\nexport default ${text}\nexport const after = before\n`;
    expect(compileQuickly(source, true)).toBeTypeOf('string');
    const file = await writeText(await tempDirectory(), 'bot.ts', source);
    const loaded = await (await pluginLoader()).load(file);
    expect(loaded).toMatchObject({ default: value, after: 1 });
    expect(Object.keys(loaded).toSorted()).toEqual(['after', 'default']);
  });

  it.each<[string, string, unknown, Record<string, string>?]>([
    ['what waits at its top', 'export const value = await Promise.resolve(1);', 1],
    ['what waits at its top for what stands in parentheses', 'export const value = await (Promise.resolve(1));', 1],
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
    ['a namespace', 'namespace N { export const a = 1; }\nexport const value = N.a;', 1],
    [
      'a decorator',
      'const add = (c: { a?: number }) => { c.a = 1; };\n@add class A { static a?: number }\nexport const value = A.a;',
      1,
    ],
    ['import.meta', 'export const value = import.meta.filename.endsWith("bot.ts");', true],
    ['an import in the middle', 'export const value = (await import("node:path")).posix.sep;', '/'],
    ['a line for the shell', '#!/usr/bin/env chatosbot\nexport const value = 1;', 1],
    ['lines that end as only some count them', 'type A = 1;\u2028export const value = 1;', 1],
    ['require', 'import path = require("node:path");\nexport const value = path.posix.sep;', '/'],
    [
      'names that mean something else around it',
      'function f(exports: object) { value++; return exports; }\nexport let value = 1;\nf({});',
      2,
    ],
    ['a name that is declared around it', 'const module = 1;\nexport const value = module;', 1],
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
      'a statement of types before such a line',
      'const a = 1\ntype A = 2\n// a comment\n;[1].forEach(() => {})\nexport const value = a',
      1,
    ],
    [
      'a field whose name is a keyword without its type',
      'class A {\n  get: string\n  a() { return 1 }\n}\nexport const value = new A().a()',
      1,
    ],
    [
      'a line that goes on with the one before it without its first word',
      "const a = 'a'\nclass A {\n  b = [1]\n  readonly [a] = 0\n}\nexport const value = new A().b",
      [1],
    ],
    [
      'a word that would be one with the next without the type between them',
      'const one = 1\nfunction f() { return<number>one }\nexport const value = f()',
      1,
    ],
    ['a value that would be in the next line', 'function f() { return <\n  number\n>1 }\nexport const value = f()', 1],
    ['a type whose text has several lines', 'type A = `a\n`\nexport const value = 1', 1],
    ['several exported variables in several lines', 'export const a = 1\n  // a comment\n  , value = 2;', 2],
    ['what waits at its top and looks like a call', 'export const value = await [1].length;', 1],
    [
      'a neighbour',
      "import one, { two as zwei, type T } from './a.ts';\nimport * as all from './a.ts';\nexport const value = [one, zwei, all.two, { zwei } satisfies T];",
      [1, 2, 2, { zwei: 2 }],
      { 'a.ts': 'export default 1;\nexport const two = 2;\nexport type T = object;' },
    ],
    [
      'a name that a neighbour changes',
      "import { count, up } from './a.ts';\nup();\nexport const value = count;",
      3,
      { 'a.ts': 'export let count = 1;\nexport function up() { count++; [count] = [count + 1]; }' },
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
    ['a text that looks like an export', 'export const value = `\nexport const a = 1;\n`;', '\nexport const a = 1;\n'],
    [
      'JSON',
      "import data from './d.json' with { type: 'json' };\nexport const value = data;",
      { a: 1 },
      { 'd.json': '{ "a": 1 }' },
    ],
  ])('leaves it to Babel: %s', async (_, text, value, beside = {}) => {
    expect(compileQuickly(text, true)).toBeUndefined();
    expect(await valueOf(text, beside)).toEqual(value);
  });

  it('takes a package as a whole, and leaves its names to Babel: they may change', () => {
    expect(compileQuickly("import * as v from 'valibot';\nexport const onStart = () => v;", true)).toBeTypeOf('string');
    expect(
      compileQuickly("import { object } from 'valibot';\nexport const onStart = () => object;", true),
    ).toBeUndefined();
    expect(compileQuickly("import z from '@a/zod';\nexport const onStart = () => z;", true)).toBeUndefined();
  });

  it.each([
    'let a = ( => 1;',
    'return 1;',
    'const a = 1;\nconst a = 2;',
    'type A = ;',
    'class { }',
    'with (a) {}',
    'export const a = 010;',
    'super.a;',
    'export = 1;',
    'let a = 1;\n--> a = 2;',
    'let a: = 1;',
    "say('alice': 'hi');",
    'say(text: 1);',
    'say([a]: 1);',
    'say({ a: 1 }: 1);',
    'let a = [b: 1];',
    'limits: Map<string, number> = new Map();',
    'new Map<string number>();',
    'new Map<>();',
    "import { join sep } from 'node:path';",
    "import { join, sep resolve } from 'node:path';",
    "import { as join } from 'node:path';",
    'let a = `${b!c()}`;',
    'f() = 1;',
    'function f() { await (1); }',
    'const f = () => { return await [1]; };',
    'class A { a() { await `a`; } }',
    'function f() { return await\n1; }',
    'let await = 1;',
  ])('leaves it to Babel to say what is wrong: %s', (text) => {
    expect(compileQuickly(text, true)).toBeUndefined();
  });
});
