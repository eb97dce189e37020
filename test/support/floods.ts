/** Clients that send as much as the server takes, and clients that read slowly; for the tests of limits. */
import type { Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { packet, str } from './rfc-peer.ts';
import type { Rig } from './server-rig.ts';
import { openSocket, readExactly } from './server-sockets.ts';

/** Nobody is slowed, and no sender waits for readers, as nobody is exempt. */
export const NO_RATES = {
  exempt: [],
  messagesPerSecond: Infinity,
  bytesPerSecond: Infinity,
  messagesPerSecondPerAddress: Infinity,
  bytesPerSecondPerAddress: Infinity,
};

/** Somebody from another address of this machine, as a bare socket. */
export async function joinFrom(localAddress: string, rig: Rig, name: string): Promise<Socket> {
  const socket = await openSocket(rig.port[4], { localAddress });
  socket.write(packet(0, str(name)));
  expect(await readExactly(socket, 1)).toEqual(Buffer.of(1));
  return socket;
}

/** Says as much to everyone as the server takes, until the test ends, and reads what comes; or sends another packet. */
export function flood(socket: Socket, name: string, frame = packet(3, str(name), str('x'.repeat(1000)))): void {
  const block = Buffer.concat(Array<Buffer>(64).fill(frame));
  const say = (): void => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on('drain', say).resume();
  say();
}

/** Reads so many bytes a second, and no more. */
export function readSlowly(socket: Socket, bytesPerSecond: number, onChunk?: (chunk: Buffer) => void) {
  const read = { bytes: 0, ended: false };
  socket.pause().on('close', () => (read.ended = true));
  socket.on('end', () => (read.ended = true)).on('readable', () => undefined);
  const begin = performance.now();
  const timer = setInterval(() => {
    let due = Math.floor(((performance.now() - begin) / 1000) * bytesPerSecond) - read.bytes;
    while (due > 0) {
      const chunk = socket.read(Math.min(due, socket.readableLength || 1)) as Buffer | null;
      if (!chunk) return;
      read.bytes += chunk.length;
      onChunk?.(chunk);
      due -= chunk.length;
    }
  }, 10);
  onTestFinished(() => clearInterval(timer));
  return read;
}
