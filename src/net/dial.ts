import net from 'node:net';
import { ChatosError } from '../errors.ts';
import { formatAddress, type Address } from './address.ts';
import { KEEP_ALIVE_DELAY_MS } from './dead-link.ts';
import { TcpTransport } from './tcp-transport.ts';
import type { Transport } from './transport.ts';
import { createDeferred } from '../util/deferred.ts';

export interface DialOptions {
  /** Milliseconds until the attempt is given up; `Infinity` for no limit. @default 10000 */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const DEFAULT_DIAL_TIMEOUT_MS = 10_000;

/** What the operating system's codes mean, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused; is the server running?',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up at the moment',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer',
  ECONNRESET: 'closed at once; the server, or what is in front of it, may allow no more connections from this address',
};

/**
 * Opens a connection: without Nagle's delay, with keep-alive.
 *
 * @throws {ChatosError} `CONNECT_FAILED`, `TIMED_OUT` or `ABORTED`
 */
export async function dial(address: Address, options: DialOptions = {}): Promise<Transport> {
  const { timeoutMs = DEFAULT_DIAL_TIMEOUT_MS, signal } = options;
  const name = formatAddress(address);
  if (address.transport === 'tls') throw noTls(name);
  const connected = createDeferred<Transport>({ timeoutMs, signal, what: `no answer from ${name}` });
  if (connected.settled) return connected.promise;
  const socket = net.connect({
    host: address.host,
    port: address.port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
  });
  socket.once('connect', () => connected.resolve(new TcpTransport(socket)));
  socket.on('error', (error) => connected.reject(connectError(name, error)));
  try {
    return await connected.promise;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Plain bytes must never go where TLS was asked for. */
function noTls(name: string): ChatosError {
  return new ChatosError('INVALID_ADDRESS', `${name}: TLS is not available in this version, only tcp`);
}

function connectError(name: string, error: NodeJS.ErrnoException): ChatosError {
  const message = `cannot connect to ${name}: ${REASONS[error.code ?? ''] ?? error.message}`;
  return new ChatosError('CONNECT_FAILED', message, { cause: error, fields: { address: name, errno: error.code } });
}

/** A server that says nothing for this long counts as alive: some do not notice the end of a connection. */
const PATIENCE_MS = 2_000;

/**
 * Whether a server process lives at the address: it accepts a connection, and answers its end with an end. The system
 * itself may still accept for a process that has just been killed, but breaks that connection off.
 */
export async function isAlive(server: Address): Promise<boolean> {
  try {
    const transport = await dial(server);
    return await new Promise((resolve) => {
      const settle = (alive: boolean): void => {
        clearTimeout(timer);
        transport.stream.destroy();
        resolve(alive);
      };
      const timer = setTimeout(() => settle(true), PATIENCE_MS);
      transport.onEnd(() => settle(true));
      transport.stream.on('close', () => settle(false)).resume();
      transport.stream.end();
    });
  } catch {
    return false;
  }
}
