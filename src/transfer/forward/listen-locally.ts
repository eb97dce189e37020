import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ChatosError } from '../../errors.ts';
import { KEEP_ALIVE_DELAY_MS } from '../../net/dead-link.ts';
import { descriptorLimit, hasLastDescriptor } from '../../net/descriptors.ts';
import { listenFailure } from '../../net/listen.ts';
import { resetSocket } from '../../net/reset-socket.ts';
import { bindUnixSocket, type BoundSocket } from '../../net/unix-socket.ts';
import { formatEndpoint, isPath, readHost, type Endpoint } from './endpoint.ts';

/** A port, or a Unix socket, that is listened on. */
export interface LocalListener {
  /** With the port that was really taken. */
  readonly endpoint: Endpoint;
  /** Accepts no more; connections go on. A Unix socket is removed. */
  close(): void;
}

/** What becomes of connections. */
export interface LocalReception {
  readonly onConnection: (socket: Socket) => void;
  /** One was reset, as the last descriptors are kept: libuv would end it as if all were well. */
  readonly onNoDescriptors: (from: string) => void;
  /** How many descriptors there may be. @default as the system says */
  readonly maxDescriptors?: number;
}

/**
 * Listens on an endpoint of this machine. Connections are given paused, half-open, without Nagle's delay and with
 * keep-alive. The host `*` means all addresses.
 *
 * @throws {ChatosError} `LISTEN_FAILED`
 */
export async function listenLocally(
  endpoint: Endpoint,
  { onConnection, onNoDescriptors, maxDescriptors = descriptorLimit() }: LocalReception,
): Promise<LocalListener> {
  const options = {
    allowHalfOpen: true,
    pauseOnConnect: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
  };
  const server = createServer(options, (socket) => {
    socket.on('error', () => undefined);
    if (!hasLastDescriptor(socket, maxDescriptors)) return onConnection(socket);
    const from = remoteOf(socket);
    breakOff(socket);
    onNoDescriptors(from);
  });
  const bound = isPath(endpoint) ? await listenOnPath(server, endpoint.path) : undefined;
  if (!isPath(endpoint)) await listenOnPort(server, endpoint.host, endpoint.port);
  // A connection that cannot be accepted costs that connection only.
  server.on('error', () => undefined);
  return {
    endpoint: isPath(endpoint) ? endpoint : boundTo(server),
    close: () => {
      bound?.remove();
      server.close();
    },
  };
}

async function listenOnPath(server: Server, path: string): Promise<BoundSocket> {
  try {
    return await bindUnixSocket(server, path);
  } catch (error) {
    const { message, cause } = error as Error;
    throw new ChatosError('LISTEN_FAILED', `cannot listen on ${path}: ${message}`, {
      cause,
      fields: { address: path },
    });
  }
}

function listenOnPort(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void =>
      reject(listenFailure(formatEndpoint({ host, port }), error));
    server.once('error', onError);
    server.listen({ port, ...(host !== '*' && { host }) }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function boundTo(server: Server): Endpoint {
  const { address, port, family } = server.address() as AddressInfo;
  return { host: readHost(family === 'IPv6' ? `[${address}]` : address), port };
}

/** Who has connected sees a reset, and never an end. The system has none for Unix sockets: they are closed. */
export function breakOff(socket: Socket): void {
  if (!socket.destroyed) resetSocket(socket);
}

/** Where a connection comes from, for reports. */
export function remoteOf(socket: Socket): string {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return 'a Unix socket';
  return formatEndpoint({ host: remoteAddress.replace(/^::ffff:(?=\d+\.)/, ''), port: remotePort });
}
