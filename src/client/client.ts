import { EventEmitter } from 'node:events';
import { ChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { toAddresses } from '../net/address-list.ts';
import { encodePacket } from '../protocol/encoder.ts';
import { resolveOptions } from '../util/option-table.ts';
import { loginKey } from '../util/login-key.ts';
import type { Packet } from '../protocol/packets.ts';
import type { Channel } from './channel.ts';
import type { ClientEvents } from './client-events.ts';
import { Heartbeat } from './heartbeat.ts';
import {
  resolveClientOptions,
  type ClientOptions,
  SEND_OPTIONS,
  type RequestOptions,
  type SendOptions,
} from './options.ts';
import { PrivateConnections } from './private-connections.ts';
import type { PrivateRequest } from './private-request.ts';
import { RoundTrips } from './round-trips.ts';
import { SessionLoop } from './session-loop.ts';
import { Slowness } from './slowness.ts';
import { createDeferred } from '../util/deferred.ts';

/**
 * A ChatOS client: one login at one server, with messages and private connections.
 *
 * @example
 * const client = await ChatosClient.connect({ server: '127.0.0.1:7777', login: 'alice' });
 * client.on('message', ({ from, text }) => console.log(from, text));
 * await client.say('hello');
 * const channel = await client.request('bob');
 */
export class ChatosClient extends EventEmitter<ClientEvents> {
  /** Who it is at the server. */
  readonly login: string;
  /** All addresses that it was given. */
  readonly servers: readonly Address[];
  readonly #loop: SessionLoop;
  readonly #privates: PrivateConnections;
  readonly #slowness: Slowness = new Slowness({
    unsentBytes: () => this.#unsentBytes(),
    oldestQuestion: () => this.#roundTrips.oldest(),
    onSlowed: () => this.#notify(() => this.emit('slowed')),
    onResumed: () => this.#notify(() => this.emit('resumed')),
  });
  readonly #roundTrips = new RoundTrips((text, options) => this.tell(this.login, text, options), this.#slowness);
  readonly #heartbeat: Heartbeat | undefined;

  private constructor(options: ClientOptions) {
    super();
    const resolved = resolveClientOptions(options);
    this.login = options.login;
    this.servers = toAddresses(options.server);
    // It throws where the login can never be sent.
    encodePacket({ type: 'LOGIN', login: options.login });
    this.#loop = new SessionLoop(this.servers, this.login, resolved, {
      onPacket: (packet) => this.#onPacket(packet),
      onConnected: () => {
        this.#heartbeat?.connected();
        this.#notify(() => this.emit('connected'));
        this.#privates.requests.repeat();
      },
      onDisconnected: ({ error, reason, final }) => {
        this.#privates.requests.fail(reason, !final);
        this.#heartbeat?.disconnected();
        this.#roundTrips.fail(reason);
        this.#slowness.disconnected();
        if (!this.#loop.ending) this.#privates.onSessionLost(error);
        this.#notify(() => this.emit('disconnected', error));
      },
      onRetrying: (retry) => this.#notify(() => this.emit('retrying', retry)),
      onClosed: (error, reason) => {
        this.#privates.requests.fail(reason, false);
        this.#notify(() => this.emit('closed', error));
      },
    });
    this.#privates = new PrivateConnections({
      login: this.login,
      loop: this.#loop,
      options: resolved,
      roundTrip: (limits) => this.roundTrip(limits),
    });
    if (resolved.heartbeatMs !== Infinity) {
      this.#heartbeat = new Heartbeat({
        intervalMs: resolved.heartbeatMs,
        roundTrip: (limits) => this.roundTrip(limits),
        unsentBytes: () => this.#unsentBytes(),
        onSilent: (silentMs) => this.#loop.session?.connection.destroy(this.#silent(silentMs)),
        onUnanswered: () => this.#notify(() => this.emit('heartbeatOff')),
      });
    }
    const { signal } = options;
    const abort = (): void => void this.#loop.abort(signal?.reason);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true, signal: this.#loop.signal });
  }

  /**
   * Connects and logs in. With `reconnect`, attempts go on until one succeeds; a login that is taken ends them, unless
   * `waitForLogin` is set, and so does a server that is not trusted.
   *
   * @throws {ChatosError} `INVALID_ADDRESS`, `INVALID_PACKET` (the login), `CONNECT_FAILED`, `NOT_TRUSTED`,
   *   `TIMED_OUT`, `LOGIN_REFUSED`, `CONNECTION_LOST`, `UNEXPECTED_PACKET`, `MALFORMED_PACKET` or `ABORTED`
   */
  static async connect(options: ClientOptions): Promise<ChatosClient> {
    const client = ChatosClient.create(options);
    await client.start();
    return client;
  }

  /** A client that is not connected yet, so that listeners can be added before {@link ChatosClient.start}. */
  static create(options: ClientOptions): ChatosClient {
    return new ChatosClient(options);
  }

  /** Connects and logs in: see {@link ChatosClient.connect}. Called again, it is the same start. */
  start(): Promise<void> {
    return this.#loop.start();
  }

  /** The address that the session is on, or was on last; before the first one, the first that is tried. */
  get server(): Address {
    return this.#loop.server;
  }

  /** Whether there is a session at the moment. */
  get connected(): boolean {
    return this.#loop.session?.connection.open === true;
  }

  /** Whether the server takes what is sent more slowly than it comes: between the events `slowed` and `resumed`. */
  get slowed(): boolean {
    return this.#slowness.slowed;
  }

  /** Open private connections. */
  get channelCount(): number {
    return this.#privates.channels.size;
  }

  /** Resolves when no private connection is open. */
  channelsClosed(): Promise<void> {
    return this.#privates.channels.allClosed();
  }

  /**
   * Says something to everyone; resolves when the operating system has taken it.
   *
   * @throws {ChatosError} `INVALID_PACKET` where it is over 1024 bytes, `NOT_CONNECTED`, `CONNECTION_LOST`, `TIMED_OUT` or
   *   `ABORTED` (the message may still be sent then)
   */
  say(text: string, options: SendOptions = {}): Promise<void> {
    return this.#deliver({ type: 'MESSAGE', login: this.login, msg: text }, options);
  }

  /**
   * Says something to one; resolves when the operating system has taken it. Where nobody has that login, the server
   * drops it without a word (P8).
   *
   * @throws {ChatosError} as {@link ChatosClient.say}
   */
  tell(to: string, text: string, options: SendOptions = {}): Promise<void> {
    return this.#deliver({ type: 'MESSAGE_PRIVATE', loginSender: this.login, loginTarget: to, msg: text }, options);
  }

  /**
   * Resolves when the server has handled everything that was sent until now, and everything that it had for us by then has
   * come: when a message to ourselves, which listeners do not see, is back.
   *
   * @throws {ChatosError} as {@link ChatosClient.say}
   */
  roundTrip(options: SendOptions = {}): Promise<void> {
    return this.#roundTrips.make(options);
  }

  /**
   * Asks a peer for a private connection and opens it.
   *
   * @throws {ChatosError} `REQUEST_REFUSED`, `TIMED_OUT`, `NOT_CONNECTED`, `CONNECTION_LOST`, `INVALID_ARGUMENT` (one's
   *   own login), `QUEUE_FULL` or `ABORTED`
   */
  request(peer: string, options: RequestOptions = {}): Promise<Channel> {
    return this.#privates.request(peer, options);
  }

  /**
   * Ends the client in order: what was sent leaves first; resolves when the server has closed the session too. Channels
   * that are open go on. Whether it went well is in the error of `closed`.
   */
  close(): Promise<void> {
    return this.#loop.close();
  }

  /** Ends the client at once, and breaks its channels. */
  async destroy(): Promise<void> {
    this.#privates.channels.destroy();
    await this.#loop.abort();
  }

  #onPacket(packet: Packet): void {
    this.#heartbeat?.heard();
    if ('loginRequester' in packet && (packet.loginRequester === '' || packet.loginTarget === '')) {
      this.#refusePacket(`${packet.type} without a login`);
      return;
    }
    switch (packet.type) {
      case 'MESSAGE':
        this.#receive(packet.login, packet.msg, false);
        break;
      case 'MESSAGE_PRIVATE':
        this.#receive(packet.loginSender, packet.msg, true);
        break;
      case 'REQUEST_PRIVATE':
        this.#onRequest(this.#privates.asked(packet.loginRequester));
        break;
      case 'KO_PRIVATE':
        this.#privates.requests.onKo(packet.loginTarget);
        break;
      case 'ID_PRIVATE':
        this.#privates.onId(packet);
        break;
      case 'ACCEPT_CLOSE_CONNECTION':
        this.#privates.channels.onClosed(packet.loginTarget);
        break;
      case 'LOGIN_REFUSED':
        // The answer to a second LOGIN, which we never send: of no consequence (P7).
        break;
      default:
        this.#refusePacket(`${packet.type}, which has no place in a session`);
    }
  }

  #refusePacket(what: string): void {
    this.#loop.session?.connection.destroy(new ChatosError('UNEXPECTED_PACKET', `the server sent ${what}`));
  }

  #receive(from: string, text: string, isPrivate: boolean): void {
    const own = loginKey(from) === loginKey(this.login);
    if (own && isPrivate && this.#roundTrips.returned(text)) return;
    this.#notify(() => this.emit('message', { from, text, private: isPrivate, own }));
  }

  #unsentBytes(): number {
    return this.#loop.session?.connection.unsentBytes ?? 0;
  }

  #silent(silentMs: number): ChatosError {
    const message = `${formatAddress(this.server)} is silent: nothing has come for ${silentMs / 1000} s, not even an answer`;
    return new ChatosError('CONNECTION_LOST', message, { fields: { silentMs } });
  }

  #onRequest(request: PrivateRequest): void {
    const isHeard = this.#notify(() => this.emit('request', request));
    if (!isHeard) request.refuse();
  }

  /** A listener that throws is an uncaught error, as ever, and stops nothing here. Returns whether one has heard it. */
  #notify(emit: () => boolean): boolean {
    try {
      return emit();
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
      return false;
    }
  }

  async #deliver(packet: Packet, options: SendOptions): Promise<void> {
    const connection = this.#loop.session?.connection;
    if (!connection?.open) throw this.#loop.notConnected();
    const { timeoutMs, signal } = resolveOptions('send options', options, SEND_OPTIONS);
    const waiting = createDeferred<void>({ timeoutMs, signal, what: 'the server did not take the message' });
    // Given up already: nothing is sent.
    if (waiting.settled || timeoutMs <= 0) return waiting.promise;
    try {
      connection.send(packet, (error) => (error ? waiting.reject(error) : waiting.resolve()));
      this.#heartbeat?.sent();
      this.#slowness.sent();
    } catch (error) {
      waiting.resolve();
      throw error;
    }
    await waiting.promise;
  }
}
