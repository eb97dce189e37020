import { chmodSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeSecret } from '../../src/transfer/secure/secret.ts';
import { labFile, run, start } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

const SECRET = makeSecret();
const FILE = labFile('bot.secret', SECRET);
chmodSync(FILE, 0o600);
const OTHER = labFile('other.secret', makeSecret());
const env = { VAULT_SECRET: SECRET };

const VAULT = labFile(
  'vault.ts',
  `
import { defineBot } from 'chatosbot';
import { parseSecret, secureChannel } from 'chatosbot/secure';

export default defineBot({
  onPrivateRequest: () => true,
  async onChannel(channel) {
    const secure = await secureChannel(channel, parseSecret(process.env['VAULT_SECRET'] ?? ''));
    secure.pipe(secure);
  },
});
`,
);

let at: string;

beforeAll(async () => {
  ({ at } = await sharedServer());
});

test.each(['', ', isolate: worker'])('a bot is the encrypted peer of a pipe%s', async (isolate) => {
  const name = isolate === '' ? 'vault' : 'vault-in-a-worker';
  const bot = `{ path: ${VAULT}, login: ${name}${isolate} }`;
  const config = labFile(`${name}.yaml`, `server: ${at}\npolicy: { default: ask }\nbots:\n  - ${bot}\n`);
  const command = start(['run', '--config', config], { env });
  await command.line(new RegExp(`logged in as ${name} on`));
  const input = 'many words '.repeat(50_000);
  const asker = await runShared(['pipe', name, '-s', at, '--secret', FILE], { input });
  const { status, stderr } = asker;
  expect({ status, stderr, whole: asker.stdout === input }).toEqual({
    status: 0,
    stderr: expect.not.stringContaining('chatosbot: ') as string,
    whole: true,
  });

  const stranger = await runShared(['pipe', name, '-s', at, '--secret', OTHER], { input: 'x' });
  expect(stranger).toMatchObject({
    status: 77,
    stderr: expect.stringContaining(`wrong secret: ${name} has another one`),
  });
  const plain = await runShared(['pipe', name, '-s', at], { input: 'x' });
  expect(plain).toMatchObject({ status: 77, stderr: expect.stringContaining(`${name} encrypts`) });

  expect(await runShared(['pipe', name, '-s', at, '--secret', FILE], { input: 'still there' })).toMatchObject({
    status: 0,
  });
  command.kill('SIGTERM');
  expect((await command.exit()).status).toBe(0);
});

describe('the module chatosbot/secure', () => {
  test('is there for check', async () => {
    const config = labFile('checked.yaml', `bots:\n  - ${VAULT}\n`);
    expect(await runShared(['check', '--config', config])).toMatchObject({ status: 0 });
  });

  test('is there for test files, whose users do the same', async () => {
    const file = labFile(
      'vault.test.ts',
      `
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { parseSecret, secureChannel } from 'chatosbot/secure';
import { TestNetwork } from 'chatosbot/testing';

test('gives back what it gets', async (t) => {
  const net = await TestNetwork.start();
  t.after(() => net.stop());
  await net.bot(${JSON.stringify(VAULT)});
  const ann = await net.user('ann');
  const channel = await ann.request('vault');
  const secure = await secureChannel(channel, parseSecret(process.env['VAULT_SECRET'] ?? ''));
  secure.end('a word');
  assert.equal(await text(secure), 'a word');
});
`,
    );
    expect(await run(['test', file], { env })).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('1 passed, 0 failed'),
    });
  });
});
