import { ChatosError } from '../errors.ts';
import type { Address } from '../net/address.ts';
import { formatAddress } from '../net/address.ts';
import { dial } from '../net/dial.ts';
import { PacketConnection } from '../net/packet-connection.ts';
import type { Packet } from '../protocol/packets.ts';
import type { ResolvedClientOptions } from './options.ts';
import { startWaiting } from './wait.ts';

export interface SessionHandlers {
  /** Every packet after LOGIN_ACCEPTED. */
  onPacket(packet: Packet): void;
  /** Once, when the session is over; with the reason unless it ended in order. */
  onClose(error: ChatosError | undefined): void;
}

/** A logged-in main connection. */
export interface ClientSession {
  readonly connection: PacketConnection;
  /** The server's address as it was reached, so that the halves of channels go to the same machine. */
  readonly reached: Address;
  readonly closed: Promise<void>;
}

/**
 * Connects and logs in.
 *
 * @throws {ChatosError} `CONNECT_FAILED`, `TIMED_OUT`, `LOGIN_REFUSED`, `CONNECTION_LOST`, `UNEXPECTED_PACKET`,
 *   `MALFORMED_PACKET` or `ABORTED`
 */
export async function openSession(
  server: Address,
  login: string,
  handlers: SessionHandlers,
  options: ResolvedClientOptions,
  signal: AbortSignal,
): Promise<ClientSession> {
  const name = formatAddress(server);
  const socket = await dial(server, { timeoutMs: options.connectTimeoutMs, signal });
  const waiting = startWaiting<void>({
    timeoutMs: options.loginTimeoutMs,
    signal,
    what: `no answer to LOGIN from ${name}`,
  });
  let accepted = false;
  let onClosed!: () => void;
  const closed = new Promise<void>((resolve) => (onClosed = resolve));

  const connection = new PacketConnection(
    socket,
    {
      onPacket: (packet) => {
        if (accepted) {
          handlers.onPacket(packet);
        } else if (packet.type === 'LOGIN_ACCEPTED') {
          accepted = true;
          waiting.resolve();
        } else if (packet.type === 'LOGIN_REFUSED') {
          waiting.reject(
            new ChatosError('LOGIN_REFUSED', `${name} refused the login '${login}': it is taken, or not allowed`, {
              fields: { login, server: name },
            }),
          );
        } else {
          waiting.reject(new ChatosError('UNEXPECTED_PACKET', `${name} answered LOGIN with ${packet.type}`));
        }
      },
      onClose: (error) => {
        onClosed();
        if (accepted) handlers.onClose(error);
        else waiting.reject(error ?? new ChatosError('CONNECTION_LOST', `${name} closed the connection during login`));
      },
    },
    { longBytes: server.longBytes, maxQueuedBytes: Infinity },
  );
  try {
    connection.send({ type: 'LOGIN', login });
    await waiting.promise;
  } catch (error) {
    waiting.resolve();
    connection.destroy();
    throw error;
  }
  const reached = { ...server, host: socket.remoteAddress ?? server.host };
  return { connection, reached, closed };
}
