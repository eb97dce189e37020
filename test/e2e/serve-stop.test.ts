import { expect, test } from 'vitest';
import { openHalf, readAll, RfcPeer } from '../support/rfc-peer.ts';
import { run, startServer } from './chatosbot.ts';
import { fate, peer } from './peers.ts';

/** Two halves of an open private connection. */
async function channel(port: number) {
  const [alice, bob] = await Promise.all([peer(port, 'alice'), peer(port, 'bob')]);
  alice.request('bob');
  await bob.next(5);
  bob.ok('alice');
  const { connectId } = await bob.next(8);
  const [left, right] = await Promise.all([openHalf(port, connectId), openHalf(port, connectId)]);
  return { alice, left, right };
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  'serve ends in order on %s: clients see the end of the stream, the status is 0',
  async (signal) => {
    const { command, port } = await startServer();
    const alice = await peer(port, 'alice');
    command.kill(signal);
    expect(await alice.ended).toBe('end');
    expect(await command.exit()).toMatchObject({ status: 0, stdout: '', stderr: expect.stringMatching(/stopped\n$/) });
  },
);

test('serve lets a private connection finish that is open when it is told to stop', async () => {
  const { command, port } = await startServer();
  const { left, right } = await channel(port);
  command.kill('SIGTERM');
  const [, channels] = await command.line(/^stopping on SIGTERM, waiting up to 10 s for (\d+) private connection/);
  expect(channels).toBe('1');
  const late = RfcPeer.connect(port).then((made) => made.login('latecomer'));
  expect(await late.catch(() => false)).toBe(false);
  left.end('the last words');
  right.end('goodbye');
  expect(String(await readAll(right))).toBe('the last words');
  expect(String(await readAll(left))).toBe('goodbye');
  expect(await command.exit()).toMatchObject({ status: 0 });
});

test('serve breaks what has not finished when --drain is over, so that nobody takes it for an end', async () => {
  const { command, port } = await startServer(['--drain', '0.2']);
  const { left, right } = await channel(port);
  command.kill('SIGTERM');
  expect(await Promise.all([fate(left), fate(right)])).toEqual(['reset', 'reset']);
  expect(await command.exit()).toMatchObject({ status: 0 });
});

test('serve ends at once on a second signal, with the status of that signal, and breaks what is open', async () => {
  const { command, port } = await startServer(['--drain', '1000']);
  const { left, right } = await channel(port);
  command.kill('SIGTERM');
  await command.line(/^stopping on SIGTERM/);
  const ends = Promise.all([fate(left), fate(right)]);
  command.kill('SIGINT');
  expect(await command.exit()).toMatchObject({ status: 130 });
  expect(await ends).toEqual(['reset', 'reset']);
});

test('serve ends although a client neither reads nor leaves', async () => {
  const { command, port } = await startServer(['--drain', '0']);
  const deaf = await peer(port, 'deaf');
  deaf.socket.pause();
  command.kill('SIGTERM');
  expect(await command.exit()).toMatchObject({ status: 0 });
});

test.each(['-1', 'soon', ''])('serve refuses --drain %j, and exits with 2', async (value) => {
  const ended = await run(['serve', `--drain=${value}`]);
  expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining('expected a number of seconds') });
});

test('serve ends at once on SIGQUIT, and breaks what is open', async () => {
  const { command, port } = await startServer();
  const { left, right } = await channel(port);
  const ends = Promise.all([fate(left), fate(right)]);
  command.kill('SIGQUIT');
  expect(await command.exit()).toMatchObject({ status: 131 });
  expect(await ends).toEqual(['reset', 'reset']);
});

test('serve goes on after SIGUSR1, and opens no debugger', async () => {
  const { command, port } = await startServer();
  command.kill('SIGUSR1');
  await peer(port, 'alice');
  command.kill('SIGTERM');
  expect(await command.exit()).toMatchObject({ status: 0, stderr: expect.not.stringContaining('Debugger') });
});
