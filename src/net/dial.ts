import net from 'node:net';
import { ChatosError, isChatosError } from '../errors.ts';
import { formatAddress, type Address } from './address.ts';
import { KEEP_ALIVE_DELAY_MS } from './dead-link.ts';
import { handshakeFailure } from './handshake-failure.ts';
import type { Identity } from './identity.ts';
import { TcpTransport } from './tcp-transport.ts';
import type { Transport } from './transport.ts';
import { createDeferred } from '../util/deferred.ts';
import { startTimer } from '../util/timeout.ts';
import { formatSeconds } from '../util/printable.ts';

export interface DialOptions {
  /** Milliseconds until the attempt is given up; `Infinity` for no limit. @default 10000 */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds until a machine that does not accept the connection is given up, with `reachMs` in the error. @default as `timeoutMs` */
  readonly reachMs?: number | undefined;
  /** The machine to connect to, where the host of the address is a name. @default the first that accepts */
  readonly machine?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Who the client is for an address with `tls://`. @default nobody: it shows no certificate */
  readonly identity?: Identity | undefined;
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
 * Opens a connection: without Nagle's delay, with keep-alive. Over TLS, the server is trusted when it resolves.
 *
 * @throws {ChatosError} `CONNECT_FAILED`, `NOT_TRUSTED`, `TIMED_OUT` or `ABORTED`; `INVALID_ADDRESS` where its `ca` cannot be used
 */
export async function dial(address: Address, options: DialOptions = {}): Promise<Transport> {
  const { timeoutMs = DEFAULT_DIAL_TIMEOUT_MS, reachMs = Infinity, machine = address.host, signal, identity } = options;
  const name = formatAddress(address);
  const secure = address.transport === 'tls' ? await handshakeWith(address, identity) : undefined;
  const connected = createDeferred<Transport>({ timeoutMs, signal, what: `no answer from ${name}` });
  if (connected.settled) return connected.promise;
  const socket = net.connect({
    host: machine,
    port: address.port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
  });
  const onError = (error: Error): void => connected.reject(connectError(name, error));
  const reaching = startTimer(reachMs, () => connected.reject(unreached(name, reachMs)));
  socket.on('error', onError).once('connect', () => {
    clearTimeout(reaching);
    const raw = new TcpTransport(socket);
    if (!secure) return connected.resolve(raw);
    socket.off('error', onError);
    secure(
      raw,
      (transport) => connected.resolve(transport),
      (error) => connected.reject(error),
    );
  });
  try {
    return await connected.promise;
  } catch (error) {
    clearTimeout(reaching);
    socket.destroy();
    throw error;
  }
}

function unreached(name: string, reachMs: number): ChatosError {
  return new ChatosError('TIMED_OUT', `no answer from ${name} within ${formatSeconds(reachMs)}`, {
    fields: { reachMs },
  });
}

/** Plain connections do not pay for loading TLS. */
async function handshakeWith(address: Address, identity: Identity | undefined) {
  const [{ secure }, { checkServer, clientTlsOptions }] = await Promise.all([
    import('./tls-client.ts'),
    import('./client-context.ts'),
  ]);
  const options = await clientTlsOptions(address, identity);
  return (raw: TcpTransport, onSecure: (transport: Transport) => void, onFailed: (error: ChatosError) => void): void =>
    secure(raw, {
      options,
      check: (stream) => checkServer(address, stream, identity),
      onSecure,
      onFailed: (error) => onFailed(isChatosError(error) ? error : handshakeError(address, error, identity)),
    });
}

function handshakeError(address: Address, error: Error, identity: Identity | undefined): ChatosError {
  return handshakeFailure(address, error, identity !== undefined) ?? connectError(formatAddress(address), error);
}

/** The error of the system, in words. */
export function connectError(name: string, error: NodeJS.ErrnoException): ChatosError {
  const message = `cannot connect to ${name}: ${REASONS[error.code ?? ''] ?? error.message}`;
  return new ChatosError('CONNECT_FAILED', message, { cause: error, fields: { address: name, errno: error.code } });
}

/** A server that says nothing for this long counts as alive: some do not notice the end of a connection. */
const PATIENCE_MS = 2_000;

/**
 * Whether a server process lives at the address: it accepts a connection, and answers its end with an end. The system
 * itself may still accept for a process that has just been killed, but breaks that connection off.
 */
export async function isAlive(server: Address, options: Pick<DialOptions, 'identity'> = {}): Promise<boolean> {
  try {
    const transport = await dial(server, options);
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
