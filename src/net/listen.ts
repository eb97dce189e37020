import net from 'node:net';
import type { Duplex } from 'node:stream';
import { ChatosError } from '../errors.ts';
import { formatAddress, type Address } from './address.ts';
import { KEEP_ALIVE_DELAY_MS } from './dead-link.ts';
import { descriptorLimit, hasLastDescriptor, outOfDescriptors } from './descriptors.ts';
import type { ProxyHeaders } from './proxy-headers.ts';
import { SelfConnections } from './self-connections.ts';
import { TcpTransport } from './tcp-transport.ts';
import type { HandshakeFailure } from './tls-failures.ts';
import type { Handshake, TlsServer } from './tls-server.ts';
import type { Transport } from './transport.ts';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; stop what listens there or choose another (port 0 picks a free one)',
  EACCES: 'ports below 1024 need privileges; choose a higher one',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name is not known',
};

/** The error for an address that cannot be listened on: `LISTEN_FAILED`, with the reason in words. */
export function listenFailure(address: string, error: NodeJS.ErrnoException): ChatosError {
  const message = `cannot listen on ${address}: ${REASONS[error.code ?? ''] ?? error.message}`;
  return new ChatosError('LISTEN_FAILED', message, { cause: error, fields: { address, errno: error.code } });
}

/** A connection that may come in. */
export interface Entrance {
  /** Names where it comes from: the handshakes of one source wait for each other. */
  readonly source: string;
  onConnection(transport: Transport): void;
  /** Its TLS handshake is over, and has taken so much of the processor's time, in milliseconds; called before the others. */
  onHandshakeTime?(ms: number): void;
  /** Its TLS handshake has failed; it is closed. */
  onHandshakeFailed(why: HandshakeFailure, detail?: string): void;
  /** Its TLS handshake was broken off from here; it is closed. */
  onHandshakeBroken?(): void;
}

/** What becomes of a connection; a function alone will do where it does not matter what becomes of a handshake. */
export type Enter = (from: string) => Entrance | Entrance['onConnection'] | undefined;

export interface ListenOptions {
  /** Gets the error of a connection that cannot be accepted. */
  readonly onError?: (error: Error) => void;
  /** Read the PROXY headers of an address with `proxy`. */
  readonly headers?: ProxyHeaders | undefined;
  /** Does the handshakes of an address with `tls://`, which needs it. */
  readonly tls?: TlsServer | undefined;
}

export interface Listener {
  /** The address with the port that was really taken. */
  readonly address: Address;
  /**
   * Connects to itself, whatever keeps others out; `enter` says what becomes of it. With TLS, the handshake is done; of
   * an address with `proxy`, no header is read. Rejects where that fails.
   */
  connectToItself(entrance: Entrance): Promise<Duplex>;
  /** Stops accepting; connections already accepted go on, those in a handshake included. Resolves when all have gone. */
  close(): Promise<void>;
  /** Breaks off the handshakes in progress. */
  breakHandshakes(): void;
}

const BACKLOG = 1024;

/**
 * A connection that is not read is given up to the system with the first piece that waits: single bytes would wait as a
 * Buffer each, for a hundred times their weight.
 */
export const MAX_UNREAD_BYTES = 1;

/** What is done with the connections to an address. */
export interface Reception {
  /** A connection was accepted, by this process or another one. */
  readonly take: (socket: net.Socket) => void;
  /** Breaks off the handshakes in progress. */
  readonly breakHandshakes: () => void;
}

/**
 * Receives the connections to an address. For each, `enter` is asked by the address that it comes from; one that it gives
 * nothing for is closed at once, which must cost as little as possible: nothing is set up for it, and it is not read. The
 * others are without Nagle's delay and with keep-alive. Where the address has `proxy`, `enter` is asked by the address that
 * the header names, when it has come.
 *
 * @param takeOwn what is to become of a connection of this process, where it is one
 */
export function receive(
  address: Address,
  enter: Enter,
  { onError = () => undefined, headers, tls }: ListenOptions = {},
  takeOwn: (socket: net.Socket) => Entrance | undefined = () => undefined,
): Reception {
  const mostDescriptors = descriptorLimit();
  const handshakes = new Map<Handshake, Entrance>();
  const admit = (socket: net.Socket, from: string, entrance = enter(from)): void => {
    if (!entrance) socket.destroy();
    else if (tls) secure(tls, transportOf(socket, from), entranceOf(entrance), handshakes);
    else entranceOf(entrance).onConnection(transportOf(socket, from));
  };
  const take = (socket: net.Socket): void => {
    const last = hasLastDescriptor(socket, mostDescriptors);
    const from = socket.remoteAddress;
    if (last || from === undefined) {
      // One that was reset before it was accepted has no address any more, but what it has sent can be read: nobody knows
      // who that was.
      socket.destroy();
      if (last) onError(outOfDescriptors(mostDescriptors));
      return;
    }
    const own = takeOwn(socket);
    if (own) {
      admit(socket, from, own);
    } else if (address.proxy && headers) {
      headers.read(socket, address.proxy, (source) => admit(socket, source));
    } else {
      admit(socket, from);
    }
  };
  return {
    take,
    breakHandshakes: () => {
      for (const [handshake, entrance] of handshakes) {
        handshake.destroy();
        entrance.onHandshakeBroken?.();
      }
      handshakes.clear();
    },
  };
}

/**
 * Listens on an address, and receives its connections.
 *
 * @throws {ChatosError} `LISTEN_FAILED`
 */
export async function listen(address: Address, enter: Enter, options: ListenOptions = {}): Promise<Listener> {
  const { onError = () => undefined, tls } = options;
  const itself = new SelfConnections<Entrance>();
  const { take, breakHandshakes } = receive(address, enter, options, (socket) => itself.take(socket));
  const server = net.createServer({ allowHalfOpen: true, highWaterMark: MAX_UNREAD_BYTES }, take);
  const at = await bind(server, address, onError);
  return {
    address: { ...address, port: at.port },
    connectToItself: (entrance) => itself.connect(at, tls !== undefined, entrance),
    close: () => new Promise((done) => server.close(() => done())),
    breakHandshakes,
  };
}

/**
 * Lets a server of Node.js listen on an address; resolves to where it really does.
 *
 * @throws {ChatosError} `LISTEN_FAILED`
 */
export function bind(server: net.Server, address: Address, onError: (error: Error) => void): Promise<net.AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenFailure(formatAddress(address), error)));
    server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, () => {
      // What can still go wrong is one accept (too many open files): that client is lost, the server is not.
      server.on('error', onError);
      resolve(server.address() as net.AddressInfo);
    });
  });
}

function entranceOf(entrance: Exclude<ReturnType<Enter>, undefined>): Entrance {
  if (typeof entrance !== 'function') return entrance;
  return { source: '', onConnection: entrance, onHandshakeFailed: () => undefined };
}

function secure(tls: TlsServer, raw: TcpTransport, entrance: Entrance, handshakes: Map<Handshake, Entrance>): void {
  const handshake = tls.accept(raw, entrance.source, {
    onTime: (ms) => entrance.onHandshakeTime?.(ms),
    onSecure: (transport) => {
      handshakes.delete(handshake);
      entrance.onConnection(transport);
    },
    onFailed: (why, detail) => {
      handshakes.delete(handshake);
      entrance.onHandshakeFailed(why, detail);
    },
  });
  handshakes.set(handshake, entrance);
}

function transportOf(socket: net.Socket, from: string): TcpTransport {
  socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
  return new TcpTransport(socket, from);
}
