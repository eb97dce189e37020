import { existsSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readAll } from '../support/rfc-peer.ts';
import { failure, LAB, run, start } from './chatosbot.ts';
import { ask, fate, peer } from './peers.ts';
import { runShared, startShared, type SharedCommand } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

async function servingBy<C extends SharedCommand>(
  begin: (args: readonly string[]) => C,
  login: string,
  command: string,
  args: readonly string[] = [],
) {
  const listener = begin(['pipe', '--listen', '--server', at, '--login', login, '--exec', command, ...args]);
  await listener.line(/^waiting/);
  return listener;
}

/** A listener that joins peers with a process. */
const serving = servingBy.bind(undefined, startShared);
/** One that is a process of its own, for what becomes of both. */
const servingAlone = (login: string, command: string, args: readonly string[] = []) =>
  servingBy((all) => start(all), login, command, args);

/** Whether a process lives; those that only wait for their parent to ask do not. */
const lives = (pid: string | undefined): boolean => existsSync(`/proc/${pid}`);

test('pipe --exec joins a peer with a process, which knows who is at both ends', async () => {
  const listener = await servingAlone('tool', 'echo "$CHATOSBOT_PEER to $CHATOSBOT_LOGIN"; wc -c');
  const asked = await runShared(['pipe', 'tool', '--server', at, '--login', 'user'], { input: 'seven..' });
  expect(asked).toMatchObject({ status: 0, stdout: expect.stringMatching(/^user to tool\n\s*7\n$/) });
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: '' });
});

test('pipe PEER --exec does so too', async () => {
  const listener = startShared(['pipe', '--listen', '--server', at, '--login', 'other'], { input: 'abc' });
  await listener.line(/^waiting/);
  const asker = await run(['pipe', 'other', '--server', at, '--exec', 'tr a-z A-Z']);
  expect(asker).toMatchObject({ status: 0, stdout: '' });
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'ABC' });
});

test.each([
  ['exit 3', 3, 'exited with 3'],
  ['kill -9 $$', 137, 'was ended by SIGKILL'],
  ['echo some; exec no-such-command', 127, 'exited with 127'],
])(
  'pipe --exec "%s" exits with %i and says why, and the peer does not take the end for a success',
  async (command, code, how) => {
    const login = `fails-${code}`;
    const listener = await serving(login, command);
    const asker = startShared(['pipe', login, '--server', at]);
    const ended = await listener.exit();
    expect(ended).toMatchObject({ status: code, stderr: expect.stringContaining(how) });
    expect(await failure(asker.exit())).toMatchObject({ status: 75 });
  },
);

test('pipe --exec drops what its process does not read, and is done when the peer is', async () => {
  const listener = await serving('brief', 'head -n 1');
  const asker = await runShared(['pipe', 'brief', '--server', at], { input: 'first\n'.repeat(200_000) });
  expect(asker).toMatchObject({ status: 0, stdout: 'first\n' });
  expect(await listener.exit()).toMatchObject({ status: 0 });
});

test('pipe --exec gives no end to a peer that has ended, until it is known that its process has not failed', async () => {
  const listener = await serving('late', 'echo begun; exec >&-; cat > /dev/null; sleep 1.5; exit 4');
  const { half } = await ask(await peer(port, 'trusting'), port, 'late');
  const end = fate(half);
  half.end('all of it');
  expect(await listener.exit()).toMatchObject({ status: 4 });
  expect(await end).toBe('reset');
});

test('pipe --exec breaks with a peer that goes on sending long after its process has ended', async () => {
  const listener = await serving('done', 'head -n 1', ['--keep']);
  const { half } = await ask(await peer(port, 'endless'), port, 'done');
  const end = fate(half);
  const sending = setInterval(() => half.write('more and more\n'), 100);
  expect(await end).toBe('end');
  await listener
    .line(/^endless went on sending after the command for it had ended$/)
    .finally(() => clearInterval(sending));
});

test('pipe --exec ends its process and all that it has started when the peer breaks off', async () => {
  const listener = await servingAlone('abandoned', 'sleep 1000 & echo $!; wait', ['--keep']);
  const { half } = await ask(await peer(port, 'leaver'), port, 'abandoned');
  const pid = String(await new Promise<Buffer>((resolve) => half.once('data', resolve))).trim();
  expect(lives(pid)).toBe(true);
  half.resetAndDestroy();
  await listener.line(/the command for leaver was ended by SIGTERM/);
  await listener.line(/the private connection with leaver broke/);
  expect(lives(pid)).toBe(false);
});

test('pipe --exec ends a process that ignores SIGTERM, after a moment, when it is interrupted', async () => {
  const listener = await servingAlone('stubborn', 'trap "" TERM; echo $$; while :; do sleep 0.1; done');
  const { half } = await ask(await peer(port, 'guest'), port, 'stubborn');
  const pid = String(await new Promise<Buffer>((resolve) => half.once('data', resolve))).trim();
  const end = fate(half);
  process.kill(listener.pid, 'SIGINT');
  expect(await listener.exit()).toMatchObject({ status: 130 });
  expect(await end).toBe('reset');
  expect(lives(pid)).toBe(false);
});

test('pipe --exec leaves nothing behind when a second signal ends it at once', async () => {
  const listener = await servingAlone('hasty', 'trap "" TERM; echo $$; while :; do sleep 0.1; done');
  const { half } = await ask(await peer(port, 'guest'), port, 'hasty');
  const pid = String(await new Promise<Buffer>((resolve) => half.once('data', resolve))).trim();
  const end = fate(half);
  process.kill(listener.pid, 'SIGINT');
  await end;
  process.kill(listener.pid, 'SIGTERM');
  expect(await listener.exit()).toMatchObject({ status: 143 });
  await expect.poll(() => lives(pid)).toBe(false);
});

test('pipe --keep --exec runs a process for each peer, and goes on after one that fails', async () => {
  const listener = await serving('service', 'read -r line; test "$line" = good && echo thanks', [
    '--keep',
    '--max',
    '2',
  ]);
  const bad = await ask(await peer(port, 'bad'), port, 'service');
  const end = fate(bad.half);
  const { half } = await ask(await peer(port, 'good'), port, 'service');
  half.end('good\n');
  expect(String(await readAll(half))).toBe('thanks\n');
  bad.half.write('bad\n');
  expect(await end).toBe('reset');
  await listener.line(/the command for bad exited with 1/);
});

test('pipe --exec serves 3 MiB both ways unchanged', async () => {
  const file = path.join(LAB, 'back');
  const listener = await servingAlone('mirror', `tee ${file}`);
  const bytes = Buffer.alloc(3 * 1024 * 1024, 'abcdefg');
  const asker = await runShared(['pipe', 'mirror', '--server', at], { input: bytes });
  expect(asker.status).toBe(0);
  expect(asker.stdout === bytes.toString()).toBe(true);
  expect(await listener.exit()).toMatchObject({ status: 0 });
});
