import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPlugin } from '../../../src/bot/loading/loader.ts';
import type { Context, Message } from '../../../src/bot/plugin/context.ts';
import { ChatosError } from '../../../src/index.ts';
import { pluginLoader, tempDirectory, writeText } from '../../support/bot-files.ts';

/** Writes a plugin into an empty directory far from the project, and loads it. */
async function load(name: string, text: string, beside: Record<string, string> = {}) {
  const directory = await tempDirectory();
  for (const [other, content] of Object.entries(beside)) await writeText(directory, other, content);
  return loadPlugin(await writeText(directory, name, text), await pluginLoader());
}

const nothing = undefined as never;

/** How tsc begins what it makes of an ES module as CommonJS. */
const COMPILED = '"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\n';

describe('loadPlugin', () => {
  it.each([
    ['a.ts', 'export const onMessage = (): void => {};\nexport async function onStart(bot: unknown) { void bot; }'],
    ['a.mts', 'export const onMessage = (): void => {};\nexport const onStart = () => {};'],
    ['a.js', 'export const onMessage = () => {};\nexport function onStart() {}'],
    ['a.mjs', 'export const onMessage = () => {};\nexport function onStart() {}'],
    ['a.cjs', 'exports.onMessage = () => {};\nexports.onStart = function () {};'],
  ])('takes hooks that %s exports by name', async (name, text) => {
    const { hooks } = await load(name, text);
    expect(Object.keys(hooks).toSorted()).toEqual(['onMessage', 'onStart']);
  });

  it.each([
    ['a.ts', "import { defineBot } from 'chatosbot';\nexport default defineBot({ onMessage(): void {} });"],
    ['a.js', "import { defineBot } from 'chatosbot';\nexport default defineBot({ onMessage() {} });"],
    ['a.js', 'export default { onMessage() {} };'],
    ['a.cjs', 'module.exports = { onMessage() {} };'],
    ['a.cjs', `${COMPILED}exports.default = { onMessage() {} };`],
    ['a.js', `${COMPILED}exports.default = { onMessage() {} };`],
    [
      'a.js',
      `${COMPILED}const chatosbot_1 = require('chatosbot');\nexports.default = (0, chatosbot_1.defineBot)({ onMessage() {} });`,
    ],
    ['a.cts', "import { defineBot } from 'chatosbot';\nexport default defineBot({ onMessage(): void {} });"],
    ['a.ts', "import chatosbot = require('chatosbot');\nexport = chatosbot.defineBot({ onMessage(): void {} });"],
    ['a.cjs', "const { defineBot } = require('chatosbot');\nmodule.exports = defineBot({ onMessage() {} });"],
  ])('takes the hooks of a default export (%#: %s)', async (name, text) => {
    const { hooks } = await load(name, text);
    expect(Object.keys(hooks)).toEqual(['onMessage']);
  });

  it('takes both, and other exports are no matter', async () => {
    const text =
      'export const onStop = () => {};\nexport const table = 1;\nexport default { onStart() {}, helper: 2 };';
    const { hooks } = await load('a.ts', text);
    expect(Object.keys(hooks).toSorted()).toEqual(['onStart', 'onStop']);
  });

  it('calls the hooks of a default export as methods of it', async () => {
    const { hooks } = await load('a.ts', 'export default { count: 41, onStart() { return (this.count += 1); } };');
    expect(hooks.onStart!(nothing)).toBe(42);
    expect(hooks.onStart!(nothing)).toBe(43);
  });

  it('takes an instance of a class, as the type of defineBot allows', async () => {
    const text = 'class Counter {\n  #n = 1;\n  onStart() { return (this.#n += 1); }\n}\nexport default new Counter();';
    expect((await load('a.ts', text)).hooks.onStart!(nothing)).toBe(2);
  });

  it('names a plugin after its file, or as it says itself', async () => {
    expect(await load('my.bot.ts', 'export const onStart = () => {};')).toMatchObject({ name: 'my.bot' });
    expect(await load('a.ts', 'export const name = "robot";\nexport const onStart = () => {};')).toMatchObject({
      name: 'robot',
    });
    expect(await load('a.ts', 'export default { name: "robot", onStart() {} };')).toMatchObject({ name: 'robot' });
  });

  it('tells the absolute path of the file', async () => {
    const plugin = await load('a.ts', 'export const onStart = () => {};');
    expect(path.isAbsolute(plugin.file)).toBe(true);
  });

  it('lets it import its neighbours, packages of Node, and JSON', async () => {
    const text = [
      "import { basename } from 'node:path';",
      "import { twice } from './lib.ts';",
      "import data from './data.json';",
      'export const onStart = () => basename(twice(data.text));',
    ].join('\n');
    const beside = {
      'lib.ts': 'export const twice = (text: string): string => `${text}/${text}`;',
      'data.json': '{ "text": "ab" }',
    };
    expect((await load('a.ts', text, beside)).hooks.onStart!(nothing)).toBe('ab');
  });

  it('understands TypeScript that must be compiled, not only stripped: enums, parameter properties', async () => {
    const text = [
      'enum Colour { Red = 3 }',
      'class Box { constructor(readonly colour: Colour) {} }',
      'export const onStart = () => new Box(Colour.Red).colour satisfies Colour;',
    ].join('\n');
    expect((await load('a.ts', text)).hooks.onStart!(nothing)).toBe(3);
  });

  it('waits for what a plugin awaits at its top', async () => {
    const text = 'const value = await Promise.resolve(7);\nexport const onStart = () => value;';
    expect((await load('a.ts', text)).hooks.onStart!(nothing)).toBe(7);
  });
});

describe('loadPlugin, modules', () => {
  it('has one of each module that a plugin imports by several ways, in circles too', async () => {
    const bump = "import { state } from './state.ts';\nexport const bump = () => (state.n += 1);";
    const text = [
      "import { bump as one } from './one.ts';",
      "import { bump as two } from './two.ts';",
      'export const self = 1;',
      'export const onStart = () => [one(), two()];',
    ].join('\n');
    const beside = {
      'one.ts': `import './two.ts';\n${bump}`,
      'two.ts': `import './one.ts';\n${bump}`,
      'state.ts': 'export const state = { n: 0 };',
    };
    expect((await load('a.ts', text, beside)).hooks.onStart!(nothing)).toEqual([1, 2]);
  });

  it('shares nothing between two loads of a file', async () => {
    const file = await writeText(await tempDirectory(), 'a.ts', 'let n = 0;\nexport const onStart = () => (n += 1);');
    const loader = await pluginLoader();
    const [one, two] = [await loadPlugin(file, loader), await loadPlugin(file, loader)];
    expect([one.hooks.onStart!(nothing), one.hooks.onStart!(nothing), two.hooks.onStart!(nothing)]).toEqual([1, 2, 1]);
  });
});

describe("loadPlugin, import … from 'chatosbot'", () => {
  it('gives the very classes of this program, wherever the file lies', async () => {
    const text = [
      "import { ChatosError, isChatosError, ChatosClient } from 'chatosbot';",
      'export function onMessage(): void { throw new ChatosError("TIMED_OUT", "mine"); }',
      'export const onStart = () => [isChatosError(new ChatosError("ABORTED", "x")), typeof ChatosClient.create];',
    ].join('\n');
    const { hooks } = await load('a.ts', text);
    let caught: unknown;
    try {
      await hooks.onMessage!(undefined as unknown as Message, undefined as unknown as Context);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ChatosError);
    expect(caught).toMatchObject({ code: 'TIMED_OUT', message: 'mine' });
    expect(hooks.onStart!(nothing)).toEqual([true, 'function']);
  });

  it('works in a module that the plugin imports, and in a type import', async () => {
    const lib = "import { ChatosError } from 'chatosbot';\nexport const code = new ChatosError('ABORTED', 'x').code;";
    const text =
      "import type { Context } from 'chatosbot';\nimport { code } from './lib.ts';\nexport const onStart = (_: Context) => code;";
    expect((await load('a.ts', text, { 'lib.ts': lib })).hooks.onStart!(nothing)).toBe('ABORTED');
  });
});
