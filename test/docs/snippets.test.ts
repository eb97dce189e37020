import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadPlugin } from '../../src/bot/loading/loader.ts';
import { createModuleLoader } from '../../src/bot/loading/module-loader.ts';
import { loadConfig } from '../../src/config/load.ts';
import { PLUGIN_MODULES } from '../../src/plugin-modules.ts';
import { runExamples } from '../../src/testing/examples.ts';
import * as testing from '../../src/testing/index.ts';
import { TestNetwork } from '../../src/testing/index.ts';
import { Command } from '../support/command.ts';
import { PAGES, readFences } from './fences.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'chatosbot-docs-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
// What the docs tell to install is here already.
symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'));

interface Snippet {
  readonly from: string;
  readonly file: string;
  readonly code: string;
}

/** The blocks of a language in README and docs, each written to a file of its own. Files that grow are the guide's test. */
function snippets(language: string): Snippet[] {
  return PAGES.flatMap((page) => {
    const blocks = readFences(page).filter((fence) => fence.language === language && fence.name === undefined);
    return blocks.map(({ line, text }, index) => {
      const file = path.join(directory, `${path.basename(page, '.md')}-${index + 1}.${language}`);
      writeFileSync(file, text);
      return { from: `${page}:${line}`, file, code: text };
    });
  });
}

const scripts = snippets('ts');
const tests = scripts.filter(({ code }) => code.includes("from 'node:test'"));
const plugins = scripts.filter(({ code }) => /^export default defineBot/m.test(code));
const programs = scripts.filter((script) => !plugins.includes(script) && !tests.includes(script));

describe('the plugins in the docs', () => {
  test.each(plugins)('$from loads and runs', async ({ file }) => {
    const net = await TestNetwork.start();
    await expect(net.bot(file, { login: 'bot' })).resolves.toMatchObject({ login: 'bot' });
    await net.stop();
  });
});

describe('the programs in the docs', () => {
  test.each(programs)('$from runs to its end', async ({ file }) => {
    const loader = createModuleLoader({ ...PLUGIN_MODULES, 'chatosbot/testing': testing });
    await expect(loader.load(file)).resolves.toBeDefined();
  });
});

describe('the tests in the docs', () => {
  test.each(tests)('$from passes, as a user runs it', async ({ file }) => {
    const copy = file.replace(/\.ts$/, '.test.ts');
    copyFileSync(file, copy);
    const command = new Command(process.execPath, ['dist/cli/chatosbot.cjs', 'test', copy], {
      cwd: '.',
      env: { HOME: directory },
    });
    expect(await command.exit()).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/\n\d passed, 0 failed\n$/),
    });
  });
});

describe('the examples in the docs', () => {
  test.each(plugins.filter(({ code }) => code.includes('examples:')))('$from are right', async ({ file }) => {
    const plugin = await loadPlugin(file, createModuleLoader(PLUGIN_MODULES));
    for await (const result of runExamples(plugin, { login: 'bot' })) {
      expect(result).toMatchObject({ ok: true, problems: [] });
    }
  });
});

describe('the configurations in the docs', () => {
  test.each(snippets('yaml'))('$from is valid', async ({ file }) => {
    const { config } = await loadConfig({ file });
    expect(config).not.toEqual({});
  });
});

test("the tutorial's bot does what the tutorial says", async () => {
  const roller = plugins.find(({ code }) => code.includes('rolls'))!;
  expect((await loadPlugin(roller.file, createModuleLoader(PLUGIN_MODULES))).name).toBe('README-1');
  const net = await TestNetwork.start();
  try {
    await net.bot(roller.file, { login: 'roller' });
    const ann = await net.user('ann');
    await ann.say('roll 20');
    await ann.expects(/^ann rolls \d+$/);
    const channel = await ann.request('roller');
    channel.end();
    expect(String(await channel.toArray())).toMatch(/^0\.\d+\n$/);
    const mallory = await net.user('mallory');
    await expect(mallory.request('roller')).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
  } finally {
    await net.stop();
  }
});
