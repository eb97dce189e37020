import type { EventEmitter } from 'node:events';
import type { ServerEvents } from './events.ts';

/** What a server has done and holds at the moment. */
export interface ServerStats {
  /** Identified clients. */
  readonly clients: number;
  /** TCP connections, halves included. */
  readonly connections: number;
  /** Private connections being relayed. */
  readonly channels: number;
  /** Connections accepted since the start, as all that follows. */
  readonly accepted: number;
  /** Connections that could not be accepted: the process, or the system, was out of file descriptors. */
  readonly notAccepted: number;
  /** Logins refused: taken, like one that is, held, or not allowed (P7). */
  readonly refusedLogins: number;
  /** Messages taken from clients, to everyone and to one. */
  readonly messages: number;
  /** Connections closed for bytes that are no packet (P4). */
  readonly malformed: number;
  /** Packets that were not their sender's to send (P5). */
  readonly forbidden: number;
  /** Clients cut off because they did not read. */
  readonly slow: number;
  /** Private requests that were answered by KO for a limit (P11). */
  readonly refusedRequests: number;
  /** Private connections that both sides came to. */
  readonly established: number;
  /** Bytes relayed, both directions, counted when a channel ends. */
  readonly relayedBytes: number;
  /** Connections for a channel that were turned away: their id is unknown, over or used, or too many were before (P12). */
  readonly wrongIds: number;
  /** How often so many of them were guesses that an address, or all, were shut out (P12). */
  readonly shutOuts: number;
}

/** What is counted from the start on; the rest of {@link ServerStats} is counted when it is asked for. */
export type ServerCounters = Omit<ServerStats, 'clients' | 'connections' | 'channels'>;

/** The event that each counter counts, but for `relayedBytes` and `refusedRequests`. */
const COUNTED = {
  accepted: 'connection',
  notAccepted: 'acceptFailed',
  refusedLogins: 'loginRefused',
  messages: 'message',
  malformed: 'malformed',
  forbidden: 'forbidden',
  slow: 'slowConsumer',
  established: 'channelEstablished',
  wrongIds: 'wrongConnectId',
  shutOuts: 'shutOut',
} as const satisfies Record<Exclude<keyof ServerCounters, 'relayedBytes' | 'refusedRequests'>, keyof ServerEvents>;

/** Counts what happens from now on. */
export function countEvents(events: EventEmitter<ServerEvents>): ServerCounters {
  const counters = { relayedBytes: 0, refusedRequests: 0 } as { -readonly [K in keyof ServerCounters]: number };
  events.on('channelEnded', (_pair, _outcome, bytes) => (counters.relayedBytes += bytes));
  events.on('requestRefused', (_pair, _why, limit) => (counters.refusedRequests += limit ? 1 : 0));
  for (const [name, event] of Object.entries(COUNTED) as [keyof typeof COUNTED, keyof ServerEvents][]) {
    counters[name] = 0;
    events.on(event, () => (counters[name] += 1));
  }
  return counters;
}
