import net from 'node:net';
import { ChatosError } from '../errors.ts';
import { formatAddress, type Address } from './address.ts';
import { TcpTransport } from './tcp-transport.ts';
import type { Transport } from './transport.ts';
import { resolveOptions, type OptionTable } from '../util/option-table.ts';
import { startTimer } from '../util/timeout.ts';

export interface DialOptions {
  /** Milliseconds until the attempt is given up. @default 10000 */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const DEFAULT_DIAL_TIMEOUT_MS = 10_000;

const OPTIONS: OptionTable<{ readonly timeoutMs: number; readonly signal: AbortSignal | undefined }> = {
  timeoutMs: { kind: 'ms', max: Infinity, default: DEFAULT_DIAL_TIMEOUT_MS },
  signal: { kind: 'any', default: undefined },
};
const KEEP_ALIVE_DELAY_MS = 30_000;

/** What the operating system's codes mean, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused; is the server running?',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up at the moment',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer',
};

/**
 * Opens a connection: without Nagle's delay, with keep-alive.
 *
 * @throws {ChatosError} `CONNECT_FAILED`, `TIMED_OUT` or `ABORTED`
 */
export function dial(address: Address, options: DialOptions = {}): Promise<Transport> {
  const { timeoutMs, signal } = resolveOptions('dial options', options, OPTIONS);
  const name = formatAddress(address);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(aborted(name, signal));
      return;
    }
    const socket = net.connect({
      host: address.host,
      port: address.port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    });
    const fail = (error: ChatosError): void => {
      settle();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const onTimeout = (): void =>
      fail(new ChatosError('TIMED_OUT', `no answer from ${name} within ${timeoutMs / 1000} s`));
    const timer = startTimer(timeoutMs, onTimeout);
    const onAbort = (): void => fail(aborted(name, signal));
    const onError = (error: NodeJS.ErrnoException): void => fail(connectError(name, error));
    const onConnect = (): void => {
      settle();
      resolve(new TcpTransport(socket));
    };
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('connect', onConnect);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError);
    socket.on('connect', onConnect);
  });
}

function connectError(name: string, error: NodeJS.ErrnoException): ChatosError {
  const why = REASONS[error.code ?? ''] ?? error.message;
  return new ChatosError('CONNECT_FAILED', `cannot connect to ${name}: ${why}`, {
    cause: error,
    fields: { address: name, errno: error.code },
  });
}

function aborted(name: string, signal: AbortSignal | undefined): ChatosError {
  const reason: unknown = signal?.reason;
  if (reason instanceof ChatosError) return reason;
  return new ChatosError('ABORTED', `connecting to ${name} was cancelled`, { cause: reason });
}
