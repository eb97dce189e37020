import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSecret } from '../../src/transfer/secure/secret.ts';
import { startTamperingProxy } from '../support/tampering-proxy.ts';
import { failure, LAB, labFile, shell, start } from './chatosbot.ts';
import { ownServer } from './own-server.ts';
import { ask, peer } from './peers.ts';
import { runShared, startShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;
let count = 0;
const SECRET = makeSecret();
const FILE = labFile('own.secret', `${SECRET}\n`);
chmodSync(FILE, 0o600);

/** A file system that is full, as root can make one. */
const FULL = path.join(LAB, 'full');
mkdirSync(FULL);
const filling = `mount -t tmpfs -o size=4k tmpfs "${FULL}" && head -c 4096 /dev/zero > "${FULL}/all"`;
const mounted = spawnSync('sh', ['-c', filling]).status === 0;
afterAll(() => void spawnSync('umount', ['-l', FULL]));

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

const nextLogin = (): string => `ear-${++count}`;

/** A listener that waits, in a process of its own or one that has run others. */
async function listener(flags: readonly string[], begin: typeof startShared | typeof start = startShared, env = {}) {
  const login = nextLogin();
  const command = begin(['pipe', '--listen', '--login', login, '-s', at, ...flags], { env });
  await command.line(/waiting|"waiting"/);
  return { login, command };
}

function pipeTo(login: string, flags: readonly string[], input = 'a word', env: Record<string, string> = {}) {
  return runShared(['pipe', login, '-s', at, '--login', `mouth-${login}`, ...flags], { input, env });
}

describe('chatosbot secret', () => {
  test('prints one line, and another one each time', async () => {
    const [first, second] = await Promise.all([runShared(['secret']), runShared(['secret'])]);
    expect(first).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringMatching(/^chatosbot-secret-[\w-]{43}\n$/),
    });
    expect(second.stdout).not.toBe(first.stdout);
  });

  test('writes it to a new file that nobody else can read, and replaces none', async () => {
    const file = path.join(LAB, 'new.secret');
    const made = await runShared(['secret', '-o', file]);
    expect(made).toMatchObject({ status: 0, stdout: '' });
    expect([statSync(file).mode & 0o777, made.stderr.includes(readFileSync(file, 'utf8').trim())]).toEqual([
      0o600,
      false,
    ]);
    const before = readFileSync(file, 'utf8');
    expect(await failure(runShared(['secret', '--output', file]))).toMatchObject({
      status: 2,
      last: `chatosbot: no secret was written to ${file}: there is such a file already, and it is not replaced`,
    });
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  test.skipIf(!mounted)('leaves no beginning of one where the disk is full', async () => {
    const file = path.join(FULL, 'full.secret');
    expect(await failure(runShared(['secret', '-o', file]))).toEqual({
      status: 2,
      last: expect.stringContaining(`no secret was written to ${file}: ENOSPC`),
    });
    expect(existsSync(file)).toBe(false);
  });
});

describe('a secret', () => {
  test('is read from the environment too, is not handed on to --exec, and not shown', async () => {
    const env = { CHATOSBOT_SECRET: SECRET };
    const { login, command } = await listener(['--exec', 'echo "<$CHATOSBOT_SECRET>"; cat'], start, env);
    const asker = await pipeTo(login, [], 'a word', env);
    expect(asker).toMatchObject({ status: 0, stdout: '<>\na word' });
    const { status, stderr } = await command.exit();
    expect([status, stderr.includes(SECRET.slice(-10)), asker.stderr.includes(SECRET.slice(-10))]).toEqual([
      0,
      false,
      false,
    ]);
  });

  test('is read from what a shell puts in place of a file', async () => {
    const { login, command } = await listener(['--secret', FILE]);
    const asker = shell(`chatosbot pipe ${login} -s ${at} --login sub-${login} --secret <(cat "${FILE}") <<<hello`);
    expect(await asker.exit()).toMatchObject({ status: 0 });
    expect(await command.exit()).toMatchObject({ status: 0, stdout: 'hello\n' });
  });

  test.each([
    ['a file that is none', () => labFile('none', 'password\n'), /^chatosbot: no secret in .*: it is something else$/],
    ['a file that is not there', () => path.join(LAB, 'missing'), /^chatosbot: cannot read the secret: ENOENT/],
    ['a folder', () => LAB, /^chatosbot: cannot read the secret: EISDIR/],
    ['an endless file', () => '/dev/zero', /^chatosbot: no secret in .*: it is something else$/],
  ])('in %s is refused before anybody is asked', async (_, file, last) => {
    const ended = await failure(runShared(['pipe', 'nobody', '-s', at, '--secret', file()]));
    expect(ended).toEqual({ status: 2, last: expect.stringMatching(last) });
  });

  test('in a variable that is empty is an error: nothing goes through unencrypted by mistake', async () => {
    const ended = await failure(runShared(['pipe', 'nobody', '-s', at], { env: { CHATOSBOT_SECRET: '' } }));
    expect(ended).toEqual({
      status: 2,
      last: expect.stringMatching(/^chatosbot: no secret in CHATOSBOT_SECRET: .*it is empty$/),
    });
  });

  test('that others can read is used, with a warning', async () => {
    const open = labFile('open.secret', SECRET);
    chmodSync(open, 0o644);
    const { stderr } = await pipeTo('nobody', ['--secret', open, '--wait', '0.1']);
    expect(stderr).toContain(
      `warning: other users can read ${open} (mode 0644), which has a secret: chmod 600 ${open}`,
    );
  });

  test('shows nothing of what goes through to who relays it', async () => {
    const proxy = await startTamperingProxy(port, 'none');
    const login = nextLogin();
    const command = startShared(['pipe', '--listen', '--login', login, '-s', proxy.at, '--secret', FILE]);
    await command.line(/waiting/);
    expect(await pipeTo(login, ['--secret', FILE], 'plain words '.repeat(5_000))).toMatchObject({ status: 0 });
    expect((await command.exit()).stdout).toHaveLength(60_000);
    proxy.close();
    const seen = Buffer.concat(proxy.seen);
    expect([seen.length > 60_000, seen.includes('plain'), seen.includes('words')]).toEqual([true, false, false]);
  });

  test('is for all of --keep: who has another one is refused, and the next one is served', async () => {
    const { login, command } = await listener(['--keep', '--max', '2', '--secret', FILE, '--json', '--exec', 'cat']);
    const other = labFile('other.secret', makeSecret());
    const stranger = await pipeTo(login, ['--secret', other]);
    expect(stranger).toMatchObject({ status: 77, stderr: expect.stringContaining(`wrong secret: ${login} has`) });
    expect(await pipeTo(login, ['--secret', FILE])).toMatchObject({ status: 0, stdout: 'a word' });
    await command.line(/"type":"broken".*"code":"WRONG_SECRET"/);
    await command.line(/"type":"encrypted"/);
    command.kill('SIGTERM');
    expect((await command.exit()).status).toBe(143);
  });
});

describe('a code', () => {
  test('is made and shown by one side, and typed at the other, in any case', async () => {
    const { login, command } = await listener(['--code']);
    const [, code = ''] = await command.line(/^code: ([a-z]+-[a-z]+) \(for the other side, and for nobody else\)$/);
    const typed = code.toUpperCase().replace('-', ' ');
    expect(await pipeTo(login, ['--code', typed])).toMatchObject({ status: 0 });
    expect(await command.exit()).toMatchObject({ status: 0, stdout: 'a word' });
  });

  test('is an event of --json, and is shown with --quiet', async () => {
    const { command } = await listener(['--json', '--code']);
    await command.line(/"type":"code","code":"[a-z]+-[a-z]+"/);
    const quiet = startShared(['pipe', '--listen', '--login', nextLogin(), '-s', at, '-q', '--code']);
    expect(await quiet.line(/^code: [a-z]+-[a-z]+$/)).toHaveLength(1);
  });

  test.skipIf(process.platform !== 'linux')('is not in the list of processes, once it was read', async () => {
    const command = start(['pipe', '--listen', '--login', nextLogin(), '-s', at, '--code=Velvet-Onion']);
    await command.line(/waiting/);
    const waiting = start(['receive', '7-velvet-onion', '--yes', '--login', 'hidden', '-s', at]);
    await waiting.line(/asking/);
    const shown = [command, waiting].map(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    expect(shown).toEqual([
      expect.stringContaining('pipe --listen --login'),
      expect.stringContaining('receive … --yes --login hidden'),
    ]);
    expect(shown.join().toLowerCase()).not.toMatch(/velvet|onion/);
  });

  test('may be made by the side that asks', async () => {
    const login = nextLogin();
    const asker = startShared(['pipe', login, '-s', at, '--login', `mouth-${login}`, '--code'], { input: 'asked' });
    const [, code = ''] = await asker.line(/^code: (\S+)/);
    const answering = await runShared(['pipe', '--listen', '--login', login, '-s', at, '--code', code]);
    expect(answering).toMatchObject({ status: 0, stdout: 'asked' });
    expect((await asker.exit()).status).toBe(0);
  });

  test.each([
    [['bob', '--code', 'velvet-orange', '--secret', FILE], 'use --secret or --code, not both'],
    [['--listen', '--keep', '--code'], 'a code is good for one private connection: with --keep, use --secret'],
    [
      ['bob', '--code', 'ann'],
      '--code: not a code: expected two words, as in 7-velvet-orange; to make a code, put --code last',
    ],
  ])('with %j is a mistake', async (flags, why) => {
    const ended = await runShared(['pipe', '-s', at, ...flags]);
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining(why) });
  });

  test('lasts over --reconnect, with a key of its own', async () => {
    const own = await ownServer();
    const login = nextLogin();
    const flags = ['-s', own.at, '--reconnect', '--code', 'winter-window'];
    const listening = start(['pipe', '--listen', '--login', login, ...flags]);
    await listening.line(/waiting/);
    const sending = start(['pipe', login, '--login', 'mouth', ...flags], { input: 'open' });
    sending.type('first\n');
    await listening.line(/^first$/, 'stdout');
    await own.kill();
    await Promise.all([sending.line(/is lost; waiting/), listening.line(/is lost; waiting/)]);
    await own.startAgain();
    await sending.line(/private connection with .* again/);
    sending.stdin.end('second\n');
    expect(await listening.exit()).toMatchObject({ status: 0, stdout: 'first\nsecond\n' });
    expect((await sending.exit()).status).toBe(0);
  });
});

test.each([
  ['--send-only', '--recv-only'],
  ['--limit-rate 500k', '--limit-rate 500k'],
  ['--idle-timeout 20', '--idle-timeout 20'],
  ['--verify', '--verify'],
  ['--reconnect', '--reconnect'],
])('pipe encrypts with %s, too', async (ours, theirs) => {
  const { login, command } = await listener(['--secret', FILE, ...theirs.split(' ')]);
  const input = 'many bytes '.repeat(10_000);
  expect(await pipeTo(login, ['--secret', FILE, ...ours.split(' ')], input)).toMatchObject({ status: 0 });
  const { status, stdout } = await command.exit();
  expect([status, stdout === input]).toEqual([0, true]);
});

test('a signal ends it while the peer has not shown that it has the secret', async () => {
  const { login, command } = await listener(['--secret', FILE], start);
  const silent = await peer(port, `mute-${login}`);
  await ask(silent, port, login);
  await command.line(/private connection with/);
  command.kill('SIGINT');
  expect((await command.exit()).status).toBe(130);
});

test('a peer that says nothing is given up', async () => {
  const { login, command } = await listener(['--secret', FILE]);
  const silent = await peer(port, `mute-${login}`);
  await ask(silent, port, login);
  expect(await failure(command.exit())).toEqual({
    status: 77,
    last: `chatosbot: mute-${login} said nothing within 10 s: both sides need the same secret or code (--secret, --code)`,
  });
});
