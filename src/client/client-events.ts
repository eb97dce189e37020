import type { ChatosError } from '../errors.ts';
import type { PrivateRequest } from './private-request.ts';
import type { Retry } from './session-loop.ts';

/** A message as it came from the server. */
export interface ChatMessage {
  /** Who said it. */
  readonly from: string;
  /** What was said. */
  readonly text: string;
  /** Whether it was said to us alone. */
  readonly private: boolean;
  /** Whether we said it ourselves: what is said to everyone comes back. */
  readonly own: boolean;
}

/**
 * What a client reports to its listeners. One that throws is an uncaught error of the process; the client goes on, and a
 * request that it has not answered is refused.
 */
export interface ClientEvents {
  /** Somebody said something, to everyone or to us; our own public messages come back too. */
  message: [message: ChatMessage];
  /** A peer asks for a private connection. Without a listener, it is refused. */
  request: [request: PrivateRequest];
  /** Logged in, for the first time or again. */
  connected: [];
  /** The session was lost; open channels go on. With `reconnect` another attempt follows. */
  disconnected: [error: ChatosError | undefined];
  /** All addresses have failed, or the session was lost; the next attempt comes after the pause. */
  retrying: [retry: Retry];
  /** The server does not return messages to oneself, so `heartbeatMs` cannot notice its silence. At most once. */
  heartbeatOff: [];
  /**
   * The server takes what is sent more slowly than it comes: it keeps this client to a rate (P17), or the network is slow.
   * Nothing is lost, and everything waits; `resumed` follows.
   */
  slowed: [];
  /** It does no longer, or the session was lost. */
  resumed: [];
  /** The client has ended for good: by `close`, by its signal, or with the error that it gave up on. */
  closed: [error: ChatosError | undefined];
}
