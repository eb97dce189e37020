import { ChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { dial } from '../net/dial.ts';
import { PacketConnection } from '../net/packet-connection.ts';
import { loginProblem } from '../protocol/login.ts';
import type { Packet } from '../protocol/packets.ts';
import type { ResolvedClientOptions } from './options.ts';
import { createDeferred, withResolvers } from '../util/deferred.ts';

/** A logged-in main connection. */
export interface ClientSession {
  readonly connection: PacketConnection;
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
 * @throws {ChatosError} where it did not come to a session: `CONNECT_FAILED`, `TIMED_OUT`, `LOGIN_REFUSED`,
 *   `CONNECTION_LOST`, `UNEXPECTED_PACKET`, `MALFORMED_PACKET` or `ABORTED`
 */
export async function runSession(
  server: Address,
  login: string,
  handlers: SessionHandlers,
  options: ResolvedClientOptions,
  signal: AbortSignal,
): Promise<ChatosError | undefined> {
  const name = formatAddress(server);
  const transport = await dial(server, { timeoutMs: options.connectTimeoutMs, signal });
  const what = `no answer to LOGIN from ${name}`;
  const accepted = createDeferred<void>({ timeoutMs: options.loginTimeoutMs, signal, what });
  const closed = withResolvers<ChatosError | undefined>();
  let open = false;

  const onAnswer = (packet: Packet): void => {
    if (packet.type === 'LOGIN_ACCEPTED') {
      open = true;
      accepted.resolve();
      handlers.onOpen({ connection, reached: { ...server, host: transport.remoteAddress ?? server.host } });
    } else if (packet.type === 'LOGIN_REFUSED') {
      const why = loginProblem(login) ?? 'it is taken, looks like one in use, or is not allowed';
      const message = `${name} refused the login '${login}': ${why}`;
      connection.destroy(new ChatosError('LOGIN_REFUSED', message, { fields: { login, server: name } }));
    } else {
      connection.destroy(new ChatosError('UNEXPECTED_PACKET', `${name} answered LOGIN with ${packet.type}`));
    }
  };
  const connection: PacketConnection = new PacketConnection(
    transport,
    {
      onPacket: (packet) => (open ? handlers.onPacket(packet) : onAnswer(packet)),
      onClose: (cause) => {
        const error = cause && withServer(name, cause);
        accepted.reject(error && error.code !== 'CONNECTION_LOST' ? error : turnedAway(name, error));
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

/**
 * A server that takes no more connections closes them without a word: the protocol has none for it. Whether that is seen
 * as an end or as a reset is chance.
 */
function turnedAway(server: string, cause: ChatosError | undefined): ChatosError {
  const message =
    `${server} closed the connection before it answered the login: it may be full or stopping, ` +
    'or allow no more connections from this address (its log names the limit)';
  return new ChatosError('CONNECTION_LOST', message, { cause, fields: cause?.fields ?? {} });
}

/** Bytes that could not be read are reported with the place that they came from, and with the most frequent reason. */
function withServer(server: string, error: ChatosError): ChatosError {
  if (error.code !== 'MALFORMED_PACKET') return error;
  const message = `${server} does not speak ChatOS, or with another longBytes: ${error.message}`;
  return new ChatosError('MALFORMED_PACKET', message, { cause: error, fields: error.fields });
}
