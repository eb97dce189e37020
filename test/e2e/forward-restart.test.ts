import { beforeAll, describe, expect, test } from 'vitest';
import { TcpTransport } from '../../src/net/tcp-transport.ts';
import { ownPort } from '../support/own-port.ts';
import { startTamperingProxy } from '../support/tampering-proxy.ts';
import { failure, labFile, start } from './chatosbot.ts';
import { makeSecret } from '../../src/transfer/secure/secret.ts';
import {
  answerOf,
  asProcesses,
  dial,
  echo,
  openConnection,
  readToEnd,
  resetOf,
  resetWhenDialled,
  startForwarding,
  startListening,
  startTarget,
} from './forwarding.ts';
import { ownServer } from './own-server.ts';
import { runShared, startShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let serverPort: number;

beforeAll(async () => {
  ({ at, port: serverPort } = await sharedServer());
});

test('forward outlives a server that is killed: ports stay, what is open is reset, what comes meanwhile waits', async () => {
  const own = await ownServer();
  const target = await startTarget(echo);
  const { login } = await startListening(own.at, ['--permit', `127.0.0.1:${target.port}`]);
  const { command: asker, ports } = await startForwarding(own.at, login, ['-L', `0:127.0.0.1:${target.port}`]);
  const open = await openConnection(ports[0]!);
  await own.kill();
  await expect(resetOf(open)).resolves.toBeUndefined();
  await asker.line(/asking .* for another one/);
  const waiting = answerOf(ports[0]!, 'meanwhile');
  await own.startAgain();
  expect(await waiting).toBe('meanwhile');
  expect(await answerOf(ports[0]!, 'afterwards')).toBe('afterwards');
});

test.each(['plain', 'encrypted'])('forward goes on when its peer is killed and started again: %s', async (kind) => {
  const target = await startTarget(echo);
  const secret = kind === 'plain' ? [] : ['--secret', labFile('secret', makeSecret())];
  const permits = ['--permit', `127.0.0.1:${target.port}`, '--permit-listen', '*', ...secret];
  const first = await asProcesses.startListening(at, permits, `phoenix-${kind}`);
  const forward = `0:127.0.0.1:${target.port}`;
  const asker = startShared(['forward', '--server', at, '-L', forward, '-R', forward, ...secret, first.login]);
  await asker.line(/^listening on 127\.0\.0\.1:\d+ at phoenix/);
  const [, port] = await asker.line(/^listening on 127\.0\.0\.1:(\d+), for/);
  const open = await openConnection(Number(port));
  first.command.kill('SIGKILL');
  await expect(resetOf(open)).resolves.toBeUndefined();
  await asker.line(/asking .* for another one/);
  await startListening(at, permits, first.login);
  const [, there] = await asker.line(/^listening on 127\.0\.0\.1:(\d+) at phoenix/);
  expect(await answerOf(Number(there), 'from there')).toBe('from there');
  expect(await answerOf(Number(port), 'from here')).toBe('from here');
});

test('the side that listens serves a peer that is killed and started again, port and all', async () => {
  const target = await startTarget(echo);
  const { login, command } = await startListening(at, ['--permit-listen', '*']);
  const port = await ownPort();
  const remote = ['-R', `${port}:127.0.0.1:${target.port}`];
  const first = await asProcesses.startForwarding(at, login, remote);
  first.command.kill('SIGKILL');
  await command.line(/is over|broke/);
  const second = await startForwarding(at, login, remote);
  expect([first.ports, second.ports]).toEqual([[port], [port]]);
  expect(await answerOf(port, 'same port')).toBe('same port');
});

test('a connection that comes while the peer is away is reset after --dial-timeout', async () => {
  const { command, login } = await asProcesses.startListening(at, ['--permit', 'a:1']);
  const { command: asker, ports } = await startForwarding(at, login, ['-L', '0:a:1', '--dial-timeout', '0.5']);
  command.kill('SIGKILL');
  await asker.line(/asking .* for another one/);
  await expect(resetWhenDialled(ports[0]!)).resolves.toBeUndefined();
  await asker.line(/^no connection for .*: there is no private connection with/);
});

test('a target that does not answer costs one connection, after --dial-timeout', async () => {
  const target = await startTarget(echo);
  // Nobody answers there: the addresses are for documentation.
  const stalled = '192.0.2.1:9';
  const { login } = await startListening(at, ['--permit', stalled, `127.0.0.1:${target.port}`, '--dial-timeout', '1']);
  const { ports } = await startForwarding(at, login, ['-L', `0:${stalled}`, '-L', `0:127.0.0.1:${target.port}`]);
  const waiting = await dial(ports[0]!);
  expect(await answerOf(ports[1]!, 'goes on')).toBe('goes on');
  await expect(resetOf(waiting)).resolves.toBeUndefined();
});

test('--idle-timeout resets a connection through which nothing moves, and no other', async () => {
  const target = await startTarget(echo);
  const { login } = await startListening(at, ['--permit', `127.0.0.1:${target.port}`]);
  const args = ['-L', `0:127.0.0.1:${target.port}`, '--idle-timeout', '1'];
  const { command, ports } = await startForwarding(at, login, args);
  const idle = await openConnection(ports[0]!);
  await expect(resetOf(idle)).resolves.toBeUndefined();
  await command.line(/^closed the connection of .*: nothing moved/);
  expect(await answerOf(ports[0]!, 'new')).toBe('new');
});

test('--max bounds connections: one more is reset at once, and the others go on', async () => {
  const target = await startTarget(echo);
  const { login } = await startListening(at, ['--permit', `127.0.0.1:${target.port}`]);
  const { command, ports } = await startForwarding(at, login, ['-L', `0:127.0.0.1:${target.port}`, '--max', '2']);
  const [first] = [await openConnection(ports[0]!), await openConnection(ports[0]!)];
  await expect(resetWhenDialled(ports[0]!)).resolves.toBeUndefined();
  await command.line(/there are 2 connections already/);
  first.end();
  await readToEnd(first);
  await expect.poll(() => answerOf(ports[0]!, 'room again').catch(() => 'reset')).toBe('room again');
});

describe('a code', () => {
  test('lasts while both commands run, over a server that is killed', async () => {
    const own = await ownServer();
    const target = await startTarget(echo);
    const { command, login } = await startListening(own.at, ['--permit', `127.0.0.1:${target.port}`, '--code']);
    const [, code] = await command.line(/^code: (\S+)/);
    const forward = ['-L', `0:127.0.0.1:${target.port}`, '--code', code!];
    const { command: asker, ports } = await startForwarding(own.at, login, forward);
    const open = await openConnection(ports[0]!);
    await own.kill();
    await expect(resetOf(open)).resolves.toBeUndefined();
    await asker.line(/asking .* for another one/);
    await own.startAgain();
    expect(await answerOf(ports[0]!, 'still the same two')).toBe('still the same two');
  });

  test('does not let in a command that was killed and started again, and both are told what to do', async () => {
    const target = await startTarget(echo);
    const { command, login } = await startListening(at, ['--permit', `127.0.0.1:${target.port}`, '--code']);
    const [, code] = await command.line(/^code: (\S+)/);
    const args = ['forward', '--server', at, '-L', `0:127.0.0.1:${target.port}`, '--code', code!, login];
    const first = start([...args, '--login', 'again']);
    await first.line(/^listening on/);
    first.kill('SIGKILL');
    await command.line(/was cut at \d+ bytes/);
    const second = await failure(runShared([...args, '--login', 'again']));
    expect(second).toEqual({
      status: 77,
      last: expect.stringContaining(`${login} uses a secret (or what an earlier code has led to), and we a code`),
    });
    await command.line(/^again was started again, and only the same two commands go on with what a code has begun/);
  });
});

describe.each([
  ['cut', 'ends it as if the peer had', /was cut at \d+ bytes: this is not the end of what it sent/],
  ['bend', 'changes a bit of it', /was changed on the way: \d+ bytes had come unchanged/],
] as const)('a server that %s: it', (how, what, told) => {
  test(`${what}, is told, resets what is open, and never looks like an end`, async () => {
    const proxy = await startTamperingProxy(serverPort, how, 60_000);
    const got: Buffer[] = [];
    const ends: string[] = [];
    const target = await startTarget((socket) => {
      // Of bytes and a reset that come together, Node.js says that they are an end: it is asked again.
      const transport = new TcpTransport(socket);
      socket.on('data', (chunk: Buffer) => got.push(chunk));
      transport.onEnd(() => ends.push('end'));
      socket.once('close', () => transport.ending === 'aborted' && ends.push('reset'));
    });
    const secret = ['--secret', labFile('tamper.secret', makeSecret())];
    const { command, login } = await startListening(proxy.at, ['--permit', `127.0.0.1:${target.port}`, ...secret]);
    const { command: asker, ports } = await startForwarding(at, login, ['-L', `0:127.0.0.1:${target.port}`, ...secret]);
    const socket = await dial(ports[0]!);
    const reset = resetOf(socket);
    socket.write('x');
    await expect.poll(() => got.length).toBe(1);
    socket.write(Buffer.alloc(200_000, 'x'));
    await reset;
    await command.line(told);
    await expect.poll(() => ends).toEqual(['reset']);
    expect(Buffer.concat(got).length).toBeLessThan(60_000);
    await asker.line(/asking .* for another one/);
    proxy.close();
  });
});
