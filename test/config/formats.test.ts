import { writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { complaints, like, writeConfig } from './loading.ts';

const read = async (text: string, name: string) => (await loadConfig({ file: await writeConfig(text, name) })).config;

afterEach(() => vi.unstubAllEnvs());

describe('loadConfig, YAML that cannot be read', () => {
  it.each([
    ['login: "unclosed', /^FILE:1:\d+: /],
    ['login: a\n bots: []', /^FILE:1:8: /],
    ['login: a\nlogin: b', /^FILE:2:1: this key is there twice/],
    ['policy: { allow: [a }', /^FILE:1:\d+: /],
    ['login: a\n---\nlogin: b', /^FILE:2:\d+: /],
    ['policy:\n\tdefault: ask', /^FILE:2:\d+: .*[Tt]ab/],
    ['login: *nobody', /^FILE:1:8: .*nobody/],
    ['state: !secret x', /^FILE:1:16: the tag !secret means nothing here: /],
    ['login: a\nserve: !!js/x {}', /^FILE:2:15: the tag !!js\/x means nothing here: /],
    ['login: a\nserve:\n  <<: 5', /^FILE:3:3: behind << stands an alias of a mapping/],
    ['bots:\n  - path: a.ts\n    options: &o\n      self: *o', /^FILE:4:13: this alias stands for what it is in/],
    ['? [a, b]\n: c', /^FILE:1:3: a key is a text, and no list or mapping/],
    ['login: @robot', /^FILE:1:8: .* reserved character @: put the text in quotes$/],
    ['x-a: &a [1]\nserve:\n  <<: [*a]', /^FILE:3:3: behind << stands an alias of a mapping/],
  ])('tells the place in %j', async (text, expected) => {
    expect((await complaints(text))[0]).toMatch(expected);
  });

  it.each([
    [
      'announcements:\n  - cron: */5 * * * *\n    text: x',
      "FILE:2:11: a text that begins with * needs quotes: '*/5 * * * *'",
    ],
    ['announcements: [{ text: x, cron: * 9 * * 1 }]', "FILE:1:34: a text that begins with * needs quotes: '* 9 * * 1'"],
    [
      'announcements:\n  - text: Reminder: stand-up',
      'FILE:2:11: a second key is in this value: put a text with ": " in it in quotes, or correct the indentation',
    ],
  ])('says once what to do: %j', async (text, expected) => {
    expect(await complaints(text)).toEqual([expected]);
  });

  it.each([
    ['login:\u00A0robot', '1:7: the character U+00A0 is here, which YAML does not take for a space'],
    ['bots: []\n\u200Blogin: robot', '2:1: the character U+200B is here, which YAML does not take for a space'],
    ['login: robot\u00A0', '1:13: the character U+00A0 is here, which YAML does not take for a space'],
  ])('shows what nobody can see in %j', async (text, expected) => {
    expect(await complaints(text)).toContain(`FILE:${expected}`);
  });

  it('takes a mark of the byte order for nothing, as YAML does', async () => {
    expect(await complaints('\uFEFFlogn: robot')).toEqual([expect.stringMatching(/^FILE:1:\d: logn: unknown key/)]);
  });

  it('refuses aliases that multiply without bound', async () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 10; i++)
      lines.push(
        `b${i}: &b${i} [${Array(9)
          .fill(i === 1 ? '*a' : `*b${i - 1}`)
          .join(', ')}]`,
      );
    expect((await complaints(lines.join('\n')))[0]).toBe(
      'FILE: its aliases stand for too many values: write some of them out',
    );
  });

  it('ignores tags of other programs behind keys that begin with x-', async () => {
    expect(await read('x-a: !reset 1\nlogin: robot', 'chatosbot.config.yaml')).toEqual({ login: 'robot' });
  });

  it.each<[encoding: BufferEncoding, place: string, text: string]>([
    ['latin1', '2:11', 'bots: []\nlogin: caf\u00E9'],
    ['utf16le', '1:1', '\uFEFFlogin: robot'],
  ])('says where a file is not UTF-8: %s', async (encoding, place, text) => {
    const file = await writeConfig('', 'chatosbot.config.yaml');
    await writeFile(file, Buffer.from(text, encoding));
    await expect(loadConfig({ file })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringMatching(new RegExp(`:${place}: this is not UTF-8: save the file as UTF-8$`)),
    });
  });

  it('takes the replacement character where it is meant', async () => {
    expect(await read('state: "\uFFFD"', 'chatosbot.config.yaml')).toEqual({ state: '\uFFFD' });
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
    expect(await complaints('export default {\n  login: ,\n};', 'chatosbot.config.ts')).toEqual([
      'FILE:2:10: Unexpected token',
    ]);
    expect(await complaints('\nthrow new Error("no");', 'chatosbot.config.ts')).toEqual(['FILE:2:7: no']);
    expect(await complaints('export default () => {\n  throw new Error("no");\n};', 'chatosbot.config.mjs')).toEqual([
      'FILE:2:9: no',
    ]);
  });
});

describe('loadConfig, values', () => {
  const optionsOf = async (text: string, name = 'chatosbot.config.yaml'): Promise<unknown> => {
    const [bot] = (await read(text, name)).bots ?? [];
    return typeof bot === 'object' ? bot.options : bot;
  };

  it('merges by merge keys, and ignores keys that begin with x- at the top', async () => {
    const config = await read(
      [
        'x-shared: &shared { a: 1, b: 1 }',
        'x-notes: [anything]',
        'bots:',
        '  - { path: a.ts, options: { <<: *shared, b: 2 } }',
      ].join('\n'),
      'chatosbot.config.yaml',
    );
    expect(config).toEqual({ bots: [{ path: 'a.ts', options: { a: 1, b: 2 } }] });
    const ignored = ['x-a: ${CHATOSBOT_TEST_NONE}', 'x-b: 99999999999999999999', 'x-c: &c { d: "${1}" }'];
    expect(await complaints(ignored.join('\n'))).toEqual([]);
    const used =
      'x-c: &c { d: "${1}" }\nx-d: &d { <<: *c }\nbots: [{ path: a.ts, options: *d }, { path: a.ts, options: *d }]';
    expect(await complaints(used)).toEqual([expect.stringMatching(/^FILE:1:14: expected \$/)]);
    expect(await complaints('policy: { x-note: 1 }')).toEqual([expect.stringContaining("unknown key 'x-note'")]);
  });

  it.each([
    ['bots:\n  - path: a.ts\n    options: { id: 1234567890123456789 }', 'FILE:3:20: 1234567890123456789 is too large'],
    ['bots: [{ path: a.ts, options: { 9007199254740993: x } }]', 'FILE:1:33: 9007199254740993 is too large'],
    ['bots: [{ path: a.ts, options: { id: -9007199254740993 } }]', 'FILE:1:37: -9007199254740993 is too large'],
    ['bots: [{ path: a.ts, options: { id: 0x20000000000001 } }]', 'FILE:1:37: 0x20000000000001 is too large'],
    ['bots: [{ path: a.ts, options: { phone: 0170123 } }]', 'FILE:1:40: 0170123 would be the number 170123: write'],
    ['bots: [{ path: a.ts, options: { 007: x } }]', 'FILE:1:33: 007 would be the number 7: write it in quotes'],
    ['bots: [{ path: a.ts, options: { id: 1e400 } }]', 'FILE:1:37: 1e400 is too large'],
  ])('refuses numbers that would not be what is written in %j', async (text, expected) => {
    expect(await complaints(text)).toEqual([expect.stringContaining(expected)]);
  });

  it('refuses them in JSON too', async () => {
    const text = '{ "bots": [{ "path": "a.ts", "options": { "id": 1234567890123456789 } }] }';
    expect(await complaints(text, 'chatosbot.config.json')).toEqual([
      expect.stringMatching(/^FILE:1:49: .*in quotes$/),
    ]);
  });

  it('keeps numbers that are exact, fractions, and digits in quotes', async () => {
    const options = 'a: 9007199254740992, b: 0.1, c: 1e30, d: "1234567890123456789", e: -9007199254740992, f: +7';
    const expected = { a: 2 ** 53, b: 0.1, c: 1e30, d: '1234567890123456789', e: -(2 ** 53), f: 7 };
    expect(await optionsOf(`bots: [{ path: a.ts, options: { ${options} } }]`)).toEqual(expected);
  });

  it('keeps option keys that objects have already', async () => {
    const options = await optionsOf('bots: [{ path: a.ts, options: { constructor: 1, __proto__: 2, prototype: 3 } }]');
    expect(Object.entries(options as object)).toEqual([
      ['constructor', 1],
      ['__proto__', 2],
      ['prototype', 3],
    ]);
  });

  it('takes values from the environment, as texts', async () => {
    vi.stubEnv('CHATOSBOT_TEST_WHO', 'ann');
    vi.stubEnv('CHATOSBOT_TEST_EMPTY', '');
    const values = {
      a: '${CHATOSBOT_TEST_WHO}',
      b: 'x-${CHATOSBOT_TEST_WHO}-${CHATOSBOT_TEST_NONE:-nobody}!',
      c: '${CHATOSBOT_TEST_EMPTY:-default}',
      d: '${CHATOSBOT_TEST_EMPTY}',
      e: '$${CHATOSBOT_TEST_WHO} costs $5',
      '${f}': 1,
    };
    const expected = {
      a: 'ann',
      b: 'x-ann-nobody!',
      c: 'default',
      d: '',
      e: '${CHATOSBOT_TEST_WHO} costs $5',
      '${f}': 1,
    };
    const bots = JSON.stringify([{ path: 'a.ts', options: values }]);
    expect(await optionsOf(`bots: ${bots}`)).toEqual(expected);
    const manifest = `{ "scripts": { "x": "\${NOT_OURS}" }, "chatosbot": { "bots": ${bots} } }`;
    expect(await optionsOf(manifest, 'package.json')).toEqual(expected);
  });

  it.each([
    ['login: ${CHATOSBOT_TEST_NONE}', 'FILE:1:8: there is no environment variable CHATOSBOT_TEST_NONE: set it'],
    ['state: a\nlogin: "${"', 'FILE:2:8: expected ${NAME} or ${NAME:-default}'],
    ['login: "${CHATOSBOT_TEST_NONE:-${HOME}}"', 'FILE:1:8: expected ${NAME} or ${NAME:-default}'],
    [
      'bots:\n  - { path: a.ts, options: { a: ${HOME} } }\nlogin: a',
      'FILE:2:34: a value with ${HOME} needs quotes inside { } and [ ]: "${HOME}"',
    ],
    ['bots: [a-${HOME}, b]\nlogin: a', 'FILE:1:11: a value with ${HOME} needs quotes inside { } and [ ]'],
    ['login: ${1}', 'FILE:1:8: expected ${NAME} or ${NAME:-default}'],
  ])('reports the place of %j', async (text, expected) => {
    expect(await complaints(text)).toEqual([expect.stringContaining(expected)]);
  });

  it('calls a function that a module exports, with the environment', async () => {
    const text = 'export default async ({ env }) => ({ login: env.PATH === undefined ? "none" : "found" });';
    expect(await read(text, 'chatosbot.config.ts')).toEqual({ login: 'found' });
  });

  it('says so where such a function returns nothing', async () => {
    expect(await complaints('export default () => { ({ login: "a" }); };', 'chatosbot.config.ts')).toEqual([
      expect.stringMatching(/^FILE.*: the function that it exports returned nothing: return the configuration$/),
    ]);
  });

  it.each([
    ['class Conf {}', 'its default export is a class: export an object, or a function that returns one'],
    ['class { bots = [] }', 'its default export is a class: export an object, or a function that returns one'],
    ['null', 'its default export is nothing: export the configuration'],
    ['() => null', 'the function that it exports returned nothing: return the configuration'],
    ['() => () => ({})', 'expected a mapping of keys to values, found a function'],
    ['() => class {}', 'expected a mapping of keys to values, found a function'],
    ['new Map([["bots", []]])', 'what it exports is a Map: export an object'],
    ['function* () {}', 'what it exports is a Generator: export an object'],
    ['{ bots: [() => 1] }', /^bots\.0: expected the path of a plugin file, .* found a function$/],
    ['{ heartbeatMs: 5n }', /^heartbeatMs: expected false, or milliseconds, .* found 5n$/],
    ['{ login: Symbol("a") }', 'login: expected a text, found a symbol'],
  ])('says what is wrong with the module that exports %s', async (exported, expected) => {
    const [complaint, ...more] = await complaints(`export default ${exported};`, 'chatosbot.config.ts');
    expect(complaint?.replace('FILE: ', '')).toEqual(like(expected));
    expect(more).toEqual([]);
  });

  it.each([
    '{ get bots() { throw new Error("not now"); } }',
    '{ bots: [{ get path() { throw new Error("not now"); } }] }',
    'new Proxy({}, { ownKeys() { throw new Error("not now"); } })',
  ])('says where reading what a module exports fails: %s', async (exported) => {
    expect(await complaints(`export default ${exported};`, 'chatosbot.config.ts')).toEqual([
      expect.stringMatching(/^FILE:1:\d+: not now$/),
    ]);
  });

  it('reads a CommonJS module by its name as any other', async () => {
    const text = 'module.exports = ({ env }) => ({ login: env.PATH === undefined ? "none" : "found" });';
    expect(await read(text, 'chatosbot.config.cjs')).toEqual({ login: 'found' });
  });
});
