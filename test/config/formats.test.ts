import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { complaints, writeConfig } from './loading.ts';

const read = async (text: string, name: string) => (await loadConfig({ file: await writeConfig(text, name) })).config;

describe('loadConfig, YAML that cannot be read', () => {
  it.each([
    ['login: "unclosed', /^FILE:1:\d+: /],
    ['login: a\n bots: []', /^FILE:1:8: /],
    ['login: a\nlogin: b', /^FILE:2:1: .*unique/],
    ['policy: { allow: [a }', /^FILE:1:\d+: /],
    ['login: a\n---\nlogin: b', /^FILE:2:\d+: /],
    ['policy:\n\tdefault: ask', /^FILE:2:\d+: .*[Tt]ab/],
    ['login: *nobody', /^FILE:1:8: .*nobody/],
  ])('tells the place in %j', async (text, expected) => {
    expect((await complaints(text))[0]).toMatch(expected);
  });

  it('refuses aliases that multiply without bound', async () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 10; i++)
      lines.push(
        `b${i}: &b${i} [${Array(9)
          .fill(i === 1 ? '*a' : `*b${i - 1}`)
          .join(', ')}]`,
      );
    expect((await complaints(lines.join('\n')))[0]).toMatch(/FILE.*alias/i);
  });
});

describe('loadConfig, JSON', () => {
  it('reads chatosbot.config.json', async () => {
    expect(await read('{ "login": "robot", "bots": ["a.ts"] }', 'chatosbot.config.json')).toEqual({
      login: 'robot',
      bots: ['a.ts'],
    });
  });

  it('reads it indented by tabs, and with a byte order mark', async () => {
    expect(await read('\uFEFF{\n\t"policy": {\n\t\t"default": "ask"\n\t}\n}\n', 'chatosbot.config.json')).toEqual({
      policy: { default: 'ask' },
    });
  });

  it('tells line and column of what is wrong', async () => {
    expect(await complaints('{\n  "login": "a",\n  "policy": { "default": 1 }\n}', 'chatosbot.config.json')).toEqual([
      expect.stringMatching(/^FILE:3:26: policy\.default: expected one of/),
    ]);
    expect((await complaints('{\n  "login": "a"\n  "bots": []\n}', 'chatosbot.config.json'))[0]).toMatch(/^FILE:[23]:/);
  });
});

describe('loadConfig, modules', () => {
  it('reads a TypeScript file, its default export or its named ones', async () => {
    const typed = 'interface C { login: string }\nconst c: C = { login: "robot" };\nexport default c;';
    expect(await read(typed, 'chatosbot.config.ts')).toEqual({ login: 'robot' });
    expect(await read('export const login: string = "robot";', 'chatosbot.config.ts')).toEqual({ login: 'robot' });
  });

  it.each(['js', 'mjs'])('reads a .%s file', async (extension) => {
    expect(await read('export default { login: "robot" };', `chatosbot.config.${extension}`)).toEqual({
      login: 'robot',
    });
  });

  it('names the file and the key where a value is wrong', async () => {
    expect(await complaints('export default { login: 1, bogus: 2 };', 'chatosbot.config.ts')).toEqual([
      expect.stringMatching(/^FILE: login: expected a text, found 1$/),
      expect.stringMatching(/^FILE: bogus: unknown key 'bogus'; expected one of /),
    ]);
  });

  it('names the file where it does not compile, or throws', async () => {
    expect((await complaints('export default {\n  login: ,\n};', 'chatosbot.config.ts')).join('\n')).toMatch(
      /FILE.*2/s,
    );
    expect((await complaints('throw new Error("no");', 'chatosbot.config.ts')).join('\n')).toMatch(/FILE.*no/s);
  });
});
