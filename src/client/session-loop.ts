import { setMaxListeners } from 'node:events';
import { ChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { formatAddresses } from '../net/address-list.ts';
import type { Packet } from '../protocol/packets.ts';
import { backoffDelayMs, moveDelayMs } from './backoff.ts';
import type { ResolvedClientOptions } from './options.ts';
import { ServerList, type Candidate } from './server-list.ts';
import { runSession, type ClientSession } from './session.ts';
import { withResolvers } from '../util/deferred.ts';
import { pause } from '../util/timeout.ts';

/** An attempt that failed, and what follows. */
export interface Retry {
  /** Why it failed. */
  readonly error: ChatosError;
  /** 1 for the first retry. */
  readonly attempt: number;
  /** Milliseconds until then. */
  readonly delayMs: number;
}

export interface SessionLoopHandlers {
  onPacket(packet: Packet): void;
  onConnected(): void;
  /** `reason` says why in any case; `error` is set where the session did not end in order. */
  onDisconnected(lost: { error: ChatosError | undefined; reason: ChatosError; final: boolean }): void;
  onRetrying(retry: Retry): void;
  /** Once, last of all; with the error that it gave up on. `reason` is for everything that still waits. */
  onClosed(error: ChatosError | undefined, reason: ChatosError): void;
}

/** After a lost connection, the server may take this long to notice and to free our login. */
const OWN_LOGIN_TTL_MS = 120_000;
/** A session that lasted this long makes the next pauses begin short again. */
const STABLE_SESSION_MS = 10_000;

/** One session after the other: connects, waits for the end, connects again, until closed or until it gives up. */
export class SessionLoop {
  readonly #servers: ServerList;
  readonly #login: string;
  readonly #options: ResolvedClientOptions;
  readonly #handlers: SessionLoopHandlers;
  readonly #abort = new AbortController();
  #session: ClientSession | undefined;
  #reached: Address | undefined;
  /** When the last session was lost, or the server not reachable after that, as `performance.now()`. */
  #lostAt: number | undefined;
  #closing = false;
  #openedAt = 0;
  #started: Promise<void> | undefined;
  #running: Promise<void> | undefined;

  constructor(
    addresses: readonly Address[],
    login: string,
    options: ResolvedClientOptions,
    handlers: SessionLoopHandlers,
  ) {
    const { connectTimeoutMs: timeoutMs, lookup } = options;
    this.#servers = new ServerList(addresses, { timeoutMs, signal: this.#abort.signal, lookup });
    this.#login = login;
    this.#options = options;
    this.#handlers = handlers;
    // Each thing that is waited for listens to it: many are no sign of a leak.
    setMaxListeners(0, this.#abort.signal);
  }

  /** The session there is at the moment. */
  get session(): ClientSession | undefined {
    return this.#session;
  }

  /** The address where the session is, or was last; else the one that is tried first. */
  get server(): Address {
    return this.#servers.current;
  }

  /** The machine that the last session reached: halves of channels go to the same one. */
  get reached(): Address | undefined {
    return this.#reached;
  }

  /** Whether we are ending it, or have. */
  get ending(): boolean {
    return this.#closing || this.#abort.signal.aborted;
  }

  /** Aborted when the loop has ended, or is about to. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What to fail with where there is no session. */
  notConnected(): ChatosError {
    return new ChatosError('NOT_CONNECTED', `not connected to ${formatAddresses(this.#servers.addresses)}`);
  }

  /** Resolves when logged in for the first time; called again, it is the same start. */
  start(): Promise<void> {
    if (!this.#started) {
      const first = withResolvers<void>();
      this.#started = first.promise;
      this.#running = this.#run(first);
    }
    return this.#started;
  }

  /** Ends the session in order, and the loop. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#session) this.#session.connection.end();
    else this.#abort.abort();
    await this.#running;
  }

  /** Ends everything at once. */
  async abort(reason?: unknown): Promise<void> {
    this.#abort.abort(reason);
    await this.#running;
  }

  async #run(first: { resolve: () => void; reject: (error: unknown) => void }): Promise<void> {
    const { backoff } = this.#options;
    const { signal } = this.#abort;
    let failures = 0;
    let error: ChatosError | undefined;
    while (!signal.aborted) {
      let mayMove = false;
      try {
        error = await this.#servers.tryEach((candidate) => this.#runSession(candidate, first.resolve));
        this.#lostAt = performance.now();
        if (this.#lostAt - this.#openedAt > STABLE_SESSION_MS) failures = 0;
        mayMove = failures === 0 && this.#servers.hasOthers;
      } catch (caught) {
        if (!(caught instanceof ChatosError)) {
          first.reject(caught);
          throw caught;
        }
        error = caught;
        if (!this.#mayRetry(error)) break;
      }
      if (signal.aborted || this.#closing || !backoff) break;
      failures += 1;
      // Over TCP, the system ends the connections of a killed process as if in order.
      const isAnnounced = !error && this.server.transport === 'tls';
      const delayMs = mayMove ? moveDelayMs(backoff, isAnnounced) : backoffDelayMs(backoff, failures);
      this.#handlers.onRetrying({ error: error ?? this.#closedByServer(), attempt: failures, delayMs });
      await pause(delayMs, signal);
    }
    if (signal.aborted) error = undefined;
    else if (!this.#closing) error ??= this.#closedByServer();
    const reason = error ?? this.#closedByUs();
    first.reject(reason);
    this.#abort.abort(reason);
    this.#handlers.onClosed(error, reason);
  }

  /**
   * A login that is taken is final, unless it may be our own lost session that still holds it. So is a server that is not
   * trusted, unless it was a moment ago: its certificate may be about to be replaced. What is invalid stays so.
   */
  #mayRetry({ code }: ChatosError): boolean {
    if (code === 'INVALID_ADDRESS' || code === 'INVALID_ARGUMENT') return false;
    if (code !== 'NOT_TRUSTED' && (code !== 'LOGIN_REFUSED' || this.#options.waitForLogin)) {
      // A server that was not reachable since then has had no time to notice.
      if (this.#lostAt !== undefined) this.#lostAt = performance.now();
      return true;
    }
    return this.#lostAt !== undefined && performance.now() - this.#lostAt < OWN_LOGIN_TTL_MS;
  }

  /** One session, from dialling to its end; returns the error that ended it, if any. */
  async #runSession(candidate: Candidate, onFirst: () => void): Promise<ChatosError | undefined> {
    const { signal } = this.#abort;
    const onOpen = (session: ClientSession): void => {
      this.#session = session;
      this.#reached = session.reached;
      this.#servers.entered(candidate);
      this.#openedAt = performance.now();
      this.#handlers.onConnected();
      onFirst();
    };
    const onPacket = (packet: Packet): void => this.#handlers.onPacket(packet);
    const error = await runSession(candidate, this.#login, { onOpen, onPacket }, this.#options, signal);
    this.#session = undefined;
    const ended = this.ending ? this.#closedByUs() : this.#closedByServer();
    const final = this.#options.backoff === undefined || this.ending;
    this.#handlers.onDisconnected({ error, reason: error ?? ended, final });
    return error;
  }

  #closedByUs(): ChatosError {
    return new ChatosError('ABORTED', 'the client was closed', { cause: this.signal.reason });
  }

  #closedByServer(): ChatosError {
    return new ChatosError('CONNECTION_LOST', `${formatAddress(this.server)} closed the connection`);
  }
}
