import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { expect, onTestFinished, test } from 'vitest';
import { descriptorSource } from '../../src/transfer/descriptor-source.ts';
import { isListening } from '../../src/transfer/listening-socket.ts';
import { tempDirectory } from '../support/bot-files.ts';

function descriptorOf(socket: net.Server | net.Socket): number {
  return (socket as object as { readonly _handle: { readonly fd: number } })._handle.fd;
}

/** A server, and a connection to it. */
async function listening(where: net.ListenOptions) {
  const server = net.createServer().listen(where);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const at = server.address();
  const socket = net.connect(typeof at === 'string' ? { path: at } : { port: at!.port, host: where.host });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return { server: descriptorOf(server), socket: descriptorOf(socket) };
}

test.skipIf(process.platform !== 'linux')('a socket that listens is told from a connection', async () => {
  const file = path.join(await tempDirectory(), 'socket');
  for (const where of [{ host: '127.0.0.1', port: 0 }, { host: '::1', port: 0 }, { path: file }]) {
    const { server, socket } = await listening(where);
    expect([isListening(server), isListening(socket)]).toEqual([true, false]);
    expect(() => descriptorSource(server)).toThrow(expect.objectContaining({ code: 'ELISTENS', syscall: 'read' }));
  }
});
