import type { Socket } from 'node:net';
import type { ChatosError } from '../../errors.ts';
import { joinConnection, type Joined, type JoinOptions } from './join.ts';
import type { TunnelStream } from './tunnel-stream.ts';

/** A connection that is forwarded. */
export interface Connection {
  /** Who has connected: an address, or the login of the peer. */
  readonly from: string;
  /** Where it goes. */
  readonly target: string;
}

/** Gets what becomes of connections. */
export interface ConnectionEvents {
  onOpened(connection: Connection): void;
  onClosed(connection: Connection, joined: Joined, durationMs: number): void;
  /** It was not to be had: the one who asked for it has been turned away. */
  onFailed(connection: Connection, error: ChatosError): void;
}

/** Gets what peers may not have, too. */
export interface ServingEvents extends ConnectionEvents {
  /** A peer has asked for a target, or to listen, which it may not or cannot have. */
  onRefused(peer: string, what: string, error: ChatosError): void;
}

/** Joins a connection with its stream, and reports its begin and its end. */
export async function carryConnection(
  connection: Connection,
  socket: Socket,
  stream: TunnelStream,
  options: JoinOptions & { readonly events: ConnectionEvents },
): Promise<void> {
  const startedAt = performance.now();
  options.events.onOpened(connection);
  const joined = await joinConnection(socket, stream, options);
  options.events.onClosed(connection, joined, Math.round(performance.now() - startedAt));
}
