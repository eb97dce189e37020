import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { failure, LAB, labFile, start, startServer } from './chatosbot.ts';
import { serverHere } from './server-here.ts';
import { runShared } from './shared-process.ts';

const WHY =
  /^(?:chatosbot: )?tcp:\/\/127\.0\.0\.1:\d+ closed the connection before it answered the login: it may be full or stopping, or allow no more connections from this address \(its log names the limit\)$/;

/** A server that has let in as many from this address as it lets in; `leave` makes room for one. */
async function fullServer() {
  const config = labFile('one.yaml', 'serve: { limits: { maxConnectionsPerAddress: 1 } }\n');
  const { command, port, at } = await startServer(['--config', config]);
  const socket = net.connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return { command, at, leave: () => socket.end() };
}

test('commands say what to check where a server turns them away, and exit with 75; the server says why', async () => {
  const { command, at } = await fullServer();
  for (const args of [['say', 'hello'], ['chat'], ['pipe', 'bob'], ['pipe', '--listen']]) {
    const { status, last } = await failure(runShared([...args, '--server', at]));
    expect({ args, status, last }).toEqual({ args, status: 75, last: expect.stringMatching(WHY) as string });
  }
  const [line] = await command.line(/.*connection refused: .*/);
  expect(line).toContain('limit=maxConnectionsPerAddress');
  expect(line).toContain(
    'lift="raise serve.limits.maxConnectionsPerAddress, or name the address in serve.limits.exempt"',
  );
});

test('a bot that is turned away tries again until there is room', async () => {
  const { at, leave } = await fullServer();
  const bot = start(['run', labFile('quiet.mjs', 'export const onStart = () => {};'), '--server', at]);
  const [, why] = await bot.line(/ warn +(.*); retrying in/);
  expect(why).toMatch(WHY);
  leave();
  await bot.line(/quiet: logged in/);
});

test('over TLS they say what to check as well, and anyone who has a pin is not told to do without TLS', async () => {
  const config = labFile('deny.yaml', 'serve: { deny: { from: [127.0.0.1] } }\n');
  const args = ['--listen', 'tls://127.0.0.1:0', '--state', path.join(LAB, 'turned-away')];
  const command = start(['serve', '--config', config, ...args]);
  const [, address] = await command.line(/^listening on (tls:.*)$/);
  const why = 'closed the connection during the TLS handshake: it may be full or stopping, ';
  const { status, last } = await failure(start(['say', 'hello', '--server', address!]));
  expect(status).toBe(69);
  expect(last).toContain(why);
  expect(last).not.toContain('tcp://');
  const plain = await failure(start(['say', 'hello', '--server', address!.replace(/\?.*/, '')]));
  expect(plain).toMatchObject({ status: 69, last: expect.stringContaining('if it does not speak TLS there, use') });
});

test('a pipe says so where its half is turned away, and not that the peer does not answer', async () => {
  const { at } = await serverHere({ maxConnections: 2 });
  const listener = start(['pipe', '--listen', '--login', 'bob', '--server', at]);
  await listener.line(/waiting for a private connection/);
  const { status, last } = await failure(start(['pipe', 'bob', '--wait', '3', '--server', at]));
  expect({ status, last }).toEqual({
    status: 124,
    last: expect.stringMatching(/^chatosbot: no private connection with bob within 3 s: /),
  });
  listener.kill('SIGTERM');
  const { stderr } = await listener.exit();
  expect(stderr.match(/was not established/g)).toHaveLength(1);
});
