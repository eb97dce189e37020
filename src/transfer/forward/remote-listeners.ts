import { isIP, type Socket } from 'node:net';
import { isChatosError } from '../../errors.ts';
import { startTimer } from '../../util/timeout.ts';
import { causeOfError, refusal, type Cause } from './causes.ts';
import type { ServingEvents } from './connection-events.ts';
import type { AskerLine, ServerLine } from './control-lines.ts';
import { formatEndpoint, isPath, parseListenEndpoint } from './endpoint.ts';
import { breakOff, listenLocally, remoteOf, type LocalListener } from './listen-locally.ts';
import type { Permits } from './permits.ts';

/** Ports of one peer. */
const MAX_LISTENERS = 64;

export interface RemoteListenersOptions {
  /** The peer that asks. */
  readonly peer: string;
  /** What it may listen on. */
  readonly permits: Permits;
  /** Connections to its ports that it has not taken yet. */
  readonly maxPending: number;
  /** How long a connection waits for the peer to take it, in ms. */
  readonly takeTimeoutMs: number;
  readonly events: ServingEvents;
  readonly say: (line: ServerLine) => void;
}

interface Pending {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout | undefined;
  /** Where the peer listens. */
  readonly at: string;
}

/** The ports of this machine that a peer listens on, and the connections to them that wait for it. */
export class RemoteListeners {
  readonly #options: RemoteListenersOptions;
  readonly #open = new Set<LocalListener>();
  readonly #pending = new Map<number, Pending>();
  #asked = 0;
  #connections = 0;
  #isClosed = false;

  constructor(options: RemoteListenersOptions) {
    this.#options = options;
  }

  /** Listens where the peer asks for it, if that is permitted, and says so, or why not. */
  async listen({ listener, at }: AskerLine & { readonly type: 'listen' }): Promise<void> {
    const { say, events, peer } = this.#options;
    try {
      const opened = await this.#listen(listener, at);
      if (this.#isClosed) opened.close();
      else say({ type: 'listening', listener, at: formatEndpoint(opened.endpoint) });
    } catch (error) {
      const cause = causeOfError(error);
      say({ type: 'not-listening', listener, cause });
      events.onRefused(peer, at, isChatosError(error) ? error : refusal(`cannot listen on ${at}`, cause));
    }
  }

  /** The connection of that number, which the peer takes. */
  take(connection: number): Pending | undefined {
    const pending = this.#pending.get(connection);
    this.#pending.delete(connection);
    clearTimeout(pending?.timer);
    return pending;
  }

  /** The peer cannot serve it, or nobody has taken it. */
  drop(connection: number): void {
    const pending = this.take(connection);
    if (pending) breakOff(pending.socket);
  }

  close(): void {
    this.#isClosed = true;
    for (const listener of this.#open) listener.close();
    for (const connection of this.#pending.keys()) this.drop(connection);
  }

  async #listen(listener: number, at: string): Promise<LocalListener> {
    const endpoint = parseListenEndpoint(at);
    const permitted = this.#options.permits.find(endpoint);
    // Who owns a name that a wildcard permits decides which address would be listened on.
    const isName = !isPath(endpoint) && endpoint.host !== '*' && isIP(endpoint.host) === 0;
    if (!permitted || (isName && permitted === 'by wildcard')) throw refusal(`cannot listen on ${at}`, 'not-permitted');
    // Anyone who asks again and again for what is in use gets an answer; the number of what is open is bounded.
    if (this.#asked >= MAX_LISTENERS) throw refusal(`cannot listen on ${at}`, 'busy');
    this.#asked += 1;
    try {
      const opened = await listenLocally(endpoint, {
        onConnection: (socket) => this.#onConnection(socket, listener, at),
        onNoDescriptors: (from) => this.#report(from, at, 'no-descriptors'),
      });
      this.#open.add(opened);
      return opened;
    } catch (error) {
      this.#asked -= 1;
      throw error;
    }
  }

  #onConnection(socket: Socket, listener: number, at: string): void {
    const from = remoteOf(socket);
    if (this.#pending.size >= this.#options.maxPending) {
      this.#report(from, at, 'busy');
      return breakOff(socket);
    }
    const connection = ++this.#connections;
    const timer = startTimer(this.#options.takeTimeoutMs, () => {
      this.#report(from, at, 'not-taken');
      this.drop(connection);
    });
    this.#pending.set(connection, { socket, timer, at });
    socket.once('close', () => this.drop(connection));
    this.#options.say({ type: 'incoming', listener, connection, from });
  }

  #report(from: string, at: string, cause: Cause): void {
    const target = `${at} of ${this.#options.peer}`;
    this.#options.events.onFailed({ from, target }, refusal(target, cause));
  }
}
