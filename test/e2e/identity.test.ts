import { chmodSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { fingerprintOf } from '../../src/net/fingerprint.ts';
import { issue } from '../support/issued.ts';
import { failure, LAB, labFile, start } from './chatosbot.ts';
import { runShared } from './shared-process.ts';

const FINGERPRINT = /^sha256:[\w-]{43}\n$/;

/** A home without an identity. */
let home: string;
let count = 0;
beforeEach(() => {
  home = path.join(LAB, `home-${++count}`);
  mkdirSync(home);
});

const identity = (...args: readonly string[]) => runShared(['identity', ...args], { env: { HOME: home } });

describe('chatosbot identity', () => {
  test('makes a key the first time, for its user alone, and prints the same fingerprint from then on', async () => {
    const file = path.join(home, '.config/chatosbot/identity.pem');
    const first = await identity();
    expect(first).toMatchObject({ status: 0, stdout: expect.stringMatching(FINGERPRINT) as string });
    expect(first.stderr).toBe(`made a key in ${file}: keep it secret: anyone who has it can log in as you\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
    const before = readFileSync(file, 'utf8');
    expect(await identity()).toMatchObject({ status: 0, stdout: first.stdout, stderr: `the key is in ${file}\n` });
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(`${fingerprintOf(new X509Certificate(before))}\n`).toBe(first.stdout);
  });

  test('goes into XDG_CONFIG_HOME', async () => {
    const env = { HOME: home, XDG_CONFIG_HOME: path.join(home, 'settings') };
    const { stderr } = await runShared(['identity'], { env });
    expect(stderr).toContain(path.join(home, 'settings/chatosbot/identity.pem'));
  });

  test('is one, though several make it at once', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => identity('--json')));
    const lines = all.map(({ stdout }) => JSON.parse(stdout) as { fingerprint: string; made: boolean });
    expect(new Set(lines.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(lines.filter(({ made }) => made)).toHaveLength(1);
  });

  test('may be in a file of its own, which the environment may name', async () => {
    const file = path.join(home, 'bots.pem');
    const { stdout } = await identity('--identity', file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await runShared(['identity'], { env: { HOME: home, CHATOSBOT_IDENTITY: file } });
    expect(again.stdout).toBe(stdout);
  });

  test('is the one that the configuration names', async () => {
    const config = labFile(`${path.basename(home)}/own/bots.yaml`, 'identity: keys/bots.pem\n');
    const { stderr } = await identity('--config', config);
    expect(stderr).toContain(`made a key in ${path.join(path.dirname(config), 'keys/bots.pem')}`);
  });

  test('--json has everything, --certificate what may be given away', async () => {
    const { stdout: fingerprint } = await identity();
    const { stdout: json } = await identity('--json');
    expect(JSON.parse(json)).toEqual({
      type: 'identity',
      fingerprint: fingerprint.trim(),
      name: expect.any(String) as string,
      files: [path.join(home, '.config/chatosbot/identity.pem')],
      made: false,
    });
    const { stdout: certificate } = await identity('--certificate');
    expect(certificate).not.toContain('PRIVATE');
    expect(`${fingerprintOf(new X509Certificate(certificate))}\n`).toBe(fingerprint);
  });

  test('reads a certificate of an authority and its key from two files', async () => {
    const { cert, key, pin } = await issue({ name: 'alice', by: await issue({ isAuthority: true }) });
    const files = [labFile('alice.pem', cert), labFile('alice.key', key)];
    chmodSync(files[1]!, 0o600);
    const { stdout, stderr } = await identity('--identity', files[0]!, '--identity', files[1]!);
    expect(stdout).toBe(`${pin}\n`);
    expect(stderr).toBe(`the key is in ${files.join(' and ')}\n`);
  });

  test('warns where others can read the key', async () => {
    const { stdout } = await identity();
    const file = path.join(home, '.config/chatosbot/identity.pem');
    chmodSync(file, 0o644);
    const again = await identity();
    expect(again).toMatchObject({ status: 0, stdout });
    expect(again.stderr).toContain(
      `warning: other users can read ${file} (mode 0644), which has a private key: chmod 600 ${file}`,
    );
  });

  test('does not touch a file that is none, and exits with 2', async () => {
    const file = labFile('damaged.pem', 'hello');
    const { status, last } = await failure(runShared(['identity', '--identity', file], { env: { HOME: home } }));
    expect({ status, last }).toEqual({
      status: 2,
      last: expect.stringContaining('has no certificate and no key in PEM form') as string,
    });
    expect(readFileSync(file, 'utf8')).toBe('hello');
  });

  test('says so where its file is a directory, and exits with 2', async () => {
    const { status, last } = await failure(runShared(['identity', '--identity', home], { env: { HOME: home } }));
    expect({ status, last }).toEqual({ status: 2, last: `chatosbot: ${home} is a directory` });
  });

  test('says so where it cannot make the file, and exits with 2', async () => {
    const file = path.join(labFile('a-file', ''), 'identity.pem');
    const { status, last } = await failure(runShared(['identity', '--identity', file], { env: { HOME: home } }));
    expect({ status, last }).toEqual({ status: 2, last: expect.stringContaining('--identity') as string });
    rmSync(path.dirname(file));
  });
});

describe('an identity for bots', () => {
  const folder = 'identities';

  test('that cannot be read is found by check and by run, before anything starts', async () => {
    labFile(`${folder}/quiet.mjs`, 'export const onStart = () => {};');
    const server = "server: 'tls://127.0.0.1:1'\n";
    const config = labFile(`${folder}/bots.yaml`, `${server}bots: [{ path: quiet.mjs, identity: gone.pem }]\n`);
    const missing = `${path.join(path.dirname(config), 'gone.pem')} does not exist`;
    for (const command of ['check', 'run']) {
      const ended = await failure(runShared([command, '--config', config]));
      expect(ended).toEqual({ status: 2, last: `chatosbot: ${missing}` });
    }
  });

  test('is not needed on a plain server', async () => {
    const server = "server: 'tcp://127.0.0.1:1'\n";
    const config = labFile(`${folder}/plain.yaml`, `${server}bots: [{ path: quiet.mjs, identity: gone.pem }]\n`);
    expect((await runShared(['check', '--config', config])).status).toBe(0);
  });

  test('of the environment is left by --no-identity', async () => {
    const env = { HOME: home, CHATOSBOT_IDENTITY: '/nowhere.pem' };
    const at = ['--server', 'tls://127.0.0.1:1'];
    expect(await failure(runShared(['say', 'x', ...at], { env }))).toEqual({
      status: 2,
      last: 'chatosbot: /nowhere.pem does not exist',
    });
    expect(await failure(start(['say', 'x', ...at, '--no-identity'], { env }))).toMatchObject({ status: 69 });
  });
});
