import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { pluginLoader, tempDirectory, writeText } from '../../support/bot-files.ts';

type Files = Readonly<Record<string, string>>;

const COMPILED_BY_TSC =
  '"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\nexports.default = { word: "six" };\nexports.other = 7;';
const DUAL = {
  'node_modules/dual/package.json': '{ "exports": { "import": "./import.mjs", "require": "./require.cjs" } }',
  'node_modules/dual/import.mjs': 'export class Box {}\nexport const build = "import";',
  'node_modules/dual/require.cjs': 'exports.Box = class {};\nexports.build = "require";',
};

/** Two files that export the same name each, in different ways, and one that passes all of it on. */
const STARS = {
  'hub.mjs':
    "export * from './b.mjs';\nexport * from './c.mjs';\nexport * from './c.mjs';\nexport const own = 0;\nexport { q as passed } from './lib.mjs';",
  'only.mjs': "export * from './hub.mjs';",
  'b.mjs': [
    'export let n = 1;\nexport const same = 1, b = 1, own = 1, passed = 1;\nexport default 1;',
    "export { lib, up, lib as renamed, other } from './lib.mjs';\nexport { join } from 'node:path';",
  ].join('\n'),
  'c.mjs': [
    'export const n = 2, same = 1, c = 1, own = 2, passed = 2;\nexport default 2;',
    "import { lib, up, up as renamed } from './lib.mjs';\nimport { join } from 'node:path';",
    "export { lib, up, renamed, join };\nexport { q as other } from './lib.mjs';",
  ].join('\n'),
  'lib.mjs': 'export let lib = 1;\nexport const q = 1, other = 1;\nexport function up() { lib++; }',
};

/** Plugins in JavaScript, which Node.js can run as they are; each exports a `value`. */
const PROJECTS: readonly [what: string, entry: string, files: Files][] = [
  [
    'the default of a CommonJS file that tsc made',
    'bot.mjs',
    {
      'bot.mjs': "import x, { other } from './conf.js';\nexport const value = [Object.keys(x), x.default, other];",
      'conf.js': COMPILED_BY_TSC,
    },
  ],
  [
    'the default of a CommonJS package that tsc made',
    'bot.mjs',
    {
      'bot.mjs': "import x, * as all from 'conf';\nexport const value = [x.default, all.default.default, all.other];",
      'node_modules/conf/index.js': COMPILED_BY_TSC,
    },
  ],
  ...['module.exports = (a) => a + 1;', 'module.exports = 7;', 'exports.a = 1; exports.default = 2;', ''].map(
    (text): [string, string, Files] => [
      `all of a CommonJS file: ${text}`,
      'bot.mjs',
      {
        'bot.mjs':
          "import x, * as all from './lib.cjs';\nexport const value = [typeof x, String(x), Object.keys(all).filter((n) => n !== 'module.exports'), { ...x }];",
        'lib.cjs': text,
      },
    ],
  ),
  [
    'names that are strings',
    'bot.mjs',
    {
      'bot.mjs': "import { 'a b' as x, 'c d' as y } from './hub.mjs';\nexport const value = [x, y];",
      'hub.mjs': "export { 'a b', 'a b' as 'c d' } from './lib.mjs';",
      'lib.mjs': "const x = 1;\nexport { x as 'a b' };",
    },
  ],
  [
    'a class of a package with one build for import and another one for require',
    'bot.mjs',
    {
      ...DUAL,
      'bot.mjs': [
        "import { Box, build } from 'dual';",
        "import { make } from './lib.mjs';",
        "import { createRequire } from 'node:module';",
        "const required = createRequire(import.meta.url)('dual');",
        'export const value = [build, make() instanceof Box, required.build, make() instanceof required.Box];',
      ].join('\n'),
      'lib.mjs':
        "export const make = async () => {};\nimport { Box } from 'dual';\nexport { make2 as make };\nconst make2 = () => new Box();".replace(
          'export const make = async () => {};\n',
          '',
        ),
    },
  ],
  [
    'such a package from a CommonJS plugin',
    'bot.cjs',
    {
      ...DUAL,
      'bot.cjs': "exports.value = import('dual').then(({ build }) => [build, require('dual').build]);",
    },
  ],
  [
    'a package with the condition module-sync',
    'bot.mjs',
    {
      'bot.mjs': "import { build } from 'both';\nexport const value = build;",
      'node_modules/both/package.json': '{ "exports": { "module-sync": "./sync.mjs", "default": "./other.mjs" } }',
      'node_modules/both/sync.mjs': 'export const build = "sync";',
      'node_modules/both/other.mjs': 'export const build = "other";',
    },
  ],
  [
    'a package that awaits at its top',
    'bot.mjs',
    {
      'bot.mjs': "import { later } from 'slow';\nexport const value = later;",
      'node_modules/slow/package.json': '{ "type": "module", "exports": "./index.js" }',
      'node_modules/slow/index.js': 'export const later = await Promise.resolve(5);',
    },
  ],
  [
    'files that await at their tops and import each other',
    'bot.mjs',
    {
      'bot.mjs':
        "import { b } from './b.mjs';\nimport { c } from './c.mjs';\nexport const a = await 1;\nexport const value = [b(), c()];",
      'b.mjs':
        "import { a } from './bot.mjs';\nimport { c } from './c.mjs';\nawait 2;\nexport const b = () => [a, c()];",
      'c.mjs':
        "import { b } from './b.mjs';\nawait 3;\nexport function c() { return typeof b; }\nexport { a } from './bot.mjs';",
    },
  ],
  [
    'what is imported at the same time, in several ways',
    'bot.mjs',
    {
      'bot.mjs': [
        "const all = await Promise.all([import('./one.mjs'), import('./two.mjs'), import('./one.mjs')]);",
        'export const value = [all[0] === all[2], all[0].n, all[1].n, globalThis.evaluated];',
        'delete globalThis.evaluated;',
      ].join('\n'),
      'one.mjs': "import './count.mjs';\nawait null;\nexport const n = 1;",
      'two.mjs': "import './one.mjs';\nimport './count.mjs';\nexport const n = 2;",
      'count.mjs': 'globalThis.evaluated = (globalThis.evaluated ?? 0) + 1;',
    },
  ],
  [
    'the order in which files are evaluated',
    'bot.mjs',
    {
      'bot.mjs': "import './b.mjs';\nimport './c.mjs';\nexport const value = globalThis.order.splice(0);",
      'b.mjs': "import './d.mjs';\n(globalThis.order ??= []).push('b');",
      'c.mjs': "import './d.mjs';\n(globalThis.order ??= []).push('c');",
      'd.mjs': "(globalThis.order ??= []).push('d');",
    },
  ],
  [
    'names that change, are passed on, renamed and gathered',
    'bot.mjs',
    {
      'bot.mjs': [
        "import { n, up, gathered, two as zwei } from './hub.mjs';",
        'up();',
        'up();',
        'export const value = [n, gathered.n, Object.keys(gathered), zwei, "toString" in gathered];',
      ].join('\n'),
      'hub.mjs':
        "export * from './lib.mjs';\nexport * as gathered from './lib.mjs';\nexport { default as two } from './two.cjs';",
      'lib.mjs': 'export let n = 0;\nexport const up = () => (n += 1);\nexport default 1;',
      'two.cjs': 'module.exports = 2;',
    },
  ],
  [
    'what two files export by one name, where all of both is passed on',
    'bot.mjs',
    {
      ...STARS,
      'bot.mjs': [
        "import * as all from './hub.mjs';\nimport * as only from './only.mjs';",
        "import { lib, up, own, passed } from './only.mjs';",
        'up();',
        'export const value = [Object.keys(all), Object.keys(only), lib, only.lib, own, passed, only.join === all.join];',
      ].join('\n'),
    },
  ],
  [
    'that also in files that import each other',
    'bot.mjs',
    {
      ...STARS,
      'bot.mjs': [
        "import * as all from './hub.mjs';\nimport { seen, again } from './d.mjs';",
        'export const value = [Object.keys(all), seen, again(), again() === Object.keys(all).length];',
      ].join('\n'),
      'hub.mjs': "export * from './b.mjs';\nexport * from './d.mjs';\nexport * from './c.mjs';",
      'd.mjs':
        "import * as all from './hub.mjs';\nexport const seen = all.b;\nexport const again = () => Object.keys(all).length;\nexport const z = await 1;",
    },
  ],
  [
    'a namespace that cannot be changed',
    'bot.mjs',
    {
      'bot.mjs': [
        "import * as all from './lib.mjs';\nimport * as common from './common.cjs';\nimport * as path from 'node:path';",
        'const kindOf = (change) => { try { change(); return "changed"; } catch (error) { return error.name; } };',
        'const kinds = [all, common, path].flatMap((each) => [',
        '  () => { each.sep = 3; }, () => { each.more = 3; }, () => { delete each.sep; }, () => { delete each.more; },',
        '  () => Object.assign(each, { sep: 4 }), () => Object.defineProperty(each, "more", { value: 4 }),',
        '].map(kindOf));',
        'all.change();',
        'export const value = [kinds, all.sep, common.sep, path.sep, Object.isExtensible(all)];',
      ].join('\n'),
      'lib.mjs': 'export let sep = 1;\nexport const change = () => { sep = 2; };',
      'common.cjs': 'exports.sep = 1;',
    },
  ],
  [
    'files once for each query, CommonJS once',
    'bot.mjs',
    {
      'bot.mjs': [
        "import * as one from './lib.mjs?x=1';\nimport * as two from './lib.mjs?x=2';\nimport * as plain from './lib.mjs';",
        "const all = [one, two, plain, await import('./lib.mjs?x=1'), await import('./lib.mjs#x'), await import(one.url)];",
        "const { default: common } = await import('./common.cjs?x=1');",
        "const { default: again } = await import('./common.cjs?x=2');",
        'export const value = [new Set(all).size, all[3] === one, one.url.slice(-12), one.file === plain.file, common === again];',
      ].join('\n'),
      'lib.mjs': 'export const { url, filename: file } = import.meta;',
      'common.cjs': 'exports.n = {};',
    },
  ],
  [
    'where files would be that import.meta.resolve does not find',
    'bot.mjs',
    {
      'bot.mjs': [
        "const found = ['fs', 'node:fs', 'fs/promises', 'node:fs/promise', './none', './none.mjs?x#y', '../none.mjs', './lib.mjs?x', 'file:///none', '/none'].map((name) => import.meta.resolve(name));",
        "const failures = ['none', '#none'].map((name) => { try { return import.meta.resolve(name); } catch { return 'fails'; } });",
        "const here = new URL('..', import.meta.url).href;",
        "export const value = [found.map((each) => each.replace(here, '')), failures];",
      ].join('\n'),
      'lib.mjs': '',
    },
  ],
  [
    'what import.meta says',
    'bot.mjs',
    {
      'bot.mjs': [
        "import path from 'node:path';",
        'const { dirname, filename, url } = import.meta;',
        "const found = import.meta.resolve('./lib.mjs');",
        'export const value = [path.basename(filename), dirname === path.dirname(filename), url.endsWith("/bot.mjs"),',
        '  found === new URL("lib.mjs", import.meta.url).href, import.meta.resolve("node:fs"), typeof import.meta.env];',
      ].join('\n'),
      'lib.mjs': '',
    },
  ],
  [
    'JSON, built-in modules and imports of its own package',
    'bot.js',
    {
      'package.json':
        '{ "type": "module", "name": "mine", "imports": { "#lib": "./lib.js" }, "exports": { "./own": "./lib.js" } }',
      'bot.js': [
        "import data from './data.json' with { type: 'json' };",
        "import fs, { existsSync } from 'node:fs';",
        "import * as os from 'os';",
        "import { lib } from '#lib';",
        "const { lib: own } = await import('mine/own');",
        'export const value = [data, fs.existsSync === existsSync, os.EOL === os.default.EOL, lib, own];',
      ].join('\n'),
      'lib.js': 'export const lib = "lib";',
      'data.json': '{ "default": 1, "a": [2] }',
    },
  ],
  [
    'packages by conditions, patterns and lists, and what they keep to themselves',
    'bot.js',
    {
      'package.json':
        '{ "type": "module", "imports": { "#c": { "browser": "./none.js", "node": "./n.js" }, "#lib/*": "./lib/*.js", "#p": "p", "#no": null } }',
      'n.js': 'export const b = "node";',
      'lib/a.js': 'export const b = "a";',
      'node_modules/p/package.json': JSON.stringify({
        exports: {
          '.': { development: './none.mjs', node: './node.mjs', default: './x/one.mjs' },
          './first': { default: './x/one.mjs', import: './node.mjs' },
          './x/*': './x/*.mjs',
          './x/private/*': null,
          './list': ['./x/one.mjs', './none.mjs'],
        },
      }),
      'node_modules/p/node.mjs': 'export const b = "node of p";',
      'node_modules/p/x/one.mjs': 'export const b = "one";',
      'node_modules/p/x/private/two.mjs': 'export const b = "two";',
      'bot.js': [
        "const names = ['#c', '#lib/a', '#p', '#no', '#other', '#lib/b', 'p/first', 'p/x/one', 'p/x/private/two', 'p/list', 'p/x/none'];",
        'export const value = Promise.all(names.map((name) => import(name).then(({ b }) => b, ({ code }) => code)));',
      ].join('\n'),
    },
  ],
  [
    'files with a byte order mark before their first line',
    'bot.mjs',
    {
      'bot.mjs':
        "\uFEFF#!/usr/bin/env node\r\nimport { a } from './b.mjs';\r\nimport c from './c.cjs';\nexport const value = [a, c.x];",
      'b.mjs': '\uFEFFexport const a = 1;',
      'c.cjs': '\uFEFFexports.x = 2;',
    },
  ],
  [
    'what code in a text imports',
    'bot.mjs',
    {
      'bot.mjs': [
        'const inFunction = new Function("url", "return import(url)");',
        "const all = await Promise.all([eval('import(\"./b.mjs\")'), inFunction(new URL('./b.mjs', import.meta.url).href)]);",
        'export const value = all.map(({ a }) => a);',
      ].join('\n'),
      'b.mjs': 'export const a = 1;',
    },
  ],
  [
    'an error where it requires a module that awaits at its top',
    'bot.cjs',
    {
      'bot.cjs': "try { exports.value = require('./a.mjs').x; } catch ({ code, name }) { exports.value = code; }",
      'a.mjs': 'await 1;\nexport const x = 2;',
    },
  ],
  [
    'errors for what cannot be imported, and URLs that are only resolved',
    'bot.mjs',
    {
      'bot.mjs': [
        "const names = ['http://a/y.mjs', 'npm:b', 'none', '@a/none', './none.mjs', 'file:///none.mjs', 'node:none'];",
        'const codes = await Promise.all(names.map((name) => import(name).then(() => 0, ({ code }) => code)));',
        "const resolved = ['http://a/y.mjs', 'npm:b', 'data:text/javascript,1'].map((name) => import.meta.resolve(name));",
        'export const value = [codes, resolved, Object.getPrototypeOf(import.meta)];',
      ].join('\n'),
    },
  ],
  [
    'CommonJS in sloppy mode, in circles, with what require has',
    'bot.cjs',
    {
      'bot.cjs': [
        'exports.early = 1;',
        "const b = require('./b');",
        'undeclared = 3;',
        'exports.value = [b.seen, b.late(), undeclared, typeof require.resolve, require.resolve("./b.cjs") === module.path + "/b.cjs",',
        '  __filename === module.filename, this === exports, require("./data").a, typeof require("node:fs").read];',
        'exports.late = 2;',
        'delete globalThis.undeclared;',
      ].join('\n'),
      'b.js': "const a = require('./bot.cjs');\nexports.seen = { ...a };\nexports.late = () => typeof a.late;",
      'b.cjs': '',
      'data.json': '{ "a": 1 }',
    },
  ],
  [
    'what createRequire requires: the files that are imported',
    'bot.mjs',
    {
      'bot.mjs': [
        "import Module, { createRequire } from 'node:module';",
        "import lib from './lib.cjs';",
        'const require = createRequire(import.meta.url);',
        "const other = Module.createRequire(import.meta.filename)('./lib.cjs');",
        "export const value = [require('./lib.cjs') === lib, other === lib, require('./data.json').a, typeof require('module').createRequire];",
      ].join('\n'),
      'lib.cjs': 'exports.n = 1;',
      'data.json': '{ "a": 1 }',
    },
  ],
  [
    'what ES modules do not have, and what they are in',
    'bot.mjs',
    {
      'bot.mjs': [
        "import * as lib from './lib.mjs';",
        'const before = [typeof require, typeof module, typeof __filename, typeof this];',
        'export const value = [before, Object.keys(lib), Object.prototype.toString.call(lib), "z" in lib, lib.then];',
      ].join('\n'),
      'lib.mjs':
        'export const z = 1;\nexport function b() {}\nexport default 3;\nexport class A {}\nlet late = 1;\nexport { late };\nlate = 2;',
    },
  ],
  [
    'a CommonJS file that has thrown, and is run again',
    'bot.mjs',
    {
      'bot.mjs': [
        "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
        "const run = () => { try { return require('./late.cjs'); } catch (error) { return error.message; } };",
        'export const value = [run(), run(), run()];',
      ].join('\n'),
      'late.cjs':
        "globalThis.late = !globalThis.late;\nif (globalThis.late) throw new Error('not yet');\nmodule.exports = 'now';",
    },
  ],
  [
    'a file by its URL, its path, a name that is computed, and twice after a failure',
    'bot.mjs',
    {
      'bot.mjs': [
        "const here = new URL('./lib.mjs', import.meta.url);",
        "const all = await Promise.all([import(here), import(here.href), import(here.pathname), import(`./${'lib'}.mjs`)]);",
        'const failures = [];',
        "for (const name of ['./bad.mjs', './bad.mjs', './none.mjs']) await import(name).catch((error) => failures.push(error));",
        'export const value = [new Set(all).size, failures[0] === failures[1], failures[2].code];',
      ].join('\n'),
      'lib.mjs': 'export const n = 1;',
      'bad.mjs': 'await null;\nthrow new Error("no");',
    },
  ],
  [
    'a CommonJS file that calls itself an ES module by assignment, and has a getter that throws',
    'bot.mjs',
    {
      'bot.mjs':
        "import * as all from './lib.cjs';\nimport def, { a } from './lib.cjs';\nexport const value = [all.__esModule, all.a, def.a, a];",
      'lib.cjs': [
        'exports.__esModule = true;\nexports.default = 1;\nexports.a = 2;',
        "Object.defineProperty(exports, 'late', { get() { throw new Error('late'); } });",
      ].join('\n'),
    },
  ],
  [
    'import.meta of a file with a query, and what it resolves folders to',
    'bot.mjs',
    {
      'bot.mjs': [
        "const [one, two] = await Promise.all([import('./lib.mjs?1'), import('./lib.mjs?2#3')]);",
        "export const value = [one.url, two.url, one.file, import.meta.resolve('.'), import.meta.resolve('..')];",
      ].join('\n'),
      'lib.mjs': 'export const url = import.meta.url, file = import.meta.filename;',
    },
  ],
  [
    'a package with a build for add-ons',
    'bot.mjs',
    {
      'node_modules/native/package.json':
        '{ "exports": { "node-addons": "./addons.cjs", "import": "./import.mjs", "default": "./addons.cjs" } }',
      'node_modules/native/addons.cjs': 'module.exports = "add-ons";',
      'node_modules/native/import.mjs': 'export default "import";',
      'bot.mjs': [
        "import native from 'native';\nimport { createRequire } from 'node:module';",
        "export const value = [native, createRequire(import.meta.url)('native')];",
      ].join('\n'),
    },
  ],
  [
    'an ES module, required',
    'bot.cjs',
    {
      'bot.cjs': "const lib = require('./lib.mjs');\nexports.value = [lib.n, lib.default, lib.inner];",
      'lib.mjs':
        "import inner from './inner.cjs';\nimport { sep } from 'node:path';\nexport const n = sep;\nexport default 4;\nexport { inner };",
      'inner.cjs': COMPILED_BY_TSC,
    },
  ],
  [
    'a .js file without a package, by its syntax',
    'bot.js',
    {
      'bot.js': "import x from './lib.js';\nexport const value = await x;",
      'lib.js': 'module.exports = Promise.resolve(8);',
    },
  ],
];

/** Says what plain Node.js makes of a module, as JSON: its `value`, or the error that it ends in. */
const JUDGE = `
  process.on('message', (file) =>
    import(file)
      .then(async (module) => JSON.stringify(await (module.value ?? module.default.value)))
      .catch((error) => 'failed: ' + error.stack)
      .then((said) => process.send(String(said))),
  );
`;
/** One process for all modules of these tests; all but those of Node.js are other files each time. */
let judge: ChildProcess | undefined;
afterAll(() => void judge?.kill());

async function valueInNode(file: string): Promise<string> {
  // As a file: what -e runs sees names that modules do not have.
  judge ??= fork(await writeText(await tempDirectory(), 'judge.mjs', JUDGE), { execArgv: ['--no-warnings'] });
  const answer = once(judge, 'message');
  judge.send(file);
  const [said] = (await answer) as [string];
  return said;
}

async function project(files: Files): Promise<string> {
  const directory = await tempDirectory();
  for (const [name, text] of Object.entries(files)) await writeText(directory, name, text);
  return directory;
}

async function valueOf(exported: Record<string, unknown>): Promise<string> {
  const { value } = ('value' in exported ? exported : exported['default']) as { value: unknown };
  return JSON.stringify(await value);
}

test.each(PROJECTS)('a plugin gets what it gets in Node.js, loaded once and again: %s', async (_, entry, files) => {
  const file = path.join(await project(files), entry);
  const expected = await valueInNode(file);
  expect(expected).toMatch(/./);
  const loader = await pluginLoader();
  expect([await valueOf(await loader.load(file)), await valueOf(await loader.load(file))]).toEqual([
    expected,
    expected,
  ]);
});

test.each<[what: string, entry: string, files: Files]>([
  [
    'a name that the file lacks',
    'bot.mjs',
    { 'bot.mjs': "import { a } from './b.mjs';\na;", 'b.mjs': 'export const b = 1;' },
  ],
  [
    'a default that the file lacks',
    'bot.mjs',
    { 'bot.mjs': "import a from './b.mjs';\na;", 'b.mjs': 'export const b = 1;' },
  ],
  [
    'a name that the file cannot pass on',
    'bot.mjs',
    { 'bot.mjs': "export { a as c } from './b.mjs';", 'b.mjs': 'export const b = 1;' },
  ],
  ['a name that two files export', 'bot.mjs', { ...STARS, 'bot.mjs': "import { n } from './hub.mjs';\nn;" }],
  ['such a name, of equal values', 'bot.mjs', { ...STARS, 'bot.mjs': "import { same } from './hub.mjs';\nsame;" }],
  ['such a name, passed on', 'bot.mjs', { ...STARS, 'bot.mjs': "export { other } from './hub.mjs';" }],
  ['a default behind export *', 'bot.mjs', { ...STARS, 'bot.mjs': "import x from './hub.mjs';\nx;" }],
  ['a name that a built-in module lacks', 'bot.mjs', { 'bot.mjs': "import { raed } from 'node:fs';\nraed;" }],
])('a plugin fails as it does in Node.js: %s', async (_, entry, files) => {
  const file = path.join(await project(files), entry);
  const [message = ''] =
    /The requested module .* (?:does not provide an export named|contains conflicting star exports for) .*/.exec(
      await valueInNode(file).catch((error: unknown) => String(error)),
    )!;
  await expect((await pluginLoader()).load(file)).rejects.toThrow(message);
});

test('a link to a plugin is loaded as the file that it leads to', async () => {
  const directory = await project({
    'real/deep/lb.mjs': "import { n } from './lib.mjs';\nimport { m } from 'some';\nexport const value = [n, m];",
    'real/deep/lib.mjs': 'export const n = 1;',
    'real/node_modules/some/index.mjs': 'export const m = 2;',
    'real/node_modules/some/package.json': '{ "exports": "./index.mjs" }',
  });
  const link = path.join(directory, 'lb.mjs');
  await symlink(path.join(directory, 'real/deep/lb.mjs'), link);
  const expected = await valueInNode(link);
  const loader = await pluginLoader();
  expect(await valueOf(await loader.load(link))).toBe(expected);
  expect(loader.filesOf(link)).toEqual(new Set([link, path.join(directory, 'real/deep/lib.mjs')]));
});

test.each([
  ['node_modules/once/index.js', 'module.exports = { n: (globalThis.once = (globalThis.once ?? 0) + 1) };'],
  ['node_modules/once/index.mjs', 'export default { n: (globalThis.once = (globalThis.once ?? 0) + 1) };'],
  ['node_modules/once/index.ts', 'export default { n: (globalThis.once = (globalThis.once ?? 0) + 1) as number };'],
])('a package is evaluated once for all bots and versions: %s', async (name, text) => {
  const directory = await project({
    [name]: text,
    'node_modules/once/package.json': JSON.stringify({ exports: `./${path.basename(name)}` }),
    'one.ts': "import once from 'once';\nexport const value = once;",
    'two.mjs': "import once from 'once';\nexport const value = once;",
  });
  const loader = await pluginLoader();
  const load = async (file: string) => (await loader.load(path.join(directory, file)))['value'];
  const first = await load('one.ts');
  expect([await load('two.mjs'), await load('one.ts'), await load('two.mjs')].every((each) => each === first)).toBe(
    true,
  );
  expect((globalThis as { once?: number }).once).toBe(1);
  delete (globalThis as { once?: number }).once;
});

test('a package gets the chatosbot that runs, where none is installed beside it', async () => {
  const directory = await project({
    'node_modules/uses/package.json': '{ "exports": "./index.mjs" }',
    'node_modules/uses/index.mjs': "import './inner.mjs';\nexport { inner } from './inner.mjs';",
    'node_modules/uses/inner.mjs': "import { ChatosError } from 'chatosbot';\nexport const inner = ChatosError;",
    'bot.ts':
      "import { inner } from 'uses';\nimport { ChatosError } from 'chatosbot';\nexport const value = inner === ChatosError;",
  });
  expect(await (await pluginLoader()).load(path.join(directory, 'bot.ts'))).toMatchObject({ value: true });
});

test('a plugin may pass types on without saying that they are types', async () => {
  const directory = await project({
    'types.ts': 'export interface T {\n  a: number;\n}\nexport const n: number = 4;',
    'bot.ts':
      "import { T, n } from './types.ts';\nexport { T, n } from './types.ts';\nexport { T as U };\nexport const value = n;",
  });
  expect(await (await pluginLoader()).load(path.join(directory, 'bot.ts'))).toMatchObject({ value: 4, n: 4 });
});
