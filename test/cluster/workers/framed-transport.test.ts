import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PeerMessages } from '../../../src/cluster/nodes/peer-messages.ts';
import { secureAnswerer, secureCaller } from '../../../src/cluster/nodes/peer-tls.ts';
import { FramedTransport } from '../../../src/cluster/workers/framed-transport.ts';
import { TcpTransport } from '../../../src/net/tcp-transport.ts';
import type { OnChunk, Transport } from '../../../src/net/transport.ts';
import { Receivers } from '../../../src/net/receivers.ts';
import { takeUnread } from '../../../src/net/unread.ts';
import { Relay, type RelayEnd } from '../../../src/server/channels/relay.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { pattern } from '../../support/server-sockets.ts';

const KEY = Buffer.alloc(32, 7);
const FROM = { remoteAddress: undefined, encrypted: true, certificate: undefined };

const FRAME_BYTES = 2_000;

type Kind = 'TLS' | 'TCP' | 'a Unix socket';

async function sockets(kind: Kind): Promise<readonly [Socket, Socket]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-framed-'));
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(kind === 'a Unix socket' ? { path: path.join(folder, 'half') } : { host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const address = server.address() as net.AddressInfo | string;
  const where = typeof address === 'string' ? { path: address } : { host: '127.0.0.1', port: address.port };
  const one = net.connect({ ...where, allowHalfOpen: true });
  const [other] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    for (const each of [one, other]) each.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return kind === 'TLS' ? Promise.all([secureCaller(one, KEY), secureAnswerer(other, KEY)]) : [one, other];
}

/** A sender, and a receiver that reads by `onChunk` as a relay does. */
async function pair(kind: Kind, onChunk: OnChunk): Promise<{ sender: FramedTransport; receiver: Transport }> {
  const [one, other] = (await sockets(kind)).map((socket) => new FramedTransport(socket, FROM)) as [
    FramedTransport,
    FramedTransport,
  ];
  const receiver = other.readIntoReusedBuffer(onChunk, { sizes: [64 * 1024] });
  expect(receiver).toBeDefined();
  return { sender: one, receiver: receiver! };
}

/** Sends all of it in many frames, and an end. */
async function sendInFrames(sender: Transport, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) await written(sender, bytes.subarray(at, at + FRAME_BYTES));
  sender.stream.end();
}

/** All that still comes, read by one who is slow: more may come while each piece is taken. */
function readSlowly(transport: FramedTransport): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const receiver = transport.readIntoReusedBuffer(
    (piece) => {
      pieces.push(Buffer.from(piece));
      setImmediate(() => setImmediate(() => setImmediate(() => receiver.stream.resume())));
      return false;
    },
    { sizes: [64 * 1024] },
  )!;
  receiver.stream.resume();
  return new Promise((resolve) => {
    const onOver = (): void => resolve(Buffer.concat(pieces));
    receiver.onEnd(onOver);
    receiver.stream.once('close', onOver);
  });
}

/** Resolves when the system has taken it. */
function written({ stream }: Transport, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Relays between two connections. Resolves to how that has ended. */
function outcomeOf(one: Transport, other: Transport, act: (relay: Relay) => void = () => undefined): Promise<string> {
  const none = Buffer.alloc(0);
  const limits = { maxQueuedBytes: 1e6, maxTotalQueuedBytes: 1e6, writeTimeoutMs: 30_000 };
  const rest = { mode: 'auto', greeting: none, channelIdleMs: Infinity, closeGraceMs: 1_000 } as const;
  return new Promise((onDone) => {
    const ends = [one, other].map((transport) => ({ transport, early: none })) as [RelayEnd, RelayEnd];
    act(new Relay(...ends, { ...rest, receivers: new Receivers(limits), onDone }));
  });
}

/** The error of a connection that breaks. */
function broken(socket: Socket): Promise<NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    socket.once('error', resolve);
  });
}

/** Whatever has broken it. */
function closed({ stream }: Transport): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', resolve);
  });
}

it('hands on together what TLS deciphers in pieces of 16 KiB', async () => {
  const sent = pattern(1024 * 1024, 1);
  const chunks: Buffer[] = [];
  let onAll = (): void => undefined;
  const all = new Promise<void>((resolve) => (onAll = resolve));
  const { sender, receiver } = await pair('TLS', (chunk) => {
    chunks.push(Buffer.from(chunk));
    if (chunks.reduce((sum, { length }) => sum + length, 0) === sent.length) onAll();
    return true;
  });
  await written(sender, sent);
  receiver.stream.resume();
  await all;
  expect(Buffer.concat(chunks).equals(sent)).toBe(true);
  expect(chunks.length).toBeLessThan(32);
});

describe.each<Kind>(['TLS', 'TCP', 'a Unix socket'])('over %s,', (kind) => {
  it('nothing written is no end', async () => {
    const came = withResolvers<string>();
    const { sender, receiver } = await pair(kind, (chunk) => {
      came.resolve(chunk.toString());
      return true;
    });
    await written(sender, Buffer.alloc(0));
    await written(sender, Buffer.from('x'));
    receiver.stream.resume();
    expect(await came.promise).toBe('x');
  });

  it('[P14] an end comes behind all that was sent, though each chunk is waited for', async () => {
    const sent = pattern(3 * 1024 * 1024, 2);
    const chunks: Buffer[] = [];
    const { sender, receiver } = await pair(kind, (chunk) => {
      chunks.push(Buffer.from(chunk));
      setImmediate(() => setImmediate(() => receiver.stream.resume()));
      return false;
    });
    const end = new Promise<void>((resolve) => {
      receiver.onEnd(resolve);
    });
    sender.onEnd(() => undefined);
    sender.stream.resume();
    receiver.stream.end();
    const over = Promise.all([sender, receiver].map(closed));
    sender.stream.end(sent);
    receiver.stream.resume();
    await end;
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    await over;
    expect([sender.ending, receiver.ending]).toEqual(['in order', 'in order']);
  });

  it('[P14] a connection that ends without an end in it is an abort', async () => {
    const sent = pattern(128 * 1024, 3);
    let ends = 0;
    const { sender, receiver } = await pair(kind, () => {
      setImmediate(() => receiver.stream.resume());
      return false;
    });
    receiver.onEnd(() => (ends += 1));
    const over = closed(receiver);
    await written(sender, sent);
    sender.stream.destroy();
    receiver.stream.resume();
    await over;
    expect([ends, receiver.ending]).toEqual([0, 'aborted']);
  });

  it('what was read while it waited for the other half comes first, and in order', async () => {
    const [there, here] = await sockets(kind);
    const [sender, receiver] = [new FramedTransport(there, FROM), new FramedTransport(here, FROM)];
    const sent = pattern(400_000, 4);
    const early: Buffer[] = [];
    const keep = (chunk: Buffer): void => {
      early.push(chunk);
      receiver.stream.pause();
    };
    receiver.stream.on('data', keep).resume();
    const sending = sendInFrames(sender, sent);
    await expect.poll(() => here.readableLength).toBeGreaterThan(2 * FRAME_BYTES);
    receiver.stream.off('data', keep);
    early.push(takeUnread(receiver.stream));
    const rest = await readSlowly(receiver);
    expect(Buffer.concat([...early, rest]).equals(sent)).toBe(true);
    await sending;
  });

  it('what came in its handshake comes first, and in order', async () => {
    const [there, here] = await sockets(kind);
    const sent = pattern(400_000, 5);
    new PeerMessages(there, 1_000).send(Buffer.from('hello'));
    const sending = sendInFrames(new FramedTransport(there, FROM), sent);
    here.read(0);
    await expect.poll(() => here.readableLength).toBeGreaterThan(2 * FRAME_BYTES);
    await new PeerMessages(here, 1_000).next();
    expect((await readSlowly(new FramedTransport(here, FROM))).equals(sent)).toBe(true);
    await sending;
  });

  it('one that is broken as too much waits at its process ends so at the other one, and is a reset for both clients', async () => {
    const [there, here] = await sockets(kind);
    const [slow, far] = [new FramedTransport(there, FROM), new FramedTransport(here, FROM)];
    const [[reader, itsEnd], [writer, otherEnd]] = [await sockets('TCP'), await sockets('TCP')];
    const outcomes = await Promise.all([
      outcomeOf(new TcpTransport(itsEnd), slow, (relay) => setImmediate(() => relay.abort('shed'))),
      outcomeOf(far, new TcpTransport(otherEnd)),
      ...[reader, writer].map(async (client) => expect((await broken(client.resume())).code).toBe('ECONNRESET')),
    ]);
    expect(outcomes.slice(0, 2)).toEqual(['shed', 'shed']);
  });
});
