import { beforeAll, expect, test } from 'vitest';
import { readAll } from '../support/rfc-peer.ts';
import { shell, start } from './chatosbot.ts';
import { ask, peer } from './peers.ts';
import { runShared, startShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

const LISTEN = ['pipe', '--listen', '--keep', '--server'];

async function keep(login: string, args: readonly string[] = [], input = 'not read') {
  const listener = start([...LISTEN, at, '--login', login, ...args], { input });
  await listener.line(/^waiting/);
  return listener;
}

test('pipe --keep serves peers one after the other, and ends with 128 + n on a signal', async () => {
  const listener = await keep('shop');
  for (const name of ['ann', 'bea']) {
    const ended = await runShared(['pipe', 'shop', '--server', at, '--login', name], { input: `from ${name}\n` });
    expect(ended).toMatchObject({ status: 0, stdout: '' });
  }
  listener.kill('SIGTERM');
  expect(await listener.exit()).toMatchObject({ status: 143, stdout: 'from ann\nfrom bea\n' });
});

test('pipe --keep serves anyone who waits next, where one has given up while it waited', async () => {
  const listener = await keep('queue');
  const first = await ask(await peer(port, 'first'), port, 'queue');
  const fickle = await peer(port, 'fickle');
  fickle.request('queue');
  fickle.tell('fickle', 'handled');
  await fickle.next(4);
  const steady = await peer(port, 'steady');
  const served = ask(steady, port, 'queue');
  fickle.destroy();
  first.half.end('one\n');
  await listener.line(/fickle was not established/);
  (await served).half.end('two\n');
  await listener.line(/^two$/, 'stdout');
  expect(listener.stdout.toString()).toBe('one\ntwo\n');
});

test('pipe --keep goes on after a peer that breaks off, and reports it', async () => {
  const listener = await keep('tough');
  const broken = await ask(await peer(port, 'rude'), port, 'tough');
  broken.half.write('begun\n');
  await listener.line(/^begun$/, 'stdout');
  broken.half.resetAndDestroy();
  await listener.line(/^the private connection with rude broke$/);
  const { half } = await ask(await peer(port, 'polite'), port, 'tough');
  half.end('whole\n');
  expect(String(await readAll(half))).toBe('');
  await listener.line(/^whole$/, 'stdout');
});

test('pipe --keep --max serves so many at once', async () => {
  const listener = await keep('counter', ['--max', '2']);
  const [one, two] = [
    await ask(await peer(port, 'one'), port, 'counter'),
    await ask(await peer(port, 'two'), port, 'counter'),
  ];
  two.half.write('from two\n');
  await listener.line(/^from two$/, 'stdout');
  one.half.end('from one\n');
  await listener.line(/^from one$/, 'stdout');
  listener.kill('SIGINT');
  expect(await listener.exit()).toMatchObject({ status: 130 });
});

test('pipe --keep ends where its own output fails: with 141, whichever peer it serves', async () => {
  const loop = shell(
    `chatosbot pipe --listen --keep --login leaky --server ${at} | head -c 5; echo "\${PIPESTATUS[0]}"`,
  );
  await loop.line(/^waiting/);
  const { half } = await ask(await peer(port, 'wordy'), port, 'leaky');
  const broken = new Promise((resolve) => half.once('error', resolve));
  half.write('words ');
  const writing = setInterval(() => half.write('more words '), 20);
  await broken.finally(() => clearInterval(writing));
  expect(await loop.exit()).toMatchObject({ stdout: expect.stringMatching(/141\n$/) });
});

test('pipe --keep --wait ends when nobody has come for so long: with 0 if somebody was served, else with 124', async () => {
  expect(await runShared([...LISTEN, at, '--login', 'idle', '--wait', '0.5'])).toMatchObject({
    status: 124,
    stderr: expect.stringContaining('no peer asked'),
  });
  const busy = startShared([...LISTEN, at, '--login', 'busy', '--wait', '1']);
  await busy.line(/^waiting/);
  const { half } = await ask(await peer(port, 'customer'), port, 'busy');
  half.end('thanks\n');
  expect(await busy.exit()).toMatchObject({ status: 0, stdout: 'thanks\n' });
});

test('pipe --send-only discards what comes, and --recv-only does not read its input', async () => {
  const sender = startShared(['pipe', '--listen', '--send-only', '--server', at, '--login', 'radio'], {
    input: 'news\n',
  });
  await sender.line(/^waiting/);
  const receiver = start(['pipe', 'radio', '--recv-only', '--server', at], { input: 'open' });
  receiver.type('unheard\n');
  expect(await receiver.exit()).toMatchObject({ status: 0, stdout: 'news\n' });
  expect(await sender.exit()).toMatchObject({ status: 0, stdout: '' });
  const discarding = startShared(['pipe', '--listen', '--send-only', '--server', at, '--login', 'deaf']);
  await discarding.line(/^waiting/);
  expect(await runShared(['pipe', 'deaf', '--server', at], { input: 'hello' })).toMatchObject({ status: 0 });
  expect(await discarding.exit()).toMatchObject({ status: 0, stdout: '' });
});

test('pipe --keep --json reports what happens to each peer, in lines of JSON', async () => {
  const args = ['--from', 'a*', '--json', '--exec', 'exit "$(cat)"'];
  const listener = startShared(['pipe', '--listen', '--keep', '--server', at, '--login', 'log', ...args]);
  await listener.line(/"waiting"/);
  await runShared(['pipe', 'log', '--server', at, '--login', 'zoe']);
  await runShared(['pipe', 'log', '--server', at, '--login', 'ann'], { input: '0\n' });
  await runShared(['pipe', 'log', '--server', at, '--login', 'amy'], { input: '3\n' });
  listener.kill('SIGTERM');
  const { stderr } = await listener.exit();
  const events = stderr.trimEnd().split('\n');
  expect(events.map((line) => JSON.parse(line) as unknown)).toEqual([
    { type: 'logged-in', login: 'log', server: `tcp://${at}` },
    { type: 'waiting', peer: null },
    { type: 'refused', peer: 'zoe' },
    { type: 'connected', peer: 'ann' },
    { type: 'peer-ended', peer: 'ann', received: 2 },
    { type: 'exec-exited', peer: 'ann', exitCode: 0, signal: null },
    { type: 'done', peer: 'ann', sent: 0, received: 2, durationMs: expect.any(Number) },
    { type: 'connected', peer: 'amy' },
    { type: 'peer-ended', peer: 'amy', received: 2 },
    { type: 'exec-exited', peer: 'amy', exitCode: 3, signal: null },
    { type: 'error', message: 'ended by SIGTERM' },
  ]);
});

test.each([
  [['bob', '--keep'], '--keep needs --listen'],
  [['--listen', '--max', '2'], '--max needs --keep'],
  [['--listen', '--keep', '--max', '0'], 'expected a number, 1 to 1000'],
  [['bob', '--send-only', '--recv-only'], 'nothing would be transferred'],
  [['bob', '--exec', 'cat', '--recv-only'], '--exec leaves nothing'],
  [['--listen', '--keep', '--send-only'], '--keep sends nothing'],
])('pipe %j is a mistake that it explains, with 2', async (args, why) => {
  const ended = await runShared(['pipe', ...args, '--server', at]);
  expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(why) });
});
