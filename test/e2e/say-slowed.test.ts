import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Command } from '../support/command.ts';
import { packet, read } from '../support/rfc-peer.ts';
import { shell } from './chatosbot.ts';
import { serverHere } from './server-here.ts';

const LINES = 4_000;
/** Longer than `say` waits for a server that has never answered. */
const STOPPED_MS = 12_000;
const SLOWED = /^the server slows this client[^\n]*\n?$/;
const TEXT = 'hello '.repeat(40).trim();

/** A server that does not read until it may, after so many messages; counts them. */
async function slowServer(after: number, mayRead: () => Promise<unknown>) {
  const heard = { messages: 0, resumed: false };
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    let bytes: Buffer = Buffer.alloc(0);
    socket.on('error', () => undefined).on('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let found = read(bytes, 4); found; found = read(bytes, 4)) {
        const raw = bytes.subarray(0, found.size);
        bytes = bytes.subarray(found.size);
        const { got } = found;
        if (got.op === 0) socket.write(packet(1));
        const isQuestion = got.op === 4 && got.target === 'sayer';
        if (got.op === 3 || isQuestion) socket.write(raw);
        if (got.op === 3 || (got.op === 4 && !isQuestion)) heard.messages += 1;
      }
      if (heard.messages < after || heard.resumed) return;
      socket.pause();
      heard.resumed = true;
      const goOn = (): void => void socket.resume();
      Promise.all([mayRead(), pause(STOPPED_MS)]).then(goOn, goOn);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { heard, port: (server.address() as net.AddressInfo).port };
}

test.each([
  ['everyone', ''],
  ['one login', '--to bob'],
])('say - to %s waits for a server that stops reading, says so once, and loses nothing', async (_, to) => {
  const { heard, port } = await slowServer(2_000, () => say.line(SLOWED));
  const say: Command = shell(
    `yes '${TEXT}' | head -n ${LINES} | chatosbot say - ${to} --login sayer --server 127.0.0.1:${port}`,
  );
  const { status, stderr } = await say.exit(60_000);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(SLOWED) });
  expect(heard.messages).toBe(LINES);
});

/** A way to a server that takes so many milliseconds, there and back. */
async function far(port: number, roundTripMs: number): Promise<number> {
  const carry = (from: net.Socket, to: net.Socket): void => {
    const later = (what: () => void): void => void setTimeout(what, roundTripMs / 2);
    from.on('data', (chunk: Buffer) => later(() => to.write(chunk))).on('end', () => later(() => to.end()));
    from.on('error', () => to.destroy());
  };
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    const there = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    carry(near, there);
    carry(there, near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as net.AddressInfo).port;
}

const lines = (count: number): string => `seq -f '%0200g' ${count}`;

test('say - says once that a server slows it which keeps it to its rates', async () => {
  const server = await serverHere({});
  const say = shell(`${lines(3_000)} | chatosbot say - --login sayer --server ${server.at}`);
  const { status, stderr } = await say.exit(60_000);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(SLOWED) });
});

test.each([
  ['is far away', 200],
  ['is here', 0],
])('say - says nothing of a server that %s and has no rates for it', async (_, roundTripMs) => {
  const server = await serverHere();
  const port = roundTripMs > 0 ? await far(server.port, roundTripMs) : server.port;
  const say = shell(`${lines(3_000)} | chatosbot say - --login sayer --server 127.0.0.1:${port}`);
  const { status, stderr } = await say.exit(60_000);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
