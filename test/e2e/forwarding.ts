/** Both sides of `forward`, and what is forwarded: servers of Node's own. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { ownPort } from '../support/own-port.ts';
import { start } from './chatosbot.ts';
import { startShared, type SharedCommand } from './shared-process.ts';

let pairs = 0;

/** What runs a side: a process of its own, or one that has run others. */
type Begin<C extends SharedCommand> = (args: readonly string[]) => C;

function sidesBy<C extends SharedCommand>(begin: Begin<C>) {
  /** A `forward --listen` that is ready. */
  async function startListening(at: string, args: readonly string[], login = `vault-${++pairs}`) {
    const command = begin(['forward', '--listen', '--server', at, '--login', login, ...args]);
    await command.line(/^waiting for private connections/);
    return { command, login };
  }

  /** A `forward` that is ready, and the ports that it listens on. */
  async function startForwarding(at: string, peer: string, args: readonly string[]) {
    const command = begin(['forward', '--server', at, '--login', `asker-${++pairs}`, ...args, peer]);
    return { command, ports: await listeningPorts(command, args) };
  }

  /** Both sides, with the targets permitted. */
  async function startPair(at: string, targets: readonly (number | string)[]) {
    const named = targets.map((target) => (typeof target === 'number' ? `127.0.0.1:${target}` : target));
    const listening = await startListening(at, ['--permit', ...named]);
    const forwards = named.flatMap((name) => ['-L', `0:${name}`]);
    const asking = await startForwarding(at, listening.login, forwards);
    return { vault: listening.command, login: listening.login, asker: asking.command, ports: asking.ports };
  }

  return { startListening, startForwarding, startPair };
}

/** Sides that end as commands do, with the test at the latest. */
export const { startListening, startForwarding, startPair } = sidesBy(startShared);
/** Sides that a test kills, or that outlive it. */
export const asProcesses = sidesBy((args) => start(args));

/** Waits for the readiness lines of so many flags. */
async function listeningPorts(command: SharedCommand, args: readonly string[]): Promise<number[]> {
  const ports: number[] = [];
  for (const arg of args) {
    if (!/^-[LRD]$/.test(arg)) continue;
    const [, port] = await command.line(/^listening on \S*?(?::(\d+))?(?:,| at) /);
    ports.push(Number(port));
  }
  return ports;
}

/** A server of this test, which gives up its connections with it. */
export async function startTarget(
  serve: (socket: Socket) => void,
  path?: string,
): Promise<{ port: number; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    serve(socket);
  });
  server.listen(path === undefined ? { port: await ownPort(), host: '127.0.0.1' } : { path });
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: path === undefined ? (server.address() as AddressInfo).port : 0, server };
}

/** Sends back what it gets, and ends when the other side has. */
export const echo = (socket: Socket): void => void socket.pipe(socket);

/** A connection to a port of this machine, or to a Unix socket, that is there. */
export async function dial(to: number | string): Promise<Socket> {
  const socket = startDialling(to);
  await once(socket, 'connect');
  return socket;
}

/** Resolves when a connection to a port is reset, which may be seen before it is seen that there is one. */
export function resetWhenDialled(port: number): Promise<void> {
  return resetOf(startDialling(port));
}

function startDialling(to: number | string): Socket {
  const socket = connect({
    ...(typeof to === 'number' ? { port: to, host: '127.0.0.1' } : { path: to }),
    allowHalfOpen: true,
  });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** All that comes until the end; rejects where the connection is reset. */
export function readToEnd(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => resolve(Buffer.concat(chunks)));
    socket.once('error', reject);
    if (socket.errored) reject(socket.errored);
  });
}

/** Resolves when the connection is reset; rejects where it ends otherwise. */
export function resetOf(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.errored) return resolve();
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNRESET' || code === 'EPIPE') resolve();
      else reject(new Error(`not reset: ${code}`));
    });
    socket.once('end', () => reject(new Error('it ended, and was not reset')));
    socket.resume();
  });
}

/** What a target sends back for a text, until the end. */
export async function answerOf(to: number | string, text: string): Promise<string> {
  const socket = await dial(to);
  socket.end(text);
  return String(await readToEnd(socket));
}

/** A connection through which the first byte has come back. */
export async function openConnection(port: number): Promise<Socket> {
  const socket = await dial(port);
  socket.write('x');
  await once(socket, 'data');
  return socket;
}
