import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Command } from '../support/command.ts';
import { openHalf, RfcPeer } from '../support/rfc-peer.ts';
import { LAB, labFile, run, start, startProgram, startServer } from './chatosbot.ts';
import { fate, peer } from './peers.ts';
import { runShared } from './shared-process.ts';

let sockets = 0;

/** A server with a control socket of its own, and `ctl` for it. */
async function operated(args: readonly string[] = []) {
  sockets += 1;
  const socket = path.join(LAB, `control-${sockets}.sock`);
  const server = await startServer(['--control', socket, ...args]);
  await server.command.line(/^control socket at /);
  const ctl = (...words: string[]) => runShared(['ctl', ...words, '--control', socket]);
  return { ...server, socket, ctl };
}

/** An empty folder for the user's runtime files. */
function runtimeFolder(): { XDG_RUNTIME_DIR: string } {
  sockets += 1;
  const folder = path.join(LAB, `run-${sockets}`);
  mkdirSync(folder, { mode: 0o700 });
  return { XDG_RUNTIME_DIR: folder };
}

/** A server that has the control socket that is named by its port. */
async function atDefault(env: { XDG_RUNTIME_DIR: string }): Promise<{ command: Command; socket: string }> {
  const command = start(['serve', '--listen', '127.0.0.1:0'], { env });
  const [, port] = await command.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
  return { command, socket: path.join(env.XDG_RUNTIME_DIR, 'chatosbot', `control-${port}.sock`) };
}

const lines = ({ stdout }: { stdout: string }): Record<string, unknown>[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('ctl lists sessions and private connections, for people and as JSON', async () => {
  const { port, ctl } = await operated();
  expect(await ctl('sessions')).toMatchObject({ status: 0, stdout: 'nobody is connected\n' });
  const [alice, bob] = [await peer(port, 'alice'), await peer(port, 'bob')];
  alice.request('bob');
  await bob.next(5);
  bob.ok('alice');
  const { connectId } = await bob.next(8);
  await Promise.all([openHalf(port, connectId), openHalf(port, connectId)]);
  const table = await ctl('sessions');
  expect(table.stdout).toMatch(/^SESSION +LOGIN .*\n#\S+ +alice +127\.0\.0\.1 .*\n#\S+ +bob /);
  const sessions = lines(await ctl('sessions', '--json'));
  expect(sessions).toMatchObject([
    { type: 'session', login: 'alice', remoteAddress: '127.0.0.1', longBytes: 4, encrypted: false },
    { type: 'session', login: 'bob' },
  ]);
  for (const { id } of sessions) expect(table.stdout).toContain(`\n#${String(id)} `);
  expect((await ctl('channels')).stdout).toMatch(/^REQUESTER .*\nalice +bob /);
  expect(lines(await ctl('channels', '--json'))).toMatchObject([
    { type: 'channel', requester: { login: 'alice' }, target: { login: 'bob' } },
  ]);
  expect(lines(await ctl('stats', '--json'))).toMatchObject([{ type: 'stats', clients: 2, channels: 1 }]);
  const names = (await ctl('stats')).stdout.split('\n').map((line) => line.split(' ')[0]);
  const first = ['clients', 'connections', 'channels', 'queuedBytes', 'accepted', 'messages', 'established'];
  expect(names.slice(names.indexOf('addresses') + 1).slice(0, first.length)).toEqual(first);
});

test('ctl kick ends a session and its private connections, and nobody else', async () => {
  const { port, ctl, command } = await operated();
  const [alice, bob, carol] = [await peer(port, 'alice'), await peer(port, 'bob'), await peer(port, 'carol')];
  alice.request('bob');
  await bob.next(5);
  bob.ok('alice');
  const { connectId } = await bob.next(8);
  const halves = await Promise.all([openHalf(port, connectId), openHalf(port, connectId)]);
  const fates = Promise.all(halves.map(fate));
  expect(await ctl('kick', 'alice')).toMatchObject({ status: 0, stdout: 'kicked alice (127.0.0.1)\n' });
  expect(await alice.ended).toBe('end');
  expect(await fates).toEqual(['reset', 'reset']);
  await command.line(/kicked why=kicked login=alice .* channels=1/);
  bob.tell('carol', 'still here');
  expect(await carol.next(4)).toMatchObject({ msg: 'still here' });
  await peer(port, 'alice');
});

test('ctl kick takes ids, and patterns with --all; where one is not there, it kicks nobody', async () => {
  const { port, ctl } = await operated();
  const [one, two, other] = [await peer(port, 'spam-1'), await peer(port, 'spam-2'), await peer(port, 'spam')];
  expect(await ctl('kick', 'spam', 'nobody')).toMatchObject({
    status: 69,
    stderr: 'chatosbot: not logged in: nobody; nobody was kicked\n',
  });
  expect(await ctl('kick', 'spam-*')).toMatchObject({ status: 69 });
  const id = lines(await ctl('sessions', '--json')).find(({ login }) => login === 'spam')!['id'] as string;
  expect((await ctl('kick', `#${id}`, '--json')).stdout).toBe(
    `{"type":"kicked","id":"${id}","login":"spam","remoteAddress":"127.0.0.1"}\n`,
  );
  expect(await other.ended).toBe('end');
  expect(lines(await ctl('kick', '--all', 'spam-?', '--json'))).toHaveLength(2);
  expect(await Promise.all([one.ended, two.ended])).toEqual(['end', 'end']);
});

test('ctl log-level shows the level of the log, and changes it', async () => {
  const { port, ctl, command } = await operated(['--log-level', 'error']);
  expect(await ctl('log-level')).toMatchObject({ stdout: 'error\n' });
  await peer(port, 'unseen');
  expect(await ctl('log-level', 'debug')).toMatchObject({ stdout: 'debug (was error)\n' });
  await peer(port, 'seen');
  await command.line(/logged in login=seen/);
  expect(command.stderr).not.toContain('unseen');
  expect(await ctl('log-level', 'loud')).toMatchObject({ status: 2 });
});

test('ctl drain stops a server, which removes its socket', async () => {
  const { port, ctl, command, socket } = await operated();
  const alice = await peer(port, 'alice');
  expect(await ctl('drain')).toMatchObject({ status: 0, stdout: 'draining: 1 client, 0 private connections\n' });
  expect(await alice.ended).toBe('end');
  expect(await command.exit()).toMatchObject({ status: 0, stderr: expect.stringContaining('stopping on ctl drain') });
  expect(existsSync(socket)).toBe(false);
});

test('ctl drain with a shorter time cuts a drain short', async () => {
  const { port, ctl, command } = await operated();
  const [alice, bob] = [await peer(port, 'alice'), await peer(port, 'bob')];
  alice.request('bob');
  await bob.next(5);
  bob.ok('alice');
  const { connectId } = await bob.next(8);
  const halves = await Promise.all([openHalf(port, connectId), openHalf(port, connectId)]);
  const fates = Promise.all(halves.map(fate));
  await ctl('drain', '--drain', '600');
  await command.line(/^stopping on ctl drain, waiting up to 600 s/);
  await ctl('drain', '--drain', '0');
  expect(await fates).toEqual(['reset', 'reset']);
  expect(await command.exit()).toMatchObject({ status: 0 });
});

test('a server that starts while the one before it drains takes over its control socket', async () => {
  const { port, ctl, command, socket } = await operated();
  const [alice, bob] = [await peer(port, 'alice'), await peer(port, 'bob')];
  alice.request('bob');
  await bob.next(5);
  bob.ok('alice');
  const { connectId } = await bob.next(8);
  const halves = await Promise.all([openHalf(port, connectId), openHalf(port, connectId)]);
  await ctl('drain', '--drain', '600');
  await command.line(/^stopping on ctl drain/);
  expect(lines(await ctl('stats', '--json'))).toMatchObject([{ stopping: true, channels: 1 }]);
  const next = start(['serve', '--listen', `127.0.0.1:${port}`, '--control', socket]);
  await next.line(/^control socket at /);
  expect(lines(await ctl('stats', '--json'))).toMatchObject([{ stopping: false, channels: 0 }]);
  for (const half of halves) half.destroy();
  expect(await command.exit()).toMatchObject({ status: 0 });
  expect(await ctl('sessions')).toMatchObject({ status: 0, stdout: 'nobody is connected\n' });
  await ctl('drain');
  expect(await next.exit()).toMatchObject({ status: 0 });
  expect(existsSync(socket)).toBe(false);
});

test('ctl finds the only server of this user, and names them all where there are several', async () => {
  const env = runtimeFolder();
  const nobody = await runShared(['ctl', 'sessions'], { env });
  expect(nobody).toMatchObject({ status: 69, stderr: expect.stringContaining('no server of this user is running') });
  const one = await atDefault(env);
  await expect.poll(() => existsSync(one.socket)).toBe(true);
  expect(lstatSync(one.socket).mode & 0o777).toBe(0o600);
  expect(lstatSync(path.dirname(one.socket)).mode & 0o777).toBe(0o700);
  expect(await runShared(['ctl', 'sessions'], { env })).toMatchObject({
    status: 0,
    stderr: expect.stringContaining(`asking the only server there is, not that of the configuration: ${one.socket}`),
  });
  const two = await atDefault(env);
  await expect.poll(() => existsSync(two.socket)).toBe(true);
  const several = await runShared(['ctl', 'sessions'], { env });
  expect(several.status).toBe(2);
  for (const { socket } of [one, two]) expect(several.stderr).toContain(`--control ${socket}`);
  one.command.kill('SIGKILL');
  await one.command.exit();
  expect(await runShared(['ctl', 'sessions'], { env })).toMatchObject({ status: 0 });
  expect(readdirSync(path.dirname(one.socket))).toHaveLength(2);
});

test('ctl finds the server of the configuration by its port, also where that is invalid', async () => {
  const env = runtimeFolder();
  const [one, two] = [await atDefault(env), await atDefault(env)];
  for (const { socket } of [one, two]) await expect.poll(() => existsSync(socket)).toBe(true);
  const port = /(\d+)\.sock$/.exec(two.socket)![1]!;
  const text = `serve: { listen: ['127.0.0.1:${port}'], deny: { from: [example] } }\n`;
  const config = labFile('invalid-serve.yaml', text);
  const stats = await runShared(['ctl', 'stats', '--json', '--config', config], { env });
  expect(lines(stats)).toMatchObject([{ addresses: [`tcp://127.0.0.1:${port}`] }]);
  const reload = await runShared(['ctl', 'reload', '--control', two.socket, '--config', config], { env });
  expect(reload.status).toBe(0);
});

test('serve warns where the default folder is not private, and goes on; with a path, it exits with 69', async () => {
  const env = runtimeFolder();
  mkdirSync(path.join(env.XDG_RUNTIME_DIR, 'chatosbot'));
  chmodSync(path.join(env.XDG_RUNTIME_DIR, 'chatosbot'), 0o770);
  const { command } = await atDefault(env);
  await command.line(/warn +no control socket: .* must be a folder of this user with mode 0700/);
  expect(await runShared(['ctl', 'sessions'], { env })).toMatchObject({ status: 77 });
  const { socket } = await operated();
  expect(await run(['serve', '--listen', '127.0.0.1:0', '--control', socket])).toMatchObject({
    status: 69,
    stderr: expect.stringContaining('another process listens there'),
  });
});

test('--no-control opens no socket', async () => {
  const env = runtimeFolder();
  const command = start(['serve', '--listen', '127.0.0.1:0', '--no-control'], { env });
  await command.line(/listening on/);
  command.kill('SIGTERM');
  await command.exit();
  expect(readdirSync(env.XDG_RUNTIME_DIR)).toEqual([]);
});

test('run has a control socket where it has a server of its own', async () => {
  const socket = path.join(LAB, 'control-run.sock');
  const bot = path.resolve('bots/echo.ts');
  const command = start(['run', bot, '--listen', '127.0.0.1:0', '--control', socket]);
  await command.line(/^echo: logged in as echo/);
  expect(lines(await runShared(['ctl', 'sessions', '--json', '--control', socket]))).toMatchObject([{ login: 'echo' }]);
});

test('ctl ban keeps somebody out, over a restart, until ctl unban', async () => {
  const state = path.join(LAB, 'state-bans');
  const one = await operated(['--state', state]);
  const mallory = await peer(one.port, 'mallory');
  expect(await one.ctl('ban', 'mallory', '--for', '1h', '--reason', 'flooding')).toMatchObject({
    status: 0,
    stdout: 'banned login mallory for 1 h: 1 session and 0 private connections ended\n',
  });
  expect(await mallory.ended).toBe('end');
  await one.command.line(/ warn +banned what=mallory kind=login why=flooding until=\S+ sessions=1 channels=0/);
  one.command.kill('SIGKILL');
  await one.command.exit();
  const two = await operated(['--state', state]);
  const again = await RfcPeer.connect(two.port);
  expect(await again.login('mallory')).toBe(false);
  expect((await two.ctl('bans')).stdout).toMatch(/^BANNED .*\nmallory +login +\S+ s +59 min +flooding\n$/);
  expect(lines(await two.ctl('bans', '--json'))).toMatchObject([{ type: 'ban', kind: 'login', what: 'mallory' }]);
  expect(await two.ctl('unban', 'mallory')).toMatchObject({ status: 0, stdout: 'unbanned login mallory\n' });
  expect(await again.login('mallory')).toBe(true);
  expect(await two.ctl('unban', 'mallory')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('there is no ban of mallory'),
  });
  expect((await two.ctl('bans')).stdout).toBe('nobody is banned\n');
  again.destroy();
});

test('ctl ban takes addresses, warns of this machine, and takes all of what is named or nothing', async () => {
  const { port, ctl } = await operated(['--state', path.join(LAB, 'state-addresses')]);
  expect(await ctl('ban', '203.0.113.0/24', 'sha256:short')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('nobody was banned'),
  });
  expect(await ctl('ban', '203.0.113.0/33')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('is not a network'),
  });
  expect((await ctl('bans')).stdout).toBe('nobody is banned\n');
  const alice = await peer(port, 'alice');
  const banned = await ctl('ban', '127.0.0.1');
  expect(banned.stdout).toContain('warning: it keeps out what runs on this machine, too');
  expect(await alice.ended).not.toBe('');
  expect((await ctl('ban', '127.0.0.1', '--login')).stdout).toMatch(/^banned login 127\.0\.0\.1: /);
  expect(await ctl('ban', 'x', '--for', 'ever')).toMatchObject({ status: 2 });
});

test('serve does not start over a file of bans that is garbled', async () => {
  const file = labFile('state-garbled/bans.json', '[{');
  const server = await run(['serve', '--listen', '127.0.0.1:0', '--state', path.dirname(file)]);
  expect(server).toMatchObject({ status: 2, stderr: expect.stringContaining(`${file}: it is not a file of bans`) });
});

test('completion offers the logins that the running server has, but none that a shell would take for more', async () => {
  const { port, ctl, socket } = await operated(['--state', path.join(LAB, 'state-completion')]);
  for (const login of ['alice', 'al.bert', '$(id)', 'two words', '-x']) await peer(port, login);
  const offered = (...words: string[]) =>
    runShared(['completion', 'bash', '--', 'ctl', ...words, '--control', socket, '']);
  const { stdout } = await runShared(['completion', 'bash', '--', 'ctl', 'kick', '--control', socket, '']);
  expect(stdout.split('\n').toSorted()).toEqual(['', 'al.bert', 'alice']);
  expect((await offered('ban')).stdout).toBe(stdout);
  await ctl('ban', 'mallory');
  expect((await offered('unban')).stdout).toBe('mallory\n');
  const nobody = await runShared(['completion', 'bash', '--', 'ctl', 'kick', '--control', `${socket}.none`, '']);
  expect(nobody).toMatchObject({ status: 0, stdout: '', stderr: '' });
});

const PYTHON = 'import os, sys\nos.setgid(65534)\nos.setuid(65534)\nos.execvp(sys.argv[1], sys.argv[1:])';
const canBeAnother = process.getuid?.() === 0 && spawnSync('python3', ['-c', 'pass']).status === 0;

test.skipIf(!canBeAnother)('another user cannot use the socket, wherever it is: 77', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-shared-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o777);
  const socket = path.join(folder, 'control.sock');
  await startServer(['--control', socket]);
  await expect.poll(() => existsSync(socket)).toBe(true);
  const script = `import socket, sys\ns = socket.socket(socket.AF_UNIX)\ntry: s.connect(sys.argv[1])\nexcept PermissionError: print('denied')`;
  const raw = startProgram('python3', ['-c', PYTHON, 'python3', '-c', script, socket], { cwd: folder });
  expect(await raw.exit()).toMatchObject({ stdout: 'denied\n' });
});
