import { ChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { dial } from '../net/dial.ts';
import { PacketConnection } from '../net/packet-connection.ts';
import type { Packet } from '../protocol/packets.ts';
import type { ResolvedClientOptions } from './options.ts';
import type { Candidate } from './server-list.ts';
import { loginRefused, turnedAway, withServer } from './session-failures.ts';
import { createDeferred, withResolvers } from '../util/deferred.ts';

/** A logged-in main connection. */
export interface ClientSession {
  readonly connection: PacketConnection;
  /** The server's address, as it was given. */
  readonly server: Address;
  /** The server's address as it was reached, so that the halves of channels go to the same machine. */
  readonly reached: Address;
}

export interface SessionHandlers {
  /** Logged in: called before any packet that came behind LOGIN_ACCEPTED is handled. */
  onOpen(session: ClientSession): void;
  /** Every packet after LOGIN_ACCEPTED. */
  onPacket(packet: Packet): void;
}

/**
 * Connects, logs in, and resolves when the session is over: with the error that ended it, unless it ended in order.
 *
 * @throws {ChatosError} where it did not come to a session: `CONNECT_FAILED`, `NOT_TRUSTED`, `INVALID_ADDRESS` (its `ca`), `TIMED_OUT`, `LOGIN_REFUSED`,
 *   `CONNECTION_LOST`, `UNEXPECTED_PACKET`, `MALFORMED_PACKET` or `ABORTED`
 */
export async function runSession(
  { server, machine, reachMs }: Candidate,
  login: string,
  handlers: SessionHandlers,
  options: ResolvedClientOptions,
  signal: AbortSignal,
): Promise<ChatosError | undefined> {
  const name = formatAddress(server);
  const { identity } = options;
  const transport = await dial(server, { timeoutMs: options.connectTimeoutMs, reachMs, machine, signal, identity });
  const what = `no answer to LOGIN from ${name}`;
  const accepted = createDeferred<void>({ timeoutMs: options.loginTimeoutMs, signal, what });
  const closed = withResolvers<ChatosError | undefined>();
  let open = false;

  const onAnswer = (packet: Packet): void => {
    if (packet.type === 'LOGIN_ACCEPTED') {
      open = true;
      accepted.resolve();
      handlers.onOpen({ connection, server, reached: reachedAt(server, transport.remoteAddress) });
    } else if (packet.type === 'LOGIN_REFUSED') {
      connection.destroy(loginRefused(server, login, identity));
    } else {
      connection.destroy(new ChatosError('UNEXPECTED_PACKET', `${name} answered LOGIN with ${packet.type}`));
    }
  };
  const connection: PacketConnection = new PacketConnection(
    transport,
    {
      onPacket: (packet) => (open ? handlers.onPacket(packet) : onAnswer(packet)),
      onClose: (cause) => {
        const error = cause && withServer(server, cause);
        accepted.reject(error && error.code !== 'CONNECTION_LOST' ? error : turnedAway(server, error, identity));
        closed.resolve(error);
      },
    },
    { longBytes: server.longBytes, maxQueuedBytes: Infinity },
  );
  const abort = (): void => connection.destroy();
  try {
    connection.send({ type: 'LOGIN', login });
    await accepted.promise;
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    return await closed.promise;
  } finally {
    signal.removeEventListener('abort', abort);
    connection.destroy();
  }
}

/** The machine that was reached; over TLS it must still be the one that the address means. */
function reachedAt(server: Address, host = server.host): Address {
  if (host === server.host || server.transport !== 'tls') return { ...server, host };
  return { ...server, host, name: server.name ?? server.host };
}
