import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { RfcPeer } from '../support/rfc-peer.ts';
import { commandFolder, LAB, labFile, start } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { peer } from './peers.ts';
import { HAS_TERMINAL, onTerminal } from './terminal.ts';

let servers = 0;

/** A server with a configuration that can be changed. */
async function configured(serve: string, extra = '') {
  servers += 1;
  const file = labFile(`reload-${servers}/chatosbot.config.yaml`, '');
  const write = (text: string, more = extra): void => writeFileSync(file, `${more}serve:\n${text}`);
  write(serve);
  const socket = path.join(LAB, `reload-${servers}.sock`);
  const command = start(['serve', '--config', file, '--control', socket]);
  const [, port] = await command.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
  await command.line(/^control socket at/);
  const ctl = (...words: string[]) => runShared(['ctl', ...words, '--control', socket]);
  return { command, file, write, ctl, port: Number(port) };
}

const LISTEN = "  listen: ['127.0.0.1:0']\n";

test('SIGHUP reloads where there is no terminal: rules and limits hold at once, and nobody is cut', async () => {
  const { command, write, port } = await configured(LISTEN);
  const alice = await peer(port, 'alice');
  write(`${LISTEN}  deny: { login: ['spam-*'] }\n  limits: { maxForbiddenPackets: 1 }\n`);
  command.kill('SIGHUP');
  await command.line(/ info +reloaded part=serve\.limits/);
  await command.line(/ info +reloaded part=serve\.deny/);
  const spammer = await RfcPeer.connect(port);
  expect(await spammer.login('spam-1')).toBe(false);
  spammer.destroy();
  alice.tell('alice', 'still here');
  expect(await alice.next(4)).toMatchObject({ msg: 'still here' });
  command.kill('SIGTERM');
  expect(await command.exit()).toMatchObject({ status: 0 });
});

test('ctl reload says what was applied, what needs a restart, and what is invalid, with its line', async () => {
  const { write, ctl, port } = await configured(`${LISTEN}  deny: { login: [root] }\n`);
  expect((await ctl('reload')).stdout).toBe('nothing has changed\n');
  write(
    `${LISTEN}  deny: { login: [] }\n  lookAlikes: allow\n  limits: { maxConnections: 0, maxEarlyBytes: 100 }\n  control: other.sock\n`,
  );
  const { status, stdout } = await ctl('reload');
  expect(status).toBe(2);
  expect(stdout).toContain('reloaded: serve.lookAlikes\n');
  expect(stdout).toContain('needs a restart: serve.control\n');
  expect(stdout).toMatch(
    /invalid, the old one stays: serve\.limits\n.*chatosbot\.config\.yaml:5:\d+: serve\.limits\.maxConnections: /,
  );
  expect(stdout).toMatch(/invalid, the old one stays: serve\.deny\n.*chatosbot\.config\.yaml:3:\d+: /);
  const stranger = await RfcPeer.connect(port);
  expect(await stranger.login('root')).toBe(false);
  stranger.destroy();
  const [line] = (await ctl('reload', '--json')).stdout.split('\n');
  expect(JSON.parse(line!)).toMatchObject({
    type: 'reloaded',
    applied: [],
    needsRestart: ['serve.control'],
    invalid: [{ part: 'serve.limits' }, { part: 'serve.deny' }],
  });
});

test('an audit log that cannot be opened again is not said to be', async () => {
  const { file, ctl } = await configured(`${LISTEN}  audit: audit.ndjson\n`);
  const audit = path.join(path.dirname(file), 'audit.ndjson');
  rmSync(audit);
  mkdirSync(audit);
  const { status, stdout } = await ctl('reload');
  expect(status).toBe(2);
  expect(stdout).toMatch(/^invalid, the old one stays: serve\.audit\n/);
  expect(stdout).not.toContain('reopened');
});

test('a configuration that has become empty lifts no rules', async () => {
  const { file, ctl, port } = await configured(`${LISTEN}  logins: [{ login: alice }]\n`);
  for (const text of ['', '\n# soon\n']) {
    writeFileSync(file, text);
    expect(await ctl('reload')).toMatchObject({
      status: 2,
      stdout: expect.stringMatching(/invalid, the old one stays: configuration\n.* is empty: /),
    });
  }
  expect(await (await RfcPeer.connect(port)).login('bob')).toBe(false);
});

test('an address with the port of another one of the server is said to take a restart', async () => {
  const { write, ctl, port } = await configured(LISTEN);
  write(`  listen: ['127.0.0.1:${port}?longBytes=8']\n`);
  expect(await ctl('reload')).toMatchObject({
    status: 2,
    stdout: expect.stringContaining(`127.0.0.1:${port}?longBytes=8 takes a restart, or a port of its own`),
  });
  await peer(port, 'alice');
});

test.each([
  ['the key itself', `${LISTEN}  logns: [{ login: alice, from: 10.0.0.1 }]\n`, ''],
  ['another key', `${LISTEN}  lookAlike: allow\n`, ''],
  ['a key above it', LISTEN, 'srve: {}\n'],
])('rules that are gone stay where %s is misspelt: a typing error lets nobody in', async (_, text, more) => {
  const { write, ctl, port } = await configured(`${LISTEN}  logins: [{ login: alice, from: 10.0.0.1 }]\n`);
  write(text, more);
  const { status, stdout } = await ctl('reload');
  expect(status).toBe(2);
  expect(stdout).toMatch(/invalid, the old one stays: serve\.logins\n.*it is gone, and the configuration has errors: /);
  const stranger = await RfcPeer.connect(port);
  for (const login of ['alice', 'bob']) expect(await stranger.login(login)).toBe(false);
  stranger.destroy();
  write(LISTEN);
  expect((await ctl('reload')).stdout).toBe('reloaded: serve.logins\n');
});

test('rules that have no effect are named in the log', async () => {
  const { command, write, ctl } = await configured(LISTEN);
  write(`${LISTEN}  logins: [{ login: '*' }, { login: alice, from: 10.0.0.1 }]\n`);
  expect(await ctl('reload')).toMatchObject({ status: 0, stdout: 'reloaded: serve.logins\n' });
  await command.line(/ warn .*serve\.logins\.1\.login: "alice" has no effect/);
});

test('rules stay where the file that they were found in is gone', async () => {
  const folder = path.dirname(labFile('reload-gone/package.json', '{}'));
  const file = labFile('reload-gone/chatosbot.config.yaml', `serve:\n${LISTEN}  logins: [{ login: alice }]\n`);
  const socket = path.join(LAB, 'reload-gone.sock');
  const command = start(['serve', '--control', socket], { cwd: folder });
  const [, port] = await command.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
  await command.line(/^control socket at/);
  rmSync(file);
  const { status, stdout } = await runShared(['ctl', 'reload', '--control', socket]);
  expect([status, stdout]).toEqual([
    2,
    expect.stringMatching(/^invalid, the old one stays: configuration\n.* is gone/),
  ]);
  const stranger = await RfcPeer.connect(Number(port));
  expect(await stranger.login('bob')).toBe(false);
  stranger.destroy();
});

test('a configuration that is no YAML changes nothing', async () => {
  const { write, ctl, port } = await configured(`${LISTEN}  deny: { login: [root] }\n`);
  write('  deny: { login: [\n  lookAlikes: allow\n');
  expect((await ctl('reload')).stdout).toMatch(
    /^invalid, the old one stays: configuration\n.*chatosbot\.config\.yaml:\d/,
  );
  const stranger = await RfcPeer.connect(port);
  expect(await stranger.login('root')).toBe(false);
  stranger.destroy();
});

test('addresses are added and removed; where one cannot be listened on, all stays', async () => {
  const { command, write, ctl, port } = await configured(LISTEN);
  const alice = await peer(port, 'alice');
  write(`  listen: ['127.0.0.1:0', '127.0.0.1:${port}?longBytes=8']\n`);
  expect((await ctl('reload')).stdout).toMatch(
    /^invalid, the old one stays: serve\.listen\n.*takes a restart, or a port of its own/,
  );
  write(`  listen: ['127.0.0.1:0', '127.0.0.1:0?longBytes=8']\n`);
  expect((await ctl('reload')).stdout).toBe('reloaded: serve.listen\n');
  const [, eight] = await command.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)\?longBytes=8/);
  const bob = await peer(Number(eight), 'bob', { longBytes: 8 });
  write(`  listen: ['127.0.0.1:0?longBytes=8']\n`);
  await ctl('reload');
  await command.line(new RegExp(`^listening no longer on tcp://127\\.0\\.0\\.1:${port}$`));
  await expect(RfcPeer.connect(port)).rejects.toThrow(/ECONNREFUSED/);
  alice.tell('bob', 'hello');
  expect(await bob.next(4)).toMatchObject({ msg: 'hello' });
  command.kill('SIGTERM');
  expect(await command.exit()).toMatchObject({ status: 0 });
});

test('run reloads the limits of its server, and says that policy needs a restart', async () => {
  const bot = path.resolve('bots/echo.ts');
  const text = (more: string): string => `bots: ['${bot}']\nserve: { listen: ['127.0.0.1:0']${more} }\n`;
  const file = labFile('reload-run/chatosbot.config.yaml', text(''));
  const command = start(['run', '--config', file]);
  const [, port] = await command.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
  await command.line(/^echo: logged in/);
  writeFileSync(file, `${text(', deny: { login: [root] }')}commandPrefix: '?'\n`);
  command.kill('SIGHUP');
  await command.line(/ reloaded part=serve\.deny/);
  await command.line(/not reloaded: it needs a restart part=commandPrefix/);
  const stranger = await RfcPeer.connect(Number(port));
  expect(await stranger.login('root')).toBe(false);
  stranger.destroy();
});

describe.skipIf(!HAS_TERMINAL)('on a terminal', () => {
  /** A server that a shell on a terminal has started, and what it has said so far. */
  async function served(name: string, prefix = '', input = '/dev/null') {
    const [log, pidFile] = [path.join(LAB, `${name}.log`), path.join(LAB, `${name}.pid`)];
    const command = `${prefix} chatosbot serve --listen 127.0.0.1:0 --no-control 2>${log} >/dev/null <${input}`;
    const screen = onTerminal(`unset -f chatosbot; ${command} & echo $! >${pidFile}; wait`, {
      env: { PATH: `${commandFolder()}:${process.env['PATH']}` },
    });
    const said = async (text: string): Promise<string> => {
      await expect.poll(() => existsSync(log) && readFileSync(log, 'utf8')).toContain(text);
      return readFileSync(log, 'utf8');
    };
    await said('listening on');
    return { screen, said, pid: Number(readFileSync(pidFile, 'utf8')) };
  }

  test('SIGHUP reloads while the terminal is there, and stops the server when it has closed', async () => {
    const { screen, said, pid } = await served('terminal');
    process.kill(pid, 'SIGHUP');
    await said('reloaded: nothing has changed');
    screen.kill('SIGKILL');
    expect(await said('stopped')).toContain('stopping on SIGHUP');
  });

  test('a server that has read from a terminal stops without a trace when it closes', async () => {
    const { screen, said, pid } = await served('reader', '', '/dev/tty');
    screen.kill('SIGKILL');
    await said('stopped');
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
    expect(await said('stopped')).toMatch(/\nstopped\n$/);
  });

  test('a server under nohup outlives its terminal, and is reloaded by SIGHUP', async () => {
    const { screen, said, pid } = await served('nohup', 'nohup');
    process.kill(pid, 'SIGHUP');
    await said('reloaded: nothing has changed');
    screen.kill('SIGKILL');
    await screen.exit();
    process.kill(pid, 'SIGTERM');
    expect(await said('stopped')).toContain('stopping on SIGTERM');
  });
});
