import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPlugin } from '../../../src/bot/loading/loader.ts';
import { HOOKS } from '../../../src/bot/plugin/plugin.ts';
import { pluginLoader, tempDirectory, writeText } from '../../support/bot-files.ts';

/** The message with which a plugin is turned down, `FILE` for its path. */
async function complaint(text: string, name = 'plugin.ts', beside: Record<string, string> = {}): Promise<string> {
  const directory = await tempDirectory();
  for (const [other, content] of Object.entries(beside)) await writeText(directory, other, content);
  const file = await writeText(directory, name, text);
  return messageFor(file);
}

async function messageFor(file: string): Promise<string> {
  const failure: unknown = await loadPlugin(file, await pluginLoader()).then(
    () => new Error('it was loaded'),
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ code: 'INVALID_PLUGIN', fields: { file } });
  return (failure as Error).message.replaceAll(file, 'FILE');
}

const ALL_HOOKS = Object.keys(HOOKS).join(', ');
const ALL_PARTS = `${ALL_HOOKS}, commands, schedule`;

describe('loadPlugin, what it turns down', () => {
  it('a file that is not there, and a directory', async () => {
    const directory = await tempDirectory();
    expect(await messageFor(path.join(directory, 'nope.ts'))).toBe('FILE: no such file');
    expect(await messageFor(directory)).toMatch(/^FILE: is a directory/);
  });

  it('a device, which may have no end', async () => {
    expect(await messageFor('/dev/zero')).toBe('FILE: is not a file, but a pipe, a socket or a device');
  });

  it.each([
    'throw new Proxy(new Error("x"), { get() { throw 1; }, getPrototypeOf() { throw 2; } });',
    'throw new Proxy(new Error("x"), { get() { throw 1; } });',
  ])('one that throws what cannot be read: %s', async (text) => {
    expect(await complaint(text)).toBe('FILE: throws something that cannot be shown');
  });

  it.each(['export const helper = 1;', 'export default 7;', 'const x = 1;', ''])(
    'a file without any hook, and says which there are: %j',
    async (text) => {
      expect(await complaint(text)).toBe(`FILE: exports no hook; expected one or more of ${ALL_PARTS}`);
    },
  );

  it.each([
    ['export default class Echo { onMessage() {} }', 'is a class; export an instance: export default new Echo()'],
    ['export default class {}', 'is a class; export an instance: export default new …()'],
    [
      'export default function echo() { return { onMessage() {} }; }',
      'is a function; export the plugin that it makes: export default echo()',
    ],
    [
      'export default () => ({ onMessage() {} });',
      'is a function; export the plugin that it makes: export default …()',
    ],
    ['export default [{ onMessage() {} }];', 'is an array; a file is one plugin, so use a file for each'],
    ['export default (async () => ({ onMessage() {} }))();', 'is a promise; await it: export default await …'],
  ])('a default export that is no plugin, and says what to do: %s', async (text, hint) => {
    expect(await complaint(text)).toBe(`FILE: its default export ${hint}`);
    expect(await complaint(text.replace('export default', 'module.exports ='), 'plugin.cjs')).toBe(
      `FILE: its default export ${hint}`,
    );
  });

  it.each(['onMessage', 'commands', 'name'])('a part that is there twice: %s', async (part) => {
    const text = `export const ${part} = undefined;\nexport default { onStart() {}, ${part}: 7 };`;
    expect(await complaint(text)).toContain(`FILE: exports ${part} by name and in its default export: remove one`);
  });

  it.each([
    "export default { get onMessage() { throw new Error('no'); } };",
    "export default { get name() { throw new Error('no'); }, onMessage() {} };",
    "export default { commands: { get roll() { throw new Error('no'); } } };",
    "export default { schedule: { tick: { get cron() { throw new Error('no'); }, run() {} } } };",
    "export default new Proxy({}, { ownKeys() { throw new Error('no'); } });",
  ])('what throws when it is read: %s', async (text) => {
    expect(await complaint(text)).toBe('FILE: what it exports cannot be read: no');
  });

  const COMPILE_FIRST = 'compile the file with tsc, and use the JavaScript that this makes';

  it.each([
    ['plugin.ts', 'class A {\n  @(() => {}) run() {}\n}', 'FILE:2:3: decorators are'],
    ['plugin.ts', 'class A {\n  constructor(@(() => {}) a: string) {}\n}', 'FILE:2:15: decorators are'],
    ['plugin.js', '@(() => {})\nclass A {}', 'FILE:1:1: decorators are'],
    ['plugin.mts', 'export @(() => {}) class A {}', 'FILE:1:8: decorators are'],
    ['plugin.ts', 'class A {\n  accessor size = 1;\n}', 'FILE:2:3: the keyword accessor is'],
    ['plugin.tsx', 'export const a = <b>c</b>;', 'FILE:1:18: JSX is'],
    ['plugin.jsx', 'export const a = <></>;', 'FILE:1:18: JSX is'],
    ['plugin.js', 'export const a = <b />;', 'FILE:1:18: JSX is'],
  ])('syntax that would not mean what it means to TypeScript, in %s: %j', async (name, text, found) => {
    expect(await complaint(text, name)).toBe(`${found} not supported: ${COMPILE_FIRST}`);
  });

  it('JSX in a file that can have none by its name', async () => {
    expect(await complaint('export const a = <b>c</b>;')).toBe(
      `FILE:1:24: Unterminated regular expression. JSX is not supported: ${COMPILE_FIRST}`,
    );
  });

  it('variables that a namespace exports, except where they are types', async () => {
    const wrong = `variables that a namespace exports are not supported, only constants: ${COMPILE_FIRST}`;
    const constant = 'export namespace A { export const a = 1; }\n';
    expect(await complaint(`${constant}export namespace B {\n  export let b = 1;\n}`)).toBe(`FILE:3:3: ${wrong}`);
    const types = 'declare namespace C { export let c: number; }\nnamespace D { export declare let d: number; }\n';
    expect(await complaint(`${constant}${types}throw new Error(String(A.a));`)).toBe('FILE:4:7: 1');
  });

  it.each([
    [
      'namespace N {\n  export const { a } = { a: 1 }; }',
      '2:3: a namespace cannot export constants by destructuring here',
    ],
    ['namespace M {}\nnamespace N { export import A = M; }', '2:15: export import is not supported in a namespace'],
    ['namespace N { export const a = 1; }\nnamespace N { export const b = a; }', '2:32: a is in another part'],
    ['const f = 1;\nnamespace N { export class f {} }\nnamespace N { f; }', '3:15: f is in another part of the name'],
    ['export const a = 1;\nusing b = null;', '2:1: using at the top of a file ends its resource'],
    ['await using b = null;', '1:1: using at the top of a file ends its resource'],
  ])('what would silently mean something else: %j', async (text, found) => {
    expect(await complaint(text)).toContain(`FILE:${found}`);
  });

  it.each([
    ['plugin.js', 'module.exports = {};', '1:1: module is', 'package.json has "type": "module"', '.cjs'],
    ['plugin.js', '\nrequire("fs");', '2:1: require is', 'package.json has "type": "module"', '.cjs'],
    ['plugin.mjs', 'console.error(__dirname);', '1:15: __dirname is', 'its name ends so', '.cjs'],
  ])('CommonJS in an ES module, in %s: %j', async (name, text, found, why, other) => {
    expect(await complaint(text, name, { 'package.json': '{ "type": "module" }' })).toBe(
      `FILE:${found} not defined: the file is an ES module, as ${why}; use import and export, or rename it to ${other}`,
    );
  });

  it('an error with several lines and causes, in full', async () => {
    const text = "throw new Error('one\\ntwo', { cause: new Error('three\\nfour', { cause: 'five' }) });";
    expect(await complaint(text)).toBe('FILE:1:7: one\n  two\n  caused by: three\n    four\n  caused by: five');
  });

  it('an import of a built-in module that does not exist, with its place', async () => {
    const message = 'No such built-in module: node:fs/promise';
    expect(await complaint("import 'fs';\nimport a from 'node:fs/promise';", 'plugin.mjs')).toBe(
      `FILE:2:15: ${message}`,
    );
    expect(await complaint("\nrequire('node:fs/promise');", 'plugin.cjs')).toBe(`FILE:2:9: ${message}`);
  });

  it.each([
    [
      "\nimport x from 'https://a.example/b.js';\nx;",
      "FILE:2:15: 'https://a.example/b.js' fails: imports from https: are",
    ],
    ["import x from 'npm:b';\nx;", "FILE:1:15: 'npm:b' fails: imports from npm: are"],
  ])('an import of what is elsewhere, and says what to do: %j', async (text, start) => {
    const advice = 'not supported: install the package, or keep the file beside the plugin';
    expect(await complaint(text, 'plugin.mjs')).toBe(`${start} ${advice}`);
  });

  it('what it requires that awaits at its top, and says what to use', async () => {
    expect(await complaint("require('./lib.mjs');", 'plugin.cjs', { 'lib.mjs': 'await 1;' })).toMatch(
      /^FILE imports .*\/lib\.mjs:1:1: require cannot load a module that awaits at its top: use import\(\) there$/,
    );
  });

  it('a package.json that is not JSON, with its place where Node.js says it', async () => {
    const beside = { 'node_modules/a/package.json': '{\n  bad', 'node_modules/a/index.js': '' };
    expect(await complaint("import b from 'a';\nb;", 'plugin.mjs', beside)).toMatch(
      /^FILE(?: imports .*node_modules\/a\/package\.json:2:3: Expected |:1:15: .* config .*node_modules\/a\/package\.json)/,
    );
  });

  it('an import of what a package does not export, with its place', async () => {
    const beside = { 'node_modules/a/package.json': '{ "exports": { ".": "./a.js" } }', 'node_modules/a/a.js': '' };
    expect(await complaint("\nimport b from 'a/b';", 'plugin.mjs', beside)).toMatch(/^FILE:2:15: .*'\.\/b'/);
  });

  it.each(['@lib/words', '@lib', 'words'])(
    'an import by paths of tsconfig.json, %s, and says what to use',
    async (from) => {
      const tsconfig =
        '{\n  // Ours.\n  "compilerOptions": { "paths": { "@lib/*": ["./lib/*"], "@lib": ["./lib"], "words": ["./w"], } },\n}';
      const message = await complaint(`import '${from}';`, 'bots/plugin.ts', { 'tsconfig.json': tsconfig });
      expect(message).toBe(
        `FILE:1:8: Cannot find module '${from}'; paths of tsconfig.json are for type checks only: use imports of package.json, such as '#lib/*': './lib/*'`,
      );
    },
  );

  it('a hook that does not exist, by name, and says which there are', async () => {
    const wrong = 'FILE: unknown hook onMesage; did you mean onMessage?';
    expect(await complaint('export const onmessage = () => {};')).toBe(wrong.replace('onMesage', 'onmessage'));
    expect(await complaint('export const onJoin = () => {};')).toBe(
      `FILE: unknown hook onJoin; the hooks are ${ALL_HOOKS}`,
    );
    expect(await complaint('export const onMesage = () => {};\nexport const onStart = () => {};')).toBe(wrong);
    expect(await complaint('export default { onMesage() {} };')).toBe(wrong);
  });

  it('a hook that is not a function', async () => {
    expect(await complaint('export const onChannel = "hello";')).toBe('FILE: onChannel is not a function');
    const neither = 'FILE: onMessage is neither a function nor a list, as [{ when, run }]';
    expect(await complaint('export const onMessage = { when: {}, run: () => undefined };')).toBe(neither);
    expect(await complaint('export default { onStart: null };')).toBe('FILE: onStart is not a function');
  });

  it('a name that is not a text', async () => {
    expect(await complaint('export const name = 7;\nexport const onStart = () => {};')).toMatch(
      /: name is not a text$/,
    );
  });

  it('a file that does not finish loading in its time', async () => {
    const file = await writeText(await tempDirectory(), 'a.ts', 'await new Promise(() => {});');
    const loading = loadPlugin(file, await pluginLoader(), { timeoutMs: 20 });
    await expect(loading).rejects.toMatchObject({
      code: 'INVALID_PLUGIN',
      message: expect.stringMatching(/a\.ts: loading timed out after 0\.02 s; a top-level await/),
    });
  });
});

describe('loadPlugin, where an error comes from', () => {
  const PREAMBLE = ['interface Box {', '  readonly size: number;', '}', 'type Text = string;', ''].join('\n');

  const BAD_PACKAGE = { 'node_modules/bad/index.js': 'throw new Error("no");' };

  const BAD_FAILS = "'bad' fails in node_modules/bad/index.js:1:7: no";

  it.each<[string, string, unknown, Record<string, string>?]>([
    ['a syntax error', 'type A = 1;\n\nexport const onMessage = ( => {};', 'FILE:3:28: Unexpected token'],
    [
      'a name that is there twice',
      'const x = 1;\nconst x = 2;',
      expect.stringMatching(/^FILE:2:7: Identifier 'x' has already been declared/),
    ],
    ['what it throws', `${PREAMBLE}\nif (true) {\n  throw new Error('too big');\n}\n`, 'FILE:7:9: too big'],
    ['what it throws behind an await', `${PREAMBLE}await null;\nthrow new Error('late');`, 'FILE:6:7: late'],
    ['what it throws, in lines that end as on Windows', 'type A = 1;\r\nthrow new Error("no");', 'FILE:2:7: no'],
    [
      'what Node throws for it',
      'type A = 1;\nJSON.parse("{");',
      expect.stringMatching(/^FILE:2:6: Expected property name/),
    ],
    ['what it throws behind types', 'let a: number = 1;\nlet b: string = "x"; throw new Error("no");', 'FILE:2:28: no'],
    [
      'what it throws behind a text with values in it',
      'const a: number = 1;\nconst b = `${a as number}`; if (true as boolean) throw new Error("no");',
      'FILE:2:56: no',
    ],
    [
      'what it throws lines behind a text with values in it',
      'const a = `${1} is ${1 + 1}`;\n\n  const b: number = 2; throw new Error("no");',
      'FILE:3:30: no',
    ],
    ['what it throws in its first line', 'const a: number = 1; throw new Error("no");', 'FILE:1:28: no'],
    ['what it throws behind an import', 'import fs from "node:fs"; void fs; throw new Error("no");', 'FILE:1:42: no'],
    [
      'what it throws behind a function that it exports',
      'export async function onStart(): Promise<void> {} throw new Error("no");',
      'FILE:1:57: no',
    ],
    [
      'what it throws behind a call of what it imports',
      'import { join } from "node:path";\njoin("a" as string); throw new Error("no");',
      'FILE:2:28: no',
    ],
    ['what a package throws that it imports', 'const a = 1;\n\nimport "bad";', `FILE:3:8: ${BAD_FAILS}`, BAD_PACKAGE],
    ['what its first line imports', 'import x from "bad"; x();', `FILE:1:15: ${BAD_FAILS}`, BAD_PACKAGE],
    [
      'a package that does not compile',
      'import "bad";',
      "FILE:1:8: 'bad' fails: Unexpected token ';'",
      { 'node_modules/bad/package.json': '{ "main": "a.mjs" }', 'node_modules/bad/a.mjs': 'export const a = ;' },
    ],
    [
      'an expression that only V8 looks into',
      'interface A { b: 1 }\n\n  const r: RegExp = /(/;',
      'FILE:3:21: Invalid regular expression: /(/: Unterminated group',
    ],
    [
      'such an expression in the first line',
      'export const onStart = () => {}; const r = /(/;',
      'FILE:1:44: Invalid regular expression: /(/: Unterminated group',
    ],
    ['an error without a text', '\nthrow new RangeError();', 'FILE:2:7: RangeError'],
    ['a text that is thrown', 'throw "just text";', 'FILE: just text'],
    ['something else that is thrown', 'throw { code: 7 };', 'FILE: throws { code: 7 }'],
    ['an import that is not there', "\nimport x from './nope.ts';\nx;", "FILE:2:15: Cannot find module './nope.ts'"],
    ['a package that is not there', 'import x from "no-such-one";\nx;', "FILE:1:15: Cannot find module 'no-such-one'"],
    [
      'a name that is not exported',
      "import { x } from 'node:fs';\nx();",
      "FILE:1:19: The requested module 'node:fs' does not provide an export named 'x'",
    ],
  ])('gives the line and column of %s', async (_, text, expected: unknown, beside = {}) => {
    expect(await complaint(text, 'plugin.ts', beside)).toEqual(expected);
  });

  it.each(['.mjs', '.cjs', '.js', '.ts'])('tells them in a %s file', async (extension) => {
    expect(await complaint('\nthrow new Error("no");', `a${extension}`)).toBe('FILE:2:7: no');
    expect(await complaint('\nlet a = ( => 1;', `a${extension}`)).toBe('FILE:2:11: Unexpected token');
  });

  it.each([
    ['lib.ts', 'type A = 1;\n\nexport const = 1;', 'lib.ts:3:14: Unexpected token'],
    ['lib.ts', 'type A = 1;\nthrow new Error("no");', 'lib.ts:2:7: no'],
    ['lib.mjs', '\nthrow new Error("no");', 'lib.mjs:2:7: no'],
    ['lib.ts', "\n\nimport './nope';", "lib.ts:3:8: Cannot find module './nope'"],
    ['lib.json', '{ "a": 1,\n  b: 2 }', expect.stringMatching(/^lib\.json:2:3: /)],
  ])('names what it imports where that is broken: %s, %j', async (name, text, told: unknown) => {
    const message = await complaint(`import './${name}';\nexport const onStart = () => {};`, 'plugin.ts', {
      [name]: text,
    });
    const [, inFile = message] = /^FILE imports .*\/(lib\..*)$/.exec(message) ?? [];
    expect(inFile).toEqual(told);
  });

  it('names the function that throws, not the line that calls it', async () => {
    const text = `${PREAMBLE}import { fail } from './lib.ts';\n\nexport const onStart = () => {};\nfail();\n`;
    const message = await complaint(text, 'plugin.ts', {
      'lib.ts': 'export function fail() {\n  throw new Error("no");\n}',
    });
    expect(message).toMatch(/^FILE imports .*\/lib\.ts:2:9: no$/);
  });

  it.each(['sp ace', '#1', 'what?', '[x]', '(y)', '100%', '%20', 'caf\u00e9', '\u4e2d\u6587', 'a:1:2'])(
    'finds the place in a folder named %s',
    async (folder) => {
      expect(await complaint('type A = 1;\nthrow new Error("no");', `${folder}/a b.ts`)).toBe('FILE:2:7: no');
      expect(await complaint('type A = 1;\nlet = 1;', `${folder}/a b.ts`)).toMatch(/^FILE:2:\d+: /);
    },
  );

  it('takes a link for the file that was named', async () => {
    const directory = await tempDirectory();
    const file = await writeText(directory, 'real.ts', '\nthrow new Error("no");');
    await symlink(file, path.join(directory, 'link.ts'));
    expect(await messageFor(path.join(directory, 'link.ts'))).toBe('FILE:2:7: no');
  });
});
