import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { pluginLoader, tempDirectory, writeText } from '../../support/bot-files.ts';

/** Writes files into a directory of their own; returns it. */
async function project(files: Record<string, string>, folder = '.'): Promise<string> {
  const directory = path.join(await tempDirectory(), folder);
  for (const [name, text] of Object.entries(files)) await writeText(directory, name, text);
  return directory;
}

/** What the module of a name says it is made of, relative to its directory. */
async function filesOf(directory: string, name = 'bot.ts'): Promise<string[]> {
  const files = (await pluginLoader()).filesOf(path.join(directory, name));
  return [...files].map((file) => path.relative(directory, file)).toSorted();
}

describe('the files of a plugin', () => {
  test.each(['.', 'sp ace', '#1', 'what?', '[x] (y)', '100%', '%20', 'caf\u00e9'])(
    'are itself and those that it imports, directly or through others, in a folder named %s',
    async (folder) => {
      const directory = await project(
        {
          'bot.ts':
            "import { a } from './a.ts';\nimport data from './data.json';\nexport const onStart = () => [a, data];",
          'a.ts': "export * from './lib/b.mjs';\nimport c from './c.cjs';\nexport const a = c;",
          'lib/b.mjs': "import './d.js';\nexport const b = 1;",
          'lib/d.js': "export const d = await import('./e.ts');",
          'lib/e.ts': 'export const e: number = 1;',
          'c.cjs': "module.exports = require('./f.cjs');",
          'f.cjs': '',
          'data.json': '{}',
          'other.ts': '',
        },
        folder,
      );
      const found = ['a.ts', 'bot.ts', 'c.cjs', 'data.json', 'f.cjs', 'lib/b.mjs', 'lib/d.js', 'lib/e.ts'];
      expect(await filesOf(directory)).toEqual(found);
    },
  );

  test('are a thousand at most, or as many as the plugin itself imports', async () => {
    const names = Array.from({ length: 1_000 }, (_, i) => `file${i}.ts`);
    const text = names.map((name) => `import './${name}';`).join('\n');
    const directory = await project({ 'bot.ts': text, 'late.ts': '' });
    for (const name of names) writeFileSync(path.join(directory, name), "import './late.ts';");
    const found = await filesOf(directory);
    expect(found).toHaveLength(1_001);
    expect(found).not.toContain('late.ts');
  });

  test.each([
    ["import './lib';", { 'lib.ts': '' }, 'lib.ts'],
    ["import './lib';", { 'lib/index.ts': '' }, 'lib/index.ts'],
    ["import './lib.js';", { 'lib.ts': '' }, 'lib.ts'],
    ["import data from './d.json' with { type: 'json' };\nexport default data;", { 'd.json': '{}' }, 'd.json'],
    ["export const d = import('./d.json', { with: { type: 'json' } });", { 'd.json': '{}' }, 'd.json'],
    ["import '#lib';", { 'package.json': '{ "imports": { "#lib": "./inner/x.ts" } }', 'inner/x.ts': '' }, 'inner/x.ts'],
  ])('are those that it means: %s', async (text, beside, found) => {
    expect(await filesOf(await project({ 'bot.ts': text, ...beside }))).toEqual(['bot.ts', found]);
  });

  test('are not those of packages, nor those that it only takes types from', async () => {
    const directory = await project({
      'bot.ts':
        "import type { A } from './types.ts';\nimport 'some';\nimport fs from 'node:fs';\nexport const a: A = fs;",
      'types.ts': 'export type A = unknown;',
      'node_modules/some/index.js': '',
    });
    expect(await filesOf(directory)).toEqual(['bot.ts']);
  });

  test('include one that is not there yet, by each name that it may come to have', async () => {
    const directory = await project({ 'bot.ts': "import './soon.ts';\nimport './later';\nimport './more.js';" });
    expect(await filesOf(directory)).toEqual(
      expect.arrayContaining(['soon.ts', 'later.ts', 'later.js', 'later/index.ts', 'more.js', 'more.ts']),
    );
  });

  test('are itself where it cannot be read or compiled', async () => {
    expect(await filesOf(await project({ 'bot.ts': 'import "./a.ts";\nlet = (' }))).toEqual(['bot.ts']);
    expect(await filesOf(await project({}))).toEqual(['bot.ts']);
  });
});

describe('loading a file again', () => {
  /** Reads `value` out of a module, changes a file, and reads it again; each in the way of `run --watch`. */
  async function changed(files: Record<string, string>, name: string, text: string, entry = 'bot.ts') {
    const directory = await project(files);
    const loader = await pluginLoader();
    const file = path.join(directory, entry);
    const { value: before } = await loader.load(file);
    await writeText(directory, name, text);
    const { value: after } = await loader.load(file);
    await rm(path.join(directory, name));
    await writeText(directory, name, files[name]!);
    const { value: back } = await loader.load(file);
    return [before, after, back];
  }

  test.each(['bot.ts', 'bot.mts', 'bot.js', 'bot.mjs'])('takes %s as it is now', async (name) => {
    const text = (value: number) => `export const value = ${value};`;
    expect(await changed({ [name]: text(1) }, name, text(2), name)).toEqual([1, 2, 1]);
  });

  test.each([
    ['lib.ts', 'export const value: number = 1;'],
    ['lib.js', 'export const value = 1;'],
    ['lib.mjs', 'export const value = 1;'],
    ['lib.cjs', 'exports.value = 1;'],
    ['lib.json', '{ "value": 1 }'],
  ])('takes %s as it is now, imported directly or through another', async (name, text) => {
    const through = (file: string) => `import * as all from '${file}';\nexport const value = all.value;`;
    const files = { 'bot.ts': through(`./${name}`), [name]: text };
    expect(await changed(files, name, text.replace('1', '2'))).toEqual([1, 2, 1]);
    for (const middle of ['middle.ts', 'middle.mjs']) {
      const more = { 'bot.ts': through(`./${middle}`), [middle]: through(`./${name}`), [name]: text };
      if (name.endsWith('.json') && middle.endsWith('.mjs')) continue;
      expect(await changed(more, name, text.replace('1', '2'))).toEqual([1, 2, 1]);
    }
  });

  test('takes what an ES module is now in a package of type module', async () => {
    const files = {
      'package.json': '{ "type": "module" }',
      'bot.js': "import { value as v } from './lib.js';\nexport const value = v;",
      'lib.js': 'export const value = 1;',
    };
    expect(await changed(files, 'lib.js', 'export const value = 2;', 'bot.js')).toEqual([1, 2, 1]);
  });

  test.each([
    ['bot.ts', 'lib.ts', 'export const value = 1;'],
    ['bot.mjs', 'lib.ts', 'export const value = 1;'],
    ['bot.ts', 'lib.json', '{ "value": 1 }'],
    ['bot.ts', 'lib.mjs', 'export const value = 1;'],
    ['bot.ts', 'lib.cjs', 'exports.value = 1;'],
  ])('takes %s, which awaits at its top, with %s as they are now', async (entry, name, text) => {
    const bot = `import * as all from './${name}';\nexport const value = await Promise.resolve(all.value);`;
    const files = { [entry]: bot, [name]: text };
    expect(await changed(files, name, text.replace('1', '2'), entry)).toEqual([1, 2, 1]);
    expect(await changed(files, entry, 'export const value = await 7;', entry)).toEqual([1, 7, 1]);
  });

  test.each([
    'export const value = JSON.parse(await later("1"));',
    'export const value = [await later(1)][0];',
    'export const { value } = { value: await later(1) };',
    'export const value = Number(`${await later(1)}`);',
    'export let value = 0;\nfor await (const one of [later(1)]) value = one;',
    'export let value = 0;\nif (await later(true)) value = 1;',
  ])('takes what awaits at its top, wherever that stands: %s', async (text) => {
    const bot = `const later = async <T>(value: T): Promise<T> => value;\n${text}`;
    expect(await changed({ 'bot.ts': bot }, 'bot.ts', bot.replace(/1(?!.*1)/s, '2'))).toEqual([1, 2, 1]);
    const files = { 'bot.ts': "import { value as v } from './lib.ts';\nexport const value = v;", 'lib.ts': bot };
    expect(await changed(files, 'lib.ts', bot.replace(/1(?!.*1)/s, '2'))).toEqual([1, 2, 1]);
  });

  test('reloads what awaits at its top and tries to import a file that is missing', async () => {
    const bot = "export const value = await import('./local.js').then(() => 0, () => 1);";
    expect(await changed({ 'bot.ts': bot }, 'bot.ts', bot.replace('() => 1', '() => 2'))).toEqual([1, 2, 1]);
  });

  test('loads once what throws a SyntaxError of its own, and awaits nothing at its top', async () => {
    const bot =
      "globalThis.loads = (globalThis.loads ?? 0) + 1;\nexport const f = async () => await 1;\nJSON.parse('x');";
    await expect(changed({ 'bot.ts': 'export const value = 1;' }, 'bot.ts', bot)).rejects.toThrow(SyntaxError);
    expect((globalThis as { loads?: number }).loads).toBe(1);
  });
});
