import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, createReadStream, ftruncateSync, openSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { readAll } from '../support/rfc-peer.ts';
import { LAB, labFile, shell, start } from './chatosbot.ts';
import { acceptNext, ask, peer } from './peers.ts';
import { startShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

const MIB = 1024 * 1024;
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

function open(file: string, flags: 'r' | 'w' | 'w+'): number {
  const fd = openSync(file, flags);
  onTestFinished(() => closeSync(fd));
  return fd;
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

test('pipe carries 12 MiB both ways at once, byte for byte, and both sides exit with 0', async () => {
  const files = ['left', 'right'].map((name) => labFile(name, randomBytes(12 * MIB)));
  const [left, right] = files.map((file) => ({ input: open(file, 'r'), output: open(`${file}.out`, 'w') }));
  const listener = start(['pipe', '--listen', '--server', at, '--login', 'left'], left);
  const asker = start(['pipe', 'left', '--server', at, '--login', 'right'], right);
  const ends = await Promise.all([listener.exit(60_000), asker.exit(60_000)]);
  expect(ends.map(({ status }) => status)).toEqual([0, 0]);
  expect(await hashOf(`${files[0]}.out`)).toBe(await hashOf(files[1]!));
  expect(await hashOf(`${files[1]}.out`)).toBe(await hashOf(files[0]!));
}, 60_000);

test('pipe stays under 150 MB of memory on either side, however much goes through', async () => {
  const zeros = open(path.join(LAB, 'zeros'), 'w+');
  ftruncateSync(zeros, 128 * MIB);
  let received = 0;
  let onWhole = (): void => undefined;
  const whole = new Promise<void>((resolve) => (onWhole = resolve));
  const output = (chunk: Buffer): void => {
    received += chunk.length;
    if (received === 128 * MIB) onWhole();
  };
  const sink = start(['pipe', '--listen', '--server', at, '--login', 'sink'], { input: 'open', output });
  const source = start(['pipe', 'sink', '--server', at, '--login', 'source'], { input: zeros });
  await whole;
  // Neither ends before the sink's own input has: both can still be measured.
  for (const command of [sink, source]) expect(command.peakMemory()).toBeLessThan(150_000_000);
  sink.stdin.end();
  expect(await Promise.all([sink.exit(), source.exit()])).toMatchObject([{ status: 0 }, { status: 0 }]);
}, 60_000);

test('pipe stays under 150 MB of memory where the peer is slower than its input', async () => {
  const bob = await peer(port, 'slow');
  const zeros = open(path.join(LAB, 'zeros-2'), 'w+');
  ftruncateSync(zeros, 112 * MIB);
  const asker = start(['pipe', 'slow', '--server', at], { input: zeros });
  const { half } = await acceptNext(bob, port);
  let received = 0;
  half.on('data', (chunk: Buffer) => {
    received += chunk.length;
    half.pause();
    setImmediate(() => half.resume());
  });
  await once(half, 'end');
  expect(received).toBe(112 * MIB);
  expect(asker.peakMemory()).toBeLessThan(150_000_000);
  half.end();
  expect(await asker.exit()).toMatchObject({ status: 0 });
}, 60_000);

test('pipe gets the answer of a peer that works on it long after it saw the end of the input', async () => {
  const bob = await peer(port, 'bob');
  const asker = shell(`printf 'b\\na\\n' | chatosbot pipe bob`, { env: { CHATOSBOT_SERVER: at } });
  const { half } = await acceptNext(bob, port);
  const question = await readAll(half);
  await new Promise((resolve) => setTimeout(resolve, 700));
  half.end(question.toString().split('\n').toSorted().join('\n').trimStart());
  expect(await asker.exit()).toMatchObject({ status: 0, stdout: 'a\nb' });
});

test('pipe writes nothing but what the peer sent, every byte as it was', async () => {
  const bob = await peer(port, 'raw');
  const asker = start(['pipe', 'raw', '--server', at], { input: ALL_BYTES });
  const { half } = await acceptNext(bob, port);
  half.end(ALL_BYTES);
  expect(await readAll(half)).toEqual(ALL_BYTES);
  expect(await asker.exit()).toMatchObject({ status: 0 });
  expect(asker.stdout).toEqual(ALL_BYTES);
});

test('pipe passes on each line as it comes, in both directions', async () => {
  const bob = await peer(port, 'talker');
  const asker = start(['pipe', 'talker', '--server', at], { input: 'open' });
  const { half } = await acceptNext(bob, port);
  for (const word of ['one', 'two', 'three']) {
    asker.type(`${word}?\n`);
    const [said] = (await new Promise((resolve) => half.once('data', (data) => resolve([data])))) as [Buffer];
    expect(String(said)).toBe(`${word}?\n`);
    half.write(`${word}!\n`);
    await asker.line(new RegExp(`^${word}!$`), 'stdout');
  }
});

test('pipe goes on sending after the peer has ended its side, until its input ends', async () => {
  const bob = await peer(port, 'done-early');
  const asker = start(['pipe', 'done-early', '--server', at], { input: 'open' });
  const { half } = await acceptNext(bob, port);
  half.end('that is all\n');
  await asker.line(/that is all/, 'stdout');
  const all = readAll(half);
  asker.type('but I ');
  asker.stdin.end('have more');
  expect(String(await all)).toBe('but I have more');
  expect(await asker.exit()).toMatchObject({ status: 0, stdout: 'that is all\n' });
});

test('pipe with no input and no answer is done with 0', async () => {
  const bob = await peer(port, 'silent');
  const asker = startShared(['pipe', 'silent', '--server', at], { input: '' });
  const { half } = await acceptNext(bob, port);
  half.end();
  expect(await readAll(half)).toEqual(Buffer.alloc(0));
  expect(await asker.exit()).toMatchObject({ status: 0, stdout: '' });
});

test('pipe joins a peer that writes 8 bytes with one that writes 4', async () => {
  const both = start(['serve', '--listen', '127.0.0.1:0', '--listen', '127.0.0.1:0?longBytes=8']);
  const [, four] = await both.line(/listening on (\S+)$/);
  const [, eight] = await both.line(/listening on (\S+longBytes=8)$/);
  const wide = startShared(['pipe', '--listen', '--login', 'wide', '--server', eight!], { input: 'from wide' });
  const narrow = startShared(['pipe', 'wide', '--login', 'narrow', '--server', four!], { input: 'from narrow' });
  expect(await wide.exit()).toMatchObject({ status: 0, stdout: 'from narrow' });
  expect(await narrow.exit()).toMatchObject({ status: 0, stdout: 'from wide' });
});

test('pipe --listen answers a peer that knows only the RFC', async () => {
  const listener = startShared(['pipe', '--listen', '--login', 'ear', '--server', at], { input: 'heard you' });
  await listener.line(/^waiting for a private connection$/);
  const { half } = await ask(await peer(port, 'mouth'), port, 'ear');
  half.end('hear me');
  expect(String(await readAll(half))).toBe('heard you');
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'hear me' });
});
