import { mkdtempSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { makeSecret } from '../../src/transfer/secure/secret.ts';
import { LAB, labFile, start } from './chatosbot.ts';
import {
  answerOf,
  asProcesses,
  dial,
  echo,
  readToEnd,
  resetOf,
  resetWhenDialled,
  startForwarding,
  startListening,
  startTarget,
} from './forwarding.ts';
import { runShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

let at: string;

beforeAll(async () => {
  ({ at } = await sharedServer());
});

const folder = (): string => mkdtempSync(path.join(LAB, 's'));

test('forward -R listens at the peer, and connects here: a port, port 0 and a Unix socket', async () => {
  const target = await startTarget(echo);
  const there = path.join(folder(), 'there');
  const { login } = await startListening(at, ['--permit-listen', '*', there]);
  const forwards = [`0:127.0.0.1:${target.port}`, `${there}:127.0.0.1:${target.port}`];
  const { command, ports } = await startForwarding(
    at,
    login,
    forwards.flatMap((each) => ['-R', each]),
  );
  expect(await answerOf(ports[0]!, 'by port')).toBe('by port');
  expect(await answerOf(there, 'by path')).toBe('by path');
  command.kill('SIGINT');
  await command.exit();
  // What was listened on for a peer goes with it.
  await expect.poll(() => statSync(there, { throwIfNoEntry: false })).toBeUndefined();
  await expect(dial(ports[0]!)).rejects.toThrow('ECONNREFUSED');
});

test('forward -R keeps ends and resets apart, and resets those whose target refuses', async () => {
  const target = await startTarget((socket) => {
    socket.once('data', (text) => (String(text) === 'reset' ? socket.resetAndDestroy() : socket.end('done')));
  });
  const { login } = await startListening(at, ['--permit-listen', '*']);
  const { command, ports } = await startForwarding(at, login, ['-R', `0:127.0.0.1:${target.port}`]);
  expect(await answerOf(ports[0]!, 'end')).toBe('done');
  const socket = await dial(ports[0]!);
  socket.write('reset');
  await expect(resetOf(socket)).resolves.toBeUndefined();
  target.server.close();
  await expect(resetWhenDialled(ports[0]!)).resolves.toBeUndefined();
  await command.line(/^no connection for 127\.0\.0\.1:\d+: 127\.0\.0\.1:\d+: connection refused/);
});

test.each([
  [[], '1:a:1', 77, 'its --permit-listen must name it'],
  [['--permit-listen', '1'], '*:1:a:1', 77, 'its --permit-listen must name it'],
  [['--permit-listen', '127.0.0.1:0'], '2:a:1', 77, 'its --permit-listen must name it'],
])('forward -R where the peer permits %j, and %s is asked for, ends with %i', async (permits, forward, status, why) => {
  const { command, login } = await startListening(at, ['--permit', 'a:1', ...permits]);
  const ended = await runShared(['forward', '--server', at, '-R', forward, login]);
  expect(ended.status).toBe(status);
  expect(ended.stderr).toContain(why);
  await command.line(/^refused \S+: cannot listen on (127\.0\.0\.1|\*):\d: no permit names it$/);
});

test('a listener that is stopped leaves no socket of its peers behind', async () => {
  const there = path.join(folder(), 'there');
  const { command, login } = await startListening(at, ['--permit-listen', there]);
  await startForwarding(at, login, ['-R', `${there}:127.0.0.1:1`]);
  command.kill('SIGTERM');
  expect((await command.exit()).status).toBe(143);
  expect(statSync(there, { throwIfNoEntry: false })).toBeUndefined();
});

test('forward -R ends with 69 where the port is in use at the peer', async () => {
  const target = await startTarget(echo);
  const { login } = await startListening(at, ['--permit-listen', '*']);
  const ended = await runShared(['forward', '--server', at, '-R', `${target.port}:a:1`, login]);
  expect(ended.status).toBe(69);
  expect(ended.stderr).toContain(`does not listen on 127.0.0.1:${target.port}: it is in use there`);
});

test('forward carries Unix sockets on either side, for this user alone', async () => {
  const [here, there] = [path.join(folder(), 'here'), path.join(folder(), 'there')];
  await startTarget(echo, there);
  const { login } = await startListening(at, ['--permit', there]);
  await startForwarding(at, login, ['-L', `${here}:${there}`]);
  expect(statSync(here).mode & 0o777).toBe(0o600);
  expect(await answerOf(here, 'by path')).toBe('by path');
});

test('what breaks at one end of a Unix socket closes the other, and costs nobody the tunnel: on either side', async () => {
  const [here, there] = [path.join(folder(), 'here'), path.join(folder(), 'there')];
  const accepted: Socket[] = [];
  const target = await startTarget((socket) => accepted.push(socket));
  const behind = await startTarget((socket) => accepted.push(socket), there);
  const permits = ['--permit', there, `127.0.0.1:${target.port}`];
  const { login } = await startListening(at, permits);
  const forwards = ['-L', `0:${there}`, '-L', `${here}:127.0.0.1:${target.port}`];
  const { ports } = await startForwarding(at, login, forwards);
  const open = async (to: number | string): Promise<{ near: Socket; far: Socket }> => {
    const near = await dial(to);
    near.write('x');
    await expect.poll(() => accepted.length).toBe(1);
    return { near, far: accepted.pop()! };
  };
  const first = await open(ports[0]!);
  const farClosed = once(first.far.resume(), 'end');
  first.near.resetAndDestroy();
  await farClosed;
  const second = await open(here);
  const nearClosed = once(second.near.resume(), 'end');
  second.far.resetAndDestroy();
  await nearClosed;
  const third = await open(ports[0]!);
  third.far.end('still there');
  expect(String(await readToEnd(third.near))).toBe('still there');
  behind.server.close();
});

test('forward replaces the socket that a dead process has left, and takes that of no living one', async () => {
  const here = path.join(folder(), 'here');
  const { login } = await startListening(at, ['--permit', 'a:1']);
  const first = await asProcesses.startForwarding(at, login, ['-L', `${here}:a:1`]);
  const taken = await runShared(['forward', '--server', at, '-L', `${here}:a:1`, login]);
  expect(taken).toMatchObject({ status: 69, stderr: expect.stringContaining('another process listens there') });
  first.command.kill('SIGKILL');
  await first.command.exit();
  const second = await startForwarding(at, login, ['-L', `${here}:a:1`]);
  second.command.kill('SIGTERM');
  expect((await second.command.exit()).status).toBe(143);
  expect(statSync(here, { throwIfNoEntry: false })).toBeUndefined();
});

test('forward -D serves SOCKS clients, and answers what is not permitted or refused', async () => {
  const target = await startTarget(echo);
  const closed = await startTarget(echo);
  closed.server.close();
  await once(closed.server, 'close');
  const { login } = await startListening(at, ['--permit', `localhost:${target.port}`, `127.0.0.1:${closed.port}`]);
  const { ports } = await startForwarding(at, login, ['-D', '0']);
  const ask = async (host: string, port: number): Promise<string> => {
    const socket = await dial(ports[0]!);
    const head = Buffer.from([5, 1, 0, 5, 1, 0, 3, host.length]);
    socket.end(Buffer.concat([head, Buffer.from(host), Buffer.from([port >> 8, port & 255]), Buffer.from('hello')]));
    return (await readToEnd(socket)).toString('latin1').slice(3);
  };
  expect(await ask('localhost', target.port)).toMatch(/^\0.{8}hello$/s);
  expect((await ask('127.0.0.1', target.port)).charCodeAt(0)).toBe(2);
  expect((await ask('127.0.0.1', closed.port)).charCodeAt(0)).toBe(5);
});

test('a secret encrypts the tunnel, and another one is refused with 77', async () => {
  const target = await startTarget(echo);
  const [secret, other] = ['secret', 'other'].map((name) => labFile(name, makeSecret()));
  const { command, login } = await startListening(at, ['--permit', `127.0.0.1:${target.port}`, '--secret', secret!]);
  const forward = ['-L', `0:127.0.0.1:${target.port}`];
  const wrong = await runShared(['forward', '--server', at, ...forward, '--secret', other!, login]);
  expect(wrong.status).toBe(77);
  const plain = await runShared(['forward', '--server', at, ...forward, login]);
  expect(plain).toMatchObject({ status: 77, stderr: expect.stringContaining(`${login} encrypts: `) });
  for (let round = 0; round < 2; round++) {
    const asking = await startForwarding(at, login, [...forward, '--secret', secret!]);
    await command.line(/^encrypted from end to end with/);
    expect(await answerOf(asking.ports[0]!, 'secret')).toBe('secret');
    asking.command.kill('SIGINT');
    await asking.command.exit();
  }
});

test('a code is good for one peer, which may come again with it while both sides run', async () => {
  const target = await startTarget(echo);
  const { command, login } = await startListening(at, ['--permit', `127.0.0.1:${target.port}`, '--code']);
  const [, code] = await command.line(/^code: (\S+)/);
  const { ports } = await startForwarding(at, login, ['-L', `0:127.0.0.1:${target.port}`, '--code', code!]);
  expect(await answerOf(ports[0]!, 'by code')).toBe('by code');
});

test('a wrong code uses it up: both sides end with 77', async () => {
  const { command, login } = await startListening(at, ['--permit', 'a:1', '--code']);
  const [, code] = await command.line(/^code: (\S+)/);
  const wrong = code!.split('-').toReversed().join('-');
  const ended = await runShared(['forward', '--server', at, '-L', '0:a:1', '--code', wrong, login]);
  expect(ended.status).toBe(77);
  expect((await command.exit()).status).toBe(77);
});

test('forward --json reports on standard output, in lines', async () => {
  const target = await startTarget(echo);
  const { login } = await startListening(at, ['--permit', `127.0.0.1:${target.port}`]);
  const forward = ['-L', `0:127.0.0.1:${target.port}`];
  const asking = start(['forward', '--json', '--server', at, '--login', 'json', ...forward, login]);
  const [line] = await asking.line(/"type":"listening".*/, 'stdout');
  const { address } = JSON.parse(`{${line}`) as { address: string };
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
  socket.end('12345');
  socket.resume();
  const [closed] = await asking.line(/"type":"closed".*/, 'stdout');
  expect(JSON.parse(`{${closed}`)).toMatchObject({
    target: `127.0.0.1:${target.port}`,
    ending: 'ended',
    sent: 5,
    received: 5,
  });
  asking.kill('SIGINT');
  const { stdout, stderr } = await asking.exit();
  expect(stderr).toBe('{"type":"error","message":"ended by SIGINT"}\n');
  const types = stdout
    .trimEnd()
    .split('\n')
    .map((each) => (JSON.parse(each) as { type: string }).type);
  expect(types.slice(0, 6)).toEqual(['logged-in', 'waiting', 'connected', 'listening', 'opened', 'closed']);
});
