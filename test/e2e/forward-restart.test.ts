import { once } from 'node:events';
import { expect, test } from 'vitest';
import { labFile, start, startServer } from './chatosbot.ts';
import { makeSecret } from '../../src/transfer/secure/secret.ts';
import {
  dial,
  echo,
  readToEnd,
  resetOf,
  resetWhenDialled,
  startForwarding,
  startListening,
  startTarget,
} from './forwarding.ts';

async function answerOf(port: number, text: string): Promise<string> {
  const socket = await dial(port);
  socket.end(text);
  return String(await readToEnd(socket));
}

async function openConnection(port: number) {
  const socket = await dial(port);
  socket.write('x');
  await once(socket, 'data');
  return socket;
}

test('forward outlives a server that is killed: ports stay, what is open is reset, what comes meanwhile waits', async () => {
  const { command, at } = await startServer();
  const target = await startTarget(echo);
  const { login } = await startListening(at, ['--permit', `127.0.0.1:${target.port}`]);
  const { command: asker, ports } = await startForwarding(at, login, ['-L', `0:127.0.0.1:${target.port}`]);
  const open = await openConnection(ports[0]!);
  command.kill('SIGKILL');
  await expect(resetOf(open)).resolves.toBeUndefined();
  await asker.line(/asking .* for another one/);
  const waiting = answerOf(ports[0]!, 'meanwhile');
  const server = start(['serve', '--listen', at]);
  await server.line(/listening on/);
  expect(await waiting).toBe('meanwhile');
  expect(await answerOf(ports[0]!, 'afterwards')).toBe('afterwards');
});

test.each(['plain', 'encrypted'])('forward goes on when its peer is killed and started again: %s', async (kind) => {
  const { at } = await startServer();
  const target = await startTarget(echo);
  const secret = kind === 'plain' ? [] : ['--secret', labFile('secret', makeSecret())];
  const permits = ['--permit', `127.0.0.1:${target.port}`, '--permit-listen', '*', ...secret];
  const first = await startListening(at, permits, `phoenix-${kind}`);
  const forward = `0:127.0.0.1:${target.port}`;
  const asker = start(['forward', '--server', at, '-L', forward, '-R', forward, ...secret, first.login]);
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
  const { at } = await startServer();
  const target = await startTarget(echo);
  const { login, command } = await startListening(at, ['--permit-listen', '*']);
  const first = await startForwarding(at, login, ['-R', `0:127.0.0.1:${target.port}`]);
  const [port] = first.ports;
  first.command.kill('SIGKILL');
  await command.line(/is over|broke/);
  const second = await startForwarding(at, login, ['-R', `${port}:127.0.0.1:${target.port}`]);
  expect(second.ports).toEqual([port]);
  expect(await answerOf(port!, 'same port')).toBe('same port');
});

test('a connection that comes while the peer is away is reset after --dial-timeout', async () => {
  const { at } = await startServer();
  const { command, login } = await startListening(at, ['--permit', 'a:1']);
  const { command: asker, ports } = await startForwarding(at, login, ['-L', '0:a:1', '--dial-timeout', '0.5']);
  command.kill('SIGKILL');
  await asker.line(/asking .* for another one/);
  await expect(resetWhenDialled(ports[0]!)).resolves.toBeUndefined();
  await asker.line(/^no connection for .*: there is no private connection with/);
});

test('a target that does not answer costs one connection, after --dial-timeout', async () => {
  const { at } = await startServer();
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
  const { at } = await startServer();
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
  const { at } = await startServer();
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
