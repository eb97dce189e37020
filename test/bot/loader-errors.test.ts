import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPlugin } from '../../src/bot/loader.ts';
import { HOOKS } from '../../src/bot/plugin.ts';
import { pluginLoader, tempDirectory, writeText } from '../support/bot-files.ts';

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

describe('loadPlugin, what it turns down', () => {
  it('a file that is not there, and a directory', async () => {
    const directory = await tempDirectory();
    expect(await messageFor(path.join(directory, 'nope.ts'))).toBe('FILE: no such file');
    expect(await messageFor(directory)).toMatch(/^FILE: is a directory/);
  });

  it.each(['export const helper = 1;', 'export default 7;', 'export default function () {}', 'const x = 1;', ''])(
    'a file without any hook, and says which there are: %j',
    async (text) => {
      expect(await complaint(text)).toBe(`FILE: exports no hook; expected one or more of ${ALL_HOOKS}`);
    },
  );

  it('a hook that does not exist, by name, and says which there are', async () => {
    const wrong = `FILE: exports onMesage, which is not a hook; the hooks are ${ALL_HOOKS}`;
    expect(await complaint('export const onMesage = () => {};\nexport const onStart = () => {};')).toBe(wrong);
    expect(await complaint('export default { onMesage() {} };')).toBe(wrong);
  });

  it('a hook that is not a function', async () => {
    expect(await complaint('export const onMessage = "hello";')).toBe('FILE: onMessage is not a function');
    expect(await complaint('export default { onStart: null };')).toBe('FILE: onStart is not a function');
  });

  it('a name that is not a text', async () => {
    expect(await complaint('export const name = 7;\nexport const onStart = () => {};')).toMatch(/name is not a string/);
  });

  it('a syntax error, with its place', async () => {
    const message = await complaint('type A = string;\n\nexport const onMessage = ( => {};\n');
    expect(message).toMatch(/^FILE: /);
    expect(message).toMatch(/3[:,].*27|line 3, column 27/);
    expect(message.match(/line 3/g)?.length ?? 1).toBe(1);
  });

  it('a syntax error in a module that it imports, with that place', async () => {
    const message = await complaint("import './lib.ts';\nexport const onStart = () => {};", 'plugin.ts', {
      'lib.ts': '\n\nexport const = 1;',
    });
    expect(message).toMatch(/lib\.ts:3:/);
  });

  it.each([
    ['import x from "./nope.ts";\nexport const onStart = () => x;', './nope.ts'],
    ['import x from "no-such-package-of-that-name";\nexport const onStart = () => x;', 'no-such-package-of-that-name'],
  ])('an import that cannot be found, by its name: %j', async (text, name) => {
    expect(await complaint(text)).toContain(`Cannot find module '${name}'`);
  });
});

describe('loadPlugin, where an error comes from', () => {
  const PREAMBLE = ['interface Box {', '  readonly size: number;', '}', 'type Text = string;', ''].join('\n');

  it('tells the line of the .ts file at which loading failed', async () => {
    const text = `${PREAMBLE}\nconst box: Box = { size: 1 };\nif (box.size > 0) {\n  throw new Error('too big');\n}\n`;
    expect(await complaint(text)).toBe('FILE: too big (line 8, column 9)');
  });

  it('tells the line that called into a module which threw', async () => {
    const text = `${PREAMBLE}import { fail } from './lib.ts';\n\nexport const onStart = () => {};\nfail();\n`;
    const message = await complaint(text, 'plugin.ts', {
      'lib.ts': 'export function fail() {\n  throw new Error("no");\n}',
    });
    expect(message).toMatch(/^FILE: no \(line 8, column \d+\)$/);
  });

  it('something thrown that is no error', async () => {
    expect(await complaint('throw "just text";\nexport const onStart = () => {};')).toBe('FILE: just text');
  });

  it('keeps the line in the stack of what a hook throws, before and after an await', async () => {
    const text = `${PREAMBLE}export async function onStart(): Promise<void> {\n  await null;\n  throw new Error('later');\n}\nexport const onStop = (): void => {\n  throw new Error('now');\n};\n`;
    const file = await writeText(await tempDirectory(), 'plugin.ts', text);
    const { hooks } = await loadPlugin(file, await pluginLoader());
    await expect(hooks.onStart!(undefined as never)).rejects.toMatchObject({
      stack: expect.stringContaining(`${file}:7:`),
    });
    expect(() => hooks.onStop!(undefined as never)).toThrow(
      expect.objectContaining({ stack: expect.stringContaining(`${file}:10:`) }),
    );
  });
});
