/** The side of `forward` that asks, against one that listens and does as it likes. */
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { AskingTunnel } from '../../../src/transfer/forward/asking-tunnel.ts';
import { makeSecureHello } from '../../../src/transfer/secure/hello.ts';
import { memoryPair, type MemoryChannel } from '../verified/memory-channels.ts';
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  flood,
  frame,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  times,
} from './raw-http2.ts';

const OK = frame(HEADERS, END_HEADERS, 1, Buffer.from([0x88]));
const never = new AbortController().signal;
const limits = { timeoutMs: 5_000, signal: never };

/** The listener's end, once it has read the first request. */
async function asked(): Promise<{ peer: MemoryChannel; opening: Promise<AskingTunnel> }> {
  const { requester, target } = memoryPair();
  const opening = AskingTunnel.open(requester, { maxConnections: 4, signal: never });
  opening.catch(() => undefined);
  let seen = Buffer.alloc(0);
  // A frame of HEADERS, of stream 1.
  const isAsked = (): boolean => seen.includes(Buffer.from([HEADERS, END_HEADERS, 0, 0, 0, 1]));
  while (!isAsked()) {
    const [chunk] = (await once(target, 'data')) as [Buffer];
    seen = Buffer.concat([seen, chunk]);
  }
  target.write(frame(SETTINGS, 0, 0));
  return { peer: target, opening };
}

async function opened(): Promise<{ peer: MemoryChannel; tunnel: AskingTunnel }> {
  const { peer, opening } = await asked();
  peer.write(OK);
  const tunnel = await opening;
  onTestFinished(() => tunnel.destroy());
  return { peer, tunnel };
}

test('a listener that encrypts is told from one that is none', async () => {
  const { requester, target } = memoryPair();
  target.resume().write(makeSecureHello('target', 'key'));
  await expect(AskingTunnel.open(requester, { maxConnections: 4, signal: never })).rejects.toMatchObject({
    code: 'WRONG_SECRET',
    message: expect.stringContaining('bob encrypts'),
  });
});

test.each([
  ['a refusal', frame(HEADERS, END_HEADERS, 1, Buffer.from([0x8d]))],
  ['a reset', frame(RST_STREAM, 0, 1, Buffer.alloc(4))],
])('%s in place of an answer is no tunnel', async (_what, bytes) => {
  const { peer, opening } = await asked();
  peer.write(bytes);
  await expect(opening).rejects.toMatchObject({
    code: 'REQUEST_REFUSED',
    message: "bob does not answer as 'forward --listen' does",
  });
});

test.each([
  ['a farewell', () => frame(GOAWAY, 0, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]))],
  ['a reset of the control stream', () => frame(RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 8]))],
  ['a line that is none', () => frame(DATA, 0, 1, Buffer.from('hello\n'))],
  ['a line of our own', () => frame(DATA, 0, 1, Buffer.from('{"type":"drop","connection":1}\n'))],
  ['a line that is too long', () => frame(DATA, 0, 1, Buffer.from(`${' '.repeat(10_000)}\n`))],
])('%s ends the tunnel, and no more', async (_what, make) => {
  const { peer, tunnel } = await opened();
  peer.write(make());
  expect((await tunnel.closed).code).toBe('CHANNEL_ABORTED');
  await expect(tunnel.connect({ host: 'a', port: 1 }, limits)).rejects.toMatchObject({ code: 'CHANNEL_ABORTED' });
});

test('an endpoint that is none, as the one that is listened on, is an error', async () => {
  const { peer, tunnel } = await opened();
  const listening = tunnel.listen({ host: '127.0.0.1', port: 0 }, () => undefined, limits);
  peer.write(frame(DATA, 0, 1, Buffer.from('{"type":"listening","listener":1,"at":"127.1:1"}\n')));
  await expect(listening).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('headers without end end the tunnel', async () => {
  const { peer, tunnel } = await opened();
  peer.resume();
  peer.write(frame(HEADERS, 0, 1, Buffer.from([0x88])));
  await flood(
    tunnel,
    peer,
    times(5_000, () =>
      frame(CONTINUATION, 0, 1, Buffer.concat([Buffer.from([0, 1, 0x78, 100]), Buffer.alloc(100, 0x79)])),
    ),
  );
  expect((await tunnel.closed).code).toBe('CHANNEL_ABORTED');
});

test.each([
  ['settings', () => frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0]))],
  ['pings', () => frame(PING, 0, 0, Buffer.alloc(8))],
])('of a flood of %s from a listener that reads no answers, little is read', async (_what, make) => {
  const { peer, tunnel } = await opened();
  peer.pause();
  const before = peer.bytesSent;
  await flood(
    tunnel,
    peer,
    times(400, () => Buffer.concat(Array.from({ length: 100 }, make))),
  );
  expect(peer.bytesSent - before).toBeLessThan(200_000);
});

test('more than its window resets a stream that nobody reads, and little of it is kept', async () => {
  const { peer, tunnel } = await opened();
  peer.resume();
  const connecting = tunnel.connect({ host: 'a', port: 1 }, limits);
  await new Promise((resolve) => setImmediate(resolve));
  peer.write(frame(HEADERS, END_HEADERS, 3, Buffer.from([0x88])));
  const { stream } = await connecting;
  const closed = new Promise((resolve) => stream.once('close', resolve));
  await flood(
    tunnel,
    peer,
    times(100, () => frame(DATA, 0, 3, Buffer.alloc(16_000))),
  );
  await closed;
  expect(stream.readableLength).toBeLessThan(600_000);
});

test('connections to ports that were never asked for are turned away', async () => {
  const { peer, tunnel } = await opened();
  const answers: Buffer[] = [];
  peer.on('data', (chunk: Buffer) => answers.push(chunk));
  peer.write(frame(DATA, 0, 1, Buffer.from('{"type":"incoming","listener":9,"connection":7,"from":"x"}\n')));
  await expect.poll(() => String(Buffer.concat(answers))).toContain('{"type":"drop","connection":7}');
  expect(tunnel.isOpen).toBe(true);
});

test('a port that was refused is none that was asked for', async () => {
  const { peer, tunnel } = await opened();
  const answers: Buffer[] = [];
  peer.on('data', (chunk: Buffer) => answers.push(chunk));
  const listening = tunnel.listen({ host: '127.0.0.1', port: 1 }, () => expect.unreachable(), limits);
  peer.write(frame(DATA, 0, 1, Buffer.from('{"type":"not-listening","listener":1,"cause":"in-use"}\n')));
  await expect(listening).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
  peer.write(frame(DATA, 0, 1, Buffer.from('{"type":"incoming","listener":1,"connection":7,"from":"x"}\n')));
  await expect.poll(() => String(Buffer.concat(answers))).toContain('{"type":"drop","connection":7}');
});
