import { execFileSync } from 'node:child_process';
import { closeSync, openSync, read } from 'node:fs';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Command } from '../support/command.ts';
import { failure, LAB, start, startServer } from './chatosbot.ts';
import { acceptNext, ask, fate, peer } from './peers.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;
let count = 0;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

/** A pipe in the middle of a conversation: some bytes have gone each way. */
async function underWay(flags: readonly string[] = []) {
  const name = `peer-${++count}`;
  const bob = await peer(port, name);
  const asker = start(['pipe', ...flags, name, '--server', at], { input: 'open' });
  const accepted = await acceptNext(bob, port);
  const { half } = accepted;
  const first = new Promise((resolve) => half.once('data', resolve));
  asker.type('to you');
  half.write('to me\n');
  await Promise.all([first, asker.line(/^to me$/, 'stdout')]);
  return { bob, name, asker, ...accepted };
}

/** A pipe that sends without end to another one, with some of it there already. */
async function endless(server: string, login: string) {
  const zeros = openSync('/dev/zero', 'r');
  onTestFinished(() => closeSync(zeros));
  let onFirst = (): void => undefined;
  const first = new Promise<void>((resolve) => (onFirst = resolve));
  const listener = start(['pipe', '--listen', '--server', server, '--login', login], { output: () => onFirst() });
  const sender = start(['pipe', login, '--server', server], { input: zeros });
  await first;
  return { listener, sender };
}

describe('pipe that breaks', () => {
  test('exits with 75 where the peer resets, and says so', async () => {
    const { name, asker, half } = await underWay();
    half.resetAndDestroy();
    expect(await failure(asker)).toEqual({ status: 75, last: `chatosbot: the private connection with ${name} broke` });
  });

  test('exits with 75 where the peer closes it (packet 11) in the middle', async () => {
    const { bob, name, asker, connectId, requester, target } = await underWay();
    bob.close(connectId, requester, target);
    expect(await failure(asker)).toEqual({
      status: 75,
      last: expect.stringContaining(`chatosbot: ${name} closed the private connection before the end of its stream`),
    });
  });

  test('exits with 75 where the peer that it sends to is killed', async () => {
    const { listener, sender } = await endless(at, 'victim');
    listener.kill('SIGKILL');
    expect(await failure(sender)).toEqual({ status: 75, last: expect.stringMatching(/victim broke$/) });
  });

  test('exits with 75 where the server is killed: the sender, and the receiver, who must not take it for the end', async () => {
    const server = await startServer();
    const { sender, listener } = await endless(server.at, 'ear');
    server.command.kill('SIGKILL');
    expect(await failure(sender)).toMatchObject({ status: 75 });
    expect(await failure(listener)).toMatchObject({ status: 75 });
  });

  test('ends on a signal also after its input has ended, and the peer sees a reset', async () => {
    const { asker, half } = await underWay();
    const ended = new Promise((resolve) => half.once('end', resolve));
    asker.stdin.end();
    await ended;
    const lost = new Promise<NodeJS.ErrnoException>((resolve) => half.once('error', resolve));
    asker.kill('SIGINT');
    expect(await failure(asker)).toMatchObject({ status: 130 });
    // A connection whose end was read is not looked at until it is written to.
    const writing = setInterval(() => half.write('into the void'), 10);
    expect((await lost.finally(() => clearInterval(writing))).code).toMatch(/ECONNRESET|EPIPE/);
  });
});

/** Every signal that ends a process by default, that a process can catch, and that Node.js does not ignore. */
const ENDING_SIGNALS = (
  'HUP INT QUIT TRAP ABRT USR2 ALRM TERM STKFLT XCPU VTALRM PROF POLL PWR SYS'
    .split(' ')
    .map((name) => `SIG${name}`) as NodeJS.Signals[]
).filter((signal) => signal in constants.signals);

describe('pipe and signals', () => {
  /** Sends the signal to a process in the middle of its conversation; resolves to what its peer and its parent see. */
  async function endBy(signal: NodeJS.Signals, command: Command, half: Socket) {
    const end = fate(half);
    command.kill(signal);
    const { status } = await failure(command);
    return `${signal}: ${status}, ${await end}`;
  }
  // What both sides do with a signal is the same code: each side gets every other one, and the table of docs/pipes.md has those of a terminal.
  const [some, others] = [0, 1].map((odd) => ENDING_SIGNALS.filter((_, index) => index % 2 === odd)) as [
    NodeJS.Signals[],
    NodeJS.Signals[],
  ];
  const expected = (signal: NodeJS.Signals): string => `${signal}: ${128 + constants.signals[signal]}, reset`;

  test('who asked ends on each with 128 + n, and the peer sees a reset, not an end', async () => {
    const ended = some.map(async (signal) => {
      const { asker, half } = await underWay();
      return endBy(signal, asker, half);
    });
    expect(await Promise.all(ended)).toEqual(some.map(expected));
  });

  test('who listened ends on each with 128 + n, and the peer sees a reset, not an end', async () => {
    const ended = others.map(async (signal) => {
      const login = `ear-${signal}`;
      const listener = start(['pipe', '--listen', '--server', at, '--login', login], { input: 'open' });
      await listener.line(/^waiting/);
      const { half } = await ask(await peer(port, `for-${signal}`), port, login);
      half.write('to you\n');
      await listener.line(/^to you$/, 'stdout');
      return endBy(signal, listener, half);
    });
    expect(await Promise.all(ended)).toEqual(others.map(expected));
  });

  test('goes on after SIGXFSZ, as a limit of the file size is reported where it is reached', async () => {
    const { asker, half } = await underWay();
    asker.kill('SIGXFSZ');
    half.end('the end');
    asker.stdin.end();
    expect(await asker.exit()).toMatchObject({ status: 0 });
  });

  test.each([
    [[], /^sent 6 B, received 6 B, [\d.]+ \S+\/s, /],
    [['-q'], /^sent 6 B, received 6 B, [\d.]+ \S+\/s, /],
    [['--json'], /^\{"type":"progress","sent":6,"received":6\}$/],
  ])('says how far it is on SIGUSR1, with %j too, and opens no debugger', async (flags, line) => {
    const { asker, half } = await underWay(flags);
    asker.kill('SIGUSR1');
    await asker.line(line);
    half.end('the end');
    asker.stdin.end();
    expect(await asker.exit()).toMatchObject({ status: 0, stderr: expect.not.stringContaining('Debugger') });
  });

  test('a receiver whose output is stalled ends on the first signal', async () => {
    const fifo = path.join(LAB, 'stalled');
    execFileSync('mkfifo', [fifo]);
    const output = openSync(fifo, 'r+');
    onTestFinished(() => closeSync(output));
    const bob = await peer(port, 'source');
    const asker = start(['pipe', 'source', '--server', at], { input: 'open', output });
    const { half } = await acceptNext(bob, port);
    const end = fate(half);
    half.write(Buffer.alloc(1024 * 1024));
    // The first byte is there: the FIFO takes 64 KiB, and nobody reads more.
    await new Promise((resolve) => read(output, Buffer.alloc(1), 0, 1, null, resolve));
    asker.kill('SIGINT');
    expect(await asker.exit(5_000)).toMatchObject({ status: 130 });
    expect(await end).toBe('reset');
  });
});

describe('pipe and the end of the server', () => {
  test('finishes what it does while the server lets it', async () => {
    const server = await startServer();
    const listener = start(['pipe', '--listen', '--server', server.at, '--login', 'ear'], { input: 'open' });
    const asker = start(['pipe', 'ear', '--server', server.at], { input: 'open' });
    asker.type('first\n');
    await listener.line(/^first$/, 'stdout');
    server.command.kill('SIGTERM');
    await server.command.line(/^stopping on SIGTERM, waiting/);
    asker.stdin.end('last\n');
    await listener.line(/^last$/, 'stdout');
    listener.stdin.end('and thanks\n');
    expect(await asker.exit()).toMatchObject({ status: 0, stdout: 'and thanks\n' });
    expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'first\nlast\n' });
    expect(await server.command.exit()).toMatchObject({ status: 0 });
  });
});
