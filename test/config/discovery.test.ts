import { execFileSync } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CONFIG_FILES, foldersFrom, mayHaveConfig } from '../../src/config/discovery.ts';
import { loadConfig } from '../../src/config/load.ts';
import { tempDirectory, writeText } from '../support/bot-files.ts';

/** A project with a package.json and a directory two levels below; what is looked from there. */
async function project(packageJson = '{}') {
  const root = await tempDirectory();
  await writeText(root, 'package.json', packageJson);
  const deep = path.join(root, 'a', 'b');
  await mkdir(deep, { recursive: true });
  return { root, deep };
}

describe('loadConfig, where it looks', () => {
  it.each([
    ...CONFIG_FILES.filter((name) => /ya?ml$/.test(name)).map((name) => [name, 'login: robot']),
    ['chatosbot.config.json', '{ "login": "robot" }'],
    ['chatosbot.config.ts', 'export default { login: "robot" as string };'],
    ['chatosbot.config.js', 'export default { login: "robot" };'],
    ['chatosbot.config.mjs', 'export default { login: "robot" };'],
  ])('finds %s in the working directory', async (name, text) => {
    const { deep } = await project();
    const file = await writeText(deep, name, text);
    expect(await loadConfig({ from: deep })).toEqual({
      file,
      directory: deep,
      config: { login: 'robot' },
      locate: expect.any(Function),
    });
  });

  it('looks upwards, to the root of the project', async () => {
    const { root, deep } = await project();
    const file = await writeText(root, 'chatosbot.config.yaml', 'login: robot');
    expect(await loadConfig({ from: deep })).toEqual({
      file,
      directory: root,
      config: { login: 'robot' },
      locate: expect.any(Function),
    });
  });

  it('takes the nearest one', async () => {
    const { root, deep } = await project();
    await writeText(root, 'chatosbot.config.yaml', 'login: far');
    await writeText(deep, 'chatosbot.config.json', '{ "login": "near" }');
    expect((await loadConfig({ from: deep })).config).toEqual({ login: 'near' });
  });

  it('does not look above the root of the project', async () => {
    const outer = await tempDirectory();
    await writeText(outer, 'chatosbot.config.yaml', 'login: outer');
    const inner = path.join(outer, 'project', 'src');
    await writeText(inner, 'x', '');
    await writeText(path.dirname(inner), 'package.json', '{}');
    expect(await loadConfig({ from: inner })).toEqual({
      file: undefined,
      directory: inner,
      config: {},
      locate: expect.any(Function),
    });
  });

  it('looks nowhere else outside of any project: files above may belong to others', () => {
    expect(foldersFrom('/no-such-project/of/chatosbot')).toEqual([path.resolve('/no-such-project/of/chatosbot')]);
  });

  it('is empty, and not an error, where there is none', async () => {
    const { deep } = await project();
    expect(await loadConfig({ from: deep })).toEqual({
      file: undefined,
      directory: deep,
      config: {},
      locate: expect.any(Function),
    });
  });

  it('reads the key of package.json, and places what is wrong in it', async () => {
    const { root, deep } = await project('{\n\t"name": "x",\n\t"chatosbot": { "login": "robot" }\n}\n');
    const file = path.join(root, 'package.json');
    expect(await loadConfig({ from: deep })).toEqual({
      file,
      directory: root,
      config: { login: 'robot' },
      locate: expect.any(Function),
    });

    await writeText(root, 'package.json', '{\n  "name": "x",\n  "chatosbot": {\n    "logn": "robot"\n  }\n}\n');
    await expect(loadConfig({ from: deep })).rejects.toThrow(
      /package\.json:4:5: logn: unknown key 'logn'; did you mean 'login'\?$/,
    );
  });

  it('is not bothered by a package.json that is none of its business', async () => {
    const long = JSON.stringify({ name: 'x', ['k'.repeat(2_000)]: 1, a: { b: ['\u2028', '\\', '\t'] } }, null, '\t');
    for (const text of [long, '{ "name": "x", "a": 1, "a": 2 }']) {
      const { deep } = await project(text);
      expect({ text, config: (await loadConfig({ from: deep })).config }).toEqual({ text, config: {} });
    }
  });

  it('takes a package.json for a configuration by its key alone', async () => {
    const { root } = await project('{ "dependencies": { "chatosbot": "0.1.0" } }');
    expect(mayHaveConfig(root)).toBe(false);
    await writeText(root, 'package.json', '{ "chatosbot": { "login": "robot" } }');
    expect(mayHaveConfig(root)).toBe(true);
    await writeText(root, 'package.json', '{ "chatosbot": { "login": "robot" }');
    expect(mayHaveConfig(root)).toBe(true);
  });

  it('reports what is wrong in a file that was found, with its path', async () => {
    const { deep } = await project();
    await writeText(deep, 'chatosbot.config.yaml', 'login: a\nbogus: 1');
    await expect(loadConfig({ from: deep })).rejects.toThrow(/chatosbot\.config\.yaml:2:1: bogus: unknown key/);
    await writeText(deep, 'chatosbot.config.yaml', 'login: *nobody');
    await expect(loadConfig({ from: deep })).rejects.toThrow(/chatosbot\.config\.yaml/);
  });

  it('says so where an explicit file is missing, or is a directory', async () => {
    const { root } = await project();
    const missing = path.join(root, 'nope.yaml');
    await expect(loadConfig({ file: missing })).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', message: `${missing}: no such file` }),
    );
    const directory = path.join(root, 'a');
    await expect(loadConfig({ file: directory })).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', message: `${directory}: is a directory; name the file in it` }),
    );
  });

  it('does not wait for a writer of a named pipe', async () => {
    const { root } = await project();
    const pipe = path.join(root, 'pipe.yaml');
    execFileSync('mkfifo', [pipe]);
    await expect(loadConfig({ file: pipe })).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', message: `${pipe}: is a named pipe; name a file` }),
    );
  });

  it.each(['chatosbot.config.yaml', 'chatosbot.config.ts', 'package.json'])(
    'nor of one that it finds as %s',
    async (name) => {
      const { root, deep } = await project();
      const pipe = path.join(root, name);
      await rm(pipe, { force: true });
      execFileSync('mkfifo', [pipe]);
      await expect(loadConfig({ from: deep })).rejects.toThrow(`${pipe}: is a named pipe; name a file`);
    },
  );

  it('takes an explicit file of any name, and none beside it', async () => {
    const { deep } = await project();
    await writeText(deep, 'chatosbot.config.yaml', 'login: other');
    const file = await writeText(deep, 'production.yaml', 'login: robot');
    expect(await loadConfig({ file, from: deep })).toEqual({
      file,
      directory: deep,
      config: { login: 'robot' },
      locate: expect.any(Function),
    });
  });
});
