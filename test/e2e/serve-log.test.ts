import { expect, test } from 'vitest';
import { openHalf, packet, str } from '../support/rfc-peer.ts';
import { run, startServer } from './chatosbot.ts';
import { peer } from './peers.ts';

const SECRET = 'a-secret-that-nobody-shall-log';

/** Everything that leaves a trace: logins, messages, refusals, malformed packets, a private connection. */
async function keepBusy(port: number): Promise<void> {
  const alice = await peer(port, 'alice');
  const bob = await peer(port, 'bob');
  alice.say(SECRET);
  alice.tell('bob', SECRET);
  await bob.next(4);
  alice.request('bob');
  await bob.next(5);
  bob.ok('alice');
  const { connectId } = await bob.next(8);
  const [left, right] = await Promise.all([openHalf(port, connectId), openHalf(port, connectId)]);
  left.end(SECRET);
  right.resume().end(SECRET);
  await new Promise((resolve) => right.once('close', resolve));
  alice.send(packet(4, str('bob'), str('alice'), str(SECRET)));
  bob.send(packet(3, str('alice'), str(SECRET)));
  const carol = await peer(port, 'carol');
  carol.send(Buffer.from([99, ...Buffer.from(SECRET)]));
  await carol.ended;
}

async function logOf(args: readonly string[]): Promise<string> {
  const { command, port } = await startServer(args);
  await keepBusy(port);
  command.kill('SIGTERM');
  const { status, stdout, stderr } = await command.exit();
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  return stderr;
}

test('serve logs for a machine in lines that are JSON each, from the first to the last', async () => {
  const lines = (await logOf(['--log-format', 'json'])).trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line) as { time: string; level: string; message: string });
  for (const event of events) {
    expect(event).toMatchObject({ level: expect.stringMatching(/^(info|warn)$/), message: expect.any(String) });
    expect(new Date(event.time).toISOString()).toBe(event.time);
  }
  const listening = { message: expect.stringMatching(/^listening on/), address: expect.any(String) };
  expect(events).toContainEqual(expect.objectContaining(listening));
  expect(events).toContainEqual(expect.objectContaining({ level: 'info', message: 'logged in', login: 'alice' }));
  expect(events).toContainEqual(expect.objectContaining({ level: 'warn', login: 'carol' }));
  expect(events.at(-1)).toMatchObject({ message: 'stopped' });
});

test.each(['info', 'warn', 'error'])('serve logs nothing of what people say, at the level %s', async (level) => {
  expect(await logOf(['--log-level', level])).not.toContain(SECRET);
});

test('serve logs for a person: who came and left, and what clients did wrong', async () => {
  const log = await logOf([]);
  expect(log).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ info {2}logged in login=alice from=127\.0\.0\.1$/m);
  expect(log).toMatch(/ info {2}private connection established requester=alice target=bob$/m);
  expect(log).toMatch(/ warn {2}forbidden packet .*login=alice/m);
  expect(log).toMatch(/ warn {2}closed: malformed packet .*login=carol/m);
});

test('serve says where it listens and that it stops even where nothing is logged', async () => {
  expect((await logOf(['--log-level', 'silent'])).split('\n')).toEqual([
    expect.stringMatching(/^listening on /),
    expect.stringMatching(/^stopping on SIGTERM/),
    'stopped',
    '',
  ]);
});

test('serve keeps what a login says from forging lines of the log', async () => {
  const { command, port } = await startServer();
  const sneaky = await peer(port, 'x=1 level="error"');
  sneaky.destroy();
  const { input } = await command.line(/logged in/);
  expect(input).toMatch(/ info {2}logged in login="x=1 level=\\"error\\"" from=127\.0\.0\.1$/);
});

test.each([
  ['--log-level', 'loud'],
  ['--log-format', 'xml'],
])('serve tells which values %s has, and exits with 2', async (flag, value) => {
  const ended = await run(['serve', flag, value]);
  expect(ended).toMatchObject({ status: 2, stderr: expect.stringMatching(/Allowed choices are \w+, /) });
});
