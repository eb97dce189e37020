import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { failure, LAB, labFile, start, startProgram, WORK } from './chatosbot.ts';
import { ownServer } from './own-server.ts';
import { acceptNext, peer } from './peers.ts';
import { runShared, startShared, type SharedCommand } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

const BYTES = randomBytes(3_000_000);
let at: string;
let port: number;
let count = 0;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

type Options = NonNullable<Parameters<typeof start>[1]>;

/** A listener and who asks it, with flags and ends of their own. */
function both(
  flags: { readonly listener: readonly string[]; readonly sender: readonly string[] },
  ends: { readonly listener?: Options; readonly sender?: Options } = {},
  server = at,
) {
  const login = `ear-${++count}`;
  const common = ['--server', server];
  const listener = start(['pipe', '--listen', '--login', login, ...flags.listener, ...common], ends.listener);
  const sender = start(['pipe', login, '--login', `mouth-${count}`, ...flags.sender, ...common], ends.sender);
  return { listener, sender, login, asker: `mouth-${count}` };
}

const VERIFY = { listener: ['--verify'], sender: ['--verify'] };
const RECONNECT = { listener: ['--reconnect'], sender: ['--reconnect'] };

/** Sends without end, to a listener that has got some of it. */
async function endless(flags: typeof VERIFY, server = at) {
  const zeros = openSync('/dev/zero', 'r');
  onTestFinished(() => closeSync(zeros));
  let onFirst = (): void => undefined;
  const first = new Promise<void>((resolve) => (onFirst = resolve));
  const pair = both(flags, { listener: { output: () => onFirst() }, sender: { input: zeros } }, server);
  await first;
  return pair;
}

async function endings({ listener, sender }: { listener: SharedCommand; sender: SharedCommand }) {
  const [listened, sent] = await Promise.all([failure(listener.exit()), failure(sender.exit())]);
  return { listened, sent };
}

/** Both sides, in processes that have run others; the one sends all bytes, and the other reads no input. */
function sharedPair(flags: { readonly listener: readonly string[]; readonly sender: readonly string[] }, server = at) {
  const [login, asker] = [`ear-${++count}`, `mouth-${count}`];
  const listener = startShared(['pipe', '--listen', '--login', login, ...flags.listener, '--server', server]);
  const sending = ['pipe', login, '--login', asker, ...flags.sender, '--server', server];
  return { listener, sender: startShared(sending, { input: BYTES }), login, asker };
}

/** The same, at a rate that takes them half a minute; some of it has arrived. */
async function midway(flags: readonly string[], server: string) {
  const pair = sharedPair({ listener: flags, sender: [...flags, '--limit-rate', '100k'] }, server);
  await pair.listener.line(/^private connection with/);
  const received = async (): Promise<string> => {
    pair.listener.kill('SIGUSR1');
    return (await pair.listener.line(/received (\S+ \S+),/))[1]!;
  };
  await expect.poll(received).not.toBe('0 B');
  return pair;
}

describe('pipe --verify', () => {
  test('carries both streams, and exits with 0 on both sides', async () => {
    const file = labFile('sent.bin', BYTES);
    const input = openSync(file, 'r');
    onTestFinished(() => closeSync(input));
    const got = path.join(WORK, 'got.bin');
    const output = openSync(got, 'w');
    onTestFinished(() => closeSync(output));
    const { listener, sender } = both(VERIFY, { listener: { input: 'thanks', output }, sender: { input } });
    expect(await sender.exit()).toMatchObject({ status: 0, stdout: 'thanks' });
    expect(await listener.exit()).toMatchObject({ status: 0 });
    expect(readFileSync(got).equals(BYTES)).toBe(true);
  });

  test('lets one output stall, and the other one get everything meanwhile', async () => {
    const fifo = path.join(LAB, 'stalled');
    execFileSync('mkfifo', [fifo]);
    const stalled = openSync(fifo, 'r+');
    const { listener, sender } = both(VERIFY, {
      listener: { input: BYTES, output: stalled },
      sender: { input: BYTES },
    });
    // Its own output is not stalled, and gets everything, although the other one takes no more than a FIFO holds.
    await expect.poll(() => sender.stdout.length).toBe(BYTES.length);
    const reader = startProgram('cat', [fifo]);
    closeSync(stalled);
    expect(await sender.exit()).toMatchObject({ status: 0 });
    expect(await listener.exit()).toMatchObject({ status: 0 });
    await reader.exit();
    expect(reader.stdout.equals(BYTES)).toBe(true);
  });

  test('exits with 65 where the receiver is killed, and says how far it came', async () => {
    const { listener, sender } = await endless(VERIFY);
    listener.kill('SIGKILL');
    const last = new RegExp(
      `the end was not confirmed: .*private connection.*; \\d+ bytes are known to be written there, 0 bytes were written here$`,
    );
    expect(await failure(sender)).toEqual({ status: 65, last: expect.stringMatching(last) });
  });

  test('exits with 65 where the sender is killed', async () => {
    const { listener, sender, asker } = await endless(VERIFY);
    sender.kill('SIGKILL');
    expect(await failure(listener)).toEqual({ status: 65, last: expect.stringContaining(asker) });
  });

  test('ends on a signal with 128 + n, and the other side with 65', async () => {
    const { listener, sender, asker } = await endless(RECONNECT);
    sender.kill('SIGINT');
    expect(await sender.exit()).toMatchObject({ status: 130 });
    expect(await failure(listener)).toEqual({ status: 65, last: `chatosbot: ${asker} gave up: it was interrupted` });
  });

  test('ends both sides where the server is killed', async () => {
    const server = await ownServer();
    const pair = await midway(['--verify'], server.at);
    await server.kill();
    expect(await endings(pair)).toMatchObject({ listened: { status: 65 }, sent: { status: 65 } });
  });
});

describe('pipe --verify and a peer without it', () => {
  test('a plain listener writes nothing, and both say what to do', async () => {
    const { listener, sender, asker } = sharedPair({ listener: [], sender: ['--verify'] });
    const { status, stdout, stderr } = await listener.exit();
    expect({ status, stdout }).toEqual({ status: 65, stdout: '' });
    expect(stderr).toMatch(`chatosbot: ${asker} uses --verify: use it here too`);
    expect(await failure(sender.exit())).toEqual({ status: 65, last: expect.stringContaining('need --verify') });
  });

  test('a plain sender is refused, and nothing is written', async () => {
    const { listener, sender } = sharedPair({ listener: ['--verify'], sender: [] });
    const { status, stdout, stderr } = await listener.exit();
    expect({ status, stdout }).toEqual({ status: 65, stdout: '' });
    // Each may break it first: by what it gets, or because the other one has.
    expect(stderr).toMatch(/^chatosbot: mouth-\d+ .*--verify/m);
    expect((await sender.exit()).status).toSatisfy((code) => code === 65 || code === 75);
  });

  test('a peer that sends back what it gets is told apart', async () => {
    const echo = await peer(port, 'parrot');
    const sender = runShared(['pipe', 'parrot', '--verify', '--server', at], { input: BYTES });
    const { half } = await acceptNext(echo, port);
    half.on('error', () => undefined).pipe(half);
    const last = 'chatosbot: parrot sends back what it gets, and does not use --verify';
    expect(await failure(sender)).toEqual({ status: 65, last });
  });

  test('a peer that says nothing is given up', async () => {
    const mute = await peer(port, 'mute');
    const sender = runShared(['pipe', 'mute', '--verify', '--server', at], { input: BYTES });
    await acceptNext(mute, port);
    const last = 'chatosbot: mute said nothing within 5 s: both sides need --verify';
    expect(await failure(sender)).toEqual({ status: 65, last });
  });
});

describe('pipe --reconnect', () => {
  test('goes on when the server is killed and started again, with a live input', async () => {
    const server = await ownServer();
    const { listener, sender } = both(RECONNECT, { listener: { input: 'open' }, sender: { input: 'open' } }, server.at);
    sender.type('one\n');
    await listener.line(/^one$/, 'stdout');
    await server.kill();
    await sender.line(/is lost; waiting for another one$/);
    sender.type('two\n');
    listener.type('back\n');
    await server.startAgain();
    await listener.line(/^two$/, 'stdout');
    await sender.line(/^back$/, 'stdout');
    sender.stdin.end('three\n');
    listener.stdin.end();
    expect(await sender.exit()).toMatchObject({ status: 0, stdout: 'back\n' });
    expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'one\ntwo\nthree\n' });
  });

  test('loses and doubles no byte where the server is killed in the middle of a transfer', async () => {
    const server = await ownServer();
    const got: Buffer[] = [];
    let size = 0;
    let onHalf = (): void => undefined;
    const half = new Promise<void>((resolve) => (onHalf = resolve));
    const output = (chunk: Buffer): void => {
      got.push(chunk);
      size += chunk.length;
      if (size > BYTES.length / 4) onHalf();
    };
    const slow = ['--limit-rate', '1M'];
    const flags = { listener: ['--reconnect'], sender: ['--reconnect', ...slow] };
    const { listener, sender } = both(flags, { listener: { output }, sender: { input: BYTES } }, server.at);
    await half;
    await server.kill();
    await listener.line(/is lost; waiting for another one$/);
    await server.startAgain();
    expect(await sender.exit()).toMatchObject({ status: 0 });
    expect(await listener.exit()).toMatchObject({ status: 0 });
    expect(Buffer.concat(got).equals(BYTES)).toBe(true);
  });

  test('waits for another connection for longer than --idle-timeout, which is for those that there are', async () => {
    const server = await ownServer();
    const sending = ['--reconnect', '--idle-timeout', '2', '--json'];
    const ends = { listener: { input: 'open' }, sender: { input: 'open' } } as const;
    const { listener, sender } = both({ listener: ['--reconnect'], sender: sending }, ends, server.at);
    sender.type('one\n');
    await listener.line(/^one$/, 'stdout');
    await server.kill();
    await sender.line(/"lost"/);
    for (let waitedMs = 0; waitedMs < 3_000;) {
      const [, delayMs] = await sender.line(/"retrying".*"delayMs":(\d+)/);
      waitedMs += Number(delayMs);
    }
    await server.startAgain();
    sender.stdin.end('two\n');
    listener.stdin.end();
    expect(await sender.exit()).toMatchObject({ status: 0 });
    expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'one\ntwo\n' });
  });

  test('gives up with 65 when there is no other connection in time', async () => {
    const server = await ownServer();
    const patience = ['--reconnect', '--reconnect-timeout', '1'];
    const pair = await midway(patience, server.at);
    await server.kill();
    const { listened, sent } = await endings(pair);
    const why =
      /^chatosbot: the end was not confirmed: there was no other private connection with \S+ within 1 s; (?:all|\d+) bytes/;
    for (const ended of [listened, sent]) expect(ended).toEqual({ status: 65, last: expect.stringMatching(why) });
  });

  test('works as --verify with a peer that only has that, and says so', async () => {
    const { listener, sender, login } = sharedPair({ listener: ['--verify'], sender: ['--reconnect'] });
    await sender.line(new RegExp(`^${login} does not use --reconnect: the end of this private connection is final$`));
    expect(await sender.exit()).toMatchObject({ status: 0 });
    expect(await listener.exit()).toMatchObject({ status: 0 });
  });
});
