import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { ChatosError } from '../errors.ts';
import { formatAddress, toAddress, type Address, type AddressLike } from '../net/address.ts';
import type { Listener } from '../net/listen.ts';
import type { KeyPair } from '../net/tls-server.ts';
import type { BoundedLogger } from '../util/bounded-log.ts';
import { resolveOptions } from '../util/option-table.ts';
import { Certificate } from './certificate.ts';
import { Draining } from './draining.ts';
import type { Ban, BanKind } from './access/bans.ts';
import { WHOLE_SERVER_EVENTS, type ServerEvents } from './events.ts';
import { enter, ownEntrance } from './entrances.ts';
import { hereOf } from './here.ts';
import { Hub } from './hub.ts';
import { keepOut, kick } from './keeping-out.ts';
import { logEvents } from './log-events.ts';
import {
  changeServerOptions,
  CLOSE_OPTIONS,
  resolveServerOptions,
  type CloseOptions,
  type ServerOptions,
  type UpdatableOptions,
} from './options.ts';
import { isOfSelfTest, testItself } from './self-test.ts';
import { busiest, findPresent, fullest, present } from './present-sessions.ts';
import { countEvents, type ServerCounters, type ServerStats } from './stats.ts';
import type { ChannelView, SessionView } from './views.ts';

/** What a self-test may take at most: a server that takes longer does not serve. */
const SELF_TEST_MS = 2_000;

/**
 * A complete ChatOS server. It may listen on several addresses, with either width of LONG; logins, messages and private
 * connections go across them. What happens in it is emitted as {@link ServerEvents}.
 *
 * @example
 * const server = new ChatosServer();
 * const { port } = await server.listen('127.0.0.1:0');
 * await server.close();
 */
export class ChatosServer extends EventEmitter<ServerEvents> {
  readonly #hub: Hub;
  readonly #counters: ServerCounters;
  readonly #log: BoundedLogger;
  readonly #certificate: Certificate;
  readonly #listeners: Listener[] = [];
  readonly #stopping = new AbortController();
  /** Those that accept no more, and until when their connections have gone. */
  readonly #stopped: { readonly listener: Listener; readonly gone: Promise<void> }[] = [];
  #draining: Draining | undefined;
  #closing: Promise<void> | undefined;

  /**
   * A server that listens nowhere yet.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` where an option is unknown or invalid
   */
  constructor(options: ServerOptions = {}) {
    super();
    const resolved = resolveServerOptions(options);
    const emit = this.emit.bind(this) as (name: string, ...of: unknown[]) => boolean;
    // What its own test does is nobody's event, and what becomes of the whole server is not that of one process of it.
    const isSilent = (name: string): boolean => resolved.others !== undefined && WHOLE_SERVER_EVENTS.has(name);
    this.emit = ((name: string, ...of: unknown[]) =>
      !isOfSelfTest(of[0]) && !isSilent(name) && emit(name, ...of)) as typeof this.emit;
    this.#counters = countEvents(this);
    this.#log = logEvents(this, resolved.log);
    this.#hub = new Hub(resolved, this);
    resolved.others?.attach(hereOf(this.#hub));
    this.#certificate = new Certificate(resolved.tls, resolved.limits.handshakeTimeoutMs);
  }

  /** Where it listens, with the real ports, and the pin where its certificate is signed by itself. */
  get addresses(): readonly Address[] {
    return this.#listeners.map(({ address }) => this.#certificate.pinned(address));
  }

  /** What it has done and holds, at this moment. */
  get stats(): ServerStats {
    const { directory, channels, connections, receivers, testing } = this.#hub;
    return {
      clients: directory.size - testing,
      connections,
      channels: channels.open,
      queuedBytes: receivers.totalBytes,
      ...this.#counters,
      relayedBytes: this.#counters.relayedBytes + channels.relayedBytes,
    };
  }

  /** The main connections at this moment, identified or not. */
  sessions(): SessionView[] {
    return present(this.#hub.sessions).map((session) => session.view());
  }

  /**
   * The main connections for which most waits at this moment, the fullest first, and so many at most; those for which
   * nothing waits are left out.
   */
  fullest(most: number): SessionView[] {
    return fullest(this.#hub.sessions, most).map((session) => session.view());
  }

  /**
   * So many main connections at most: those for which something waits, then those that have sent something last. There may
   * be thousands: what is cheap to know decides which are looked at.
   */
  busiest(most: number): SessionView[] {
    return busiest(this.#hub.sessions, most).map((session) => session.view());
  }

  /** The private connections that are relayed at this moment. */
  channels(): ChannelView[] {
    return this.#hub.channels.views();
  }

  /**
   * Listens on one more address; port 0 picks a free one. Returns the address with the real port.
   *
   * @throws {ChatosError} `INVALID_ADDRESS` or `LISTEN_FAILED`; `INVALID_ARGUMENT` where it has `proxy`, and the server no
   *   `proxies`, or where it has `tls://`, and the server no certificate that can be used
   */
  async listen(address: AddressLike): Promise<Address> {
    const wanted = toAddress(address, 'listener');
    if (wanted.proxy && this.#hub.options.proxies.length === 0) {
      const message = `${formatAddress(wanted)} expects a PROXY header, which nobody may send: name the addresses of the proxies (serve.proxies)`;
      throw new ChatosError('INVALID_ARGUMENT', message, { fields: { option: 'proxies' } });
    }
    let real = wanted;
    const { listen } = this.#hub.options;
    const listener = await listen(wanted, (from) => enter(this.#hub, from, real), {
      onError: (error) => this.emit('acceptFailed', wanted, error),
      headers: this.#hub.proxyHeaders,
      tls: wanted.transport === 'tls' ? await this.#certificate.server() : undefined,
    });
    if (this.#closing) {
      await listener.close();
      throw new ChatosError('ABORTED', 'the server was closed');
    }
    real = listener.address;
    this.#listeners.push(listener);
    const pinned = this.#certificate.pinned(real);
    this.emit('listening', pinned);
    return pinned;
  }

  /** When its certificate expires; `undefined` without one. */
  get certificateExpiresAt(): Date | undefined {
    return this.#certificate.expiresAt;
  }

  /** The fingerprint of the key of its certificate, as `sha256:…`; `undefined` without one. */
  get fingerprint(): string | undefined {
    return this.#certificate.fingerprint;
  }

  /** Listens no longer on one of its addresses; connections that have come by it go on. Returns whether it was one. */
  stopListening(address: Address): boolean {
    const wanted = formatAddress({ ...address, pin: undefined });
    const index = this.#listeners.findIndex((listener) => formatAddress(listener.address) === wanted);
    if (index < 0) return false;
    const [listener] = this.#listeners.splice(index, 1);
    // It resolves when the last connection has gone, which may take days.
    this.#stopped.push({ listener: listener!, gone: listener!.close() });
    return true;
  }

  /**
   * Changes what can be changed while it runs; anyone who is in stays in. What is left out stays as it is.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT`; nothing is changed then
   */
  update(options: UpdatableOptions): void {
    const { options: resolved } = this.#hub;
    changeServerOptions(resolved, options);
    this.#hub.onChanged();
    this.#certificate.setHandshakeTimeout(resolved.limits.handshakeTimeoutMs).catch(() => undefined);
  }

  /**
   * Handshakes that begin from now on get this certificate; nobody who is connected notices. Returns whether it is another one.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` where it cannot be used; the one before stays
   */
  async replaceCertificate(pair: KeyPair): Promise<boolean> {
    return this.#certificate.replace(pair);
  }

  /**
   * Stops: no new connections; channels get `drainMs` milliseconds to finish, what is left of them is broken. Sessions without
   * channels end one after the other, over the first half of that time; the others when theirs have ended. Resolves when
   * everything is closed, two seconds after that time at the latest; a second call with a shorter time cuts the first one
   * short.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT`
   */
  async close(options: CloseOptions = {}): Promise<void> {
    const { drainMs } = resolveOptions('close options', options, CLOSE_OPTIONS);
    this.#draining?.shorten(drainMs);
    await (this.#closing ??= this.#close(drainMs));
  }

  /**
   * Ends a session, and the private connections of its login. The login is free then, also for the one that was kicked.
   * Returns whether there is such a session.
   */
  kick(id: string, why = 'kicked'): boolean {
    const session = findPresent(this.#hub.sessions, id);
    if (session) kick(this.#hub, session, why);
    return session !== undefined;
  }

  /** Whether it is stopping: it lets nobody in any more. */
  get isStopping(): boolean {
    return !this.#hub.admitting;
  }

  /**
   * Lets nobody log in any more, as before {@link ChatosServer.close}; connections that try are ended. Sessions go on, and may
   * still open private connections.
   */
  admitNobody(): void {
    this.#hub.admitting = false;
  }

  /**
   * Tests itself over its first address: two clients log in, one hears what it says to everyone, and both have a private
   * connection, over which a few bytes go each way. What is said to everyone goes through what all are sent, and only its own
   * client gets it. Nothing of it is counted, listed, logged or emitted, and no rule or limit keeps it out. Returns what has
   * failed, in words; `undefined` where all went well.
   */
  async selfTest(timeoutMs = SELF_TEST_MS): Promise<string | undefined> {
    const [listener] = this.#listeners;
    if (this.isStopping) return 'the server is stopping';
    if (!listener) return 'the server listens nowhere';
    const connect = (): Promise<Duplex> => listener.connectToItself(ownEntrance(this.#hub, listener.address));
    return testItself(connect, listener.address.longBytes, timeoutMs, this.#stopping.signal);
  }

  /** Whom operators keep out at this moment. */
  bans(): Ban[] {
    return this.#hub.access.bans.list();
  }

  /**
   * Keeps somebody out, and ends the sessions and private connections that are hit. Returns how many of each. An address is
   * closed when it connects, a login is answered LOGIN_REFUSED, as are those that look like it. One of the same is replaced.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT`, or `QUEUE_FULL` where there are 1,000 of the kind
   */
  ban(ban: Ban): { readonly sessions: number; readonly channels: number } {
    return keepOut(this.#hub, ban);
  }

  /** @throws {ChatosError} `QUEUE_FULL` where there would be more than 1,000 of a kind with these */
  checkRoomForBans(bans: readonly Ban[]): void {
    this.#hub.access.bans.checkRoomFor(bans);
  }

  /** Lifts a ban. Returns it, if there was one. */
  unban(kind: BanKind, what: string): Ban | undefined {
    const lifted = this.#hub.access.bans.remove(kind, what);
    if (lifted) this.emit('unbanned', lifted, 'lifted');
    return lifted;
  }

  /** Breaks everything at once: for a process that is about to exit. */
  abort(): void {
    this.#hub.channels.abort();
    for (const session of this.#hub.sessions) session.destroy();
  }

  async #close(drainMs: number): Promise<void> {
    const { proxyHeaders } = this.#hub;
    this.#hub.closing = true;
    this.admitNobody();
    this.#stopping.abort();
    const stopped = this.#stopped.map(({ listener }) => listener);
    const closed = [...this.#stopped.map(({ gone }) => gone), ...this.#listeners.map((listener) => listener.close())];
    for (const listener of [...this.#listeners, ...stopped]) listener.breakHandshakes();
    proxyHeaders.close();
    this.#draining = new Draining(this.#hub, drainMs);
    await this.#draining.done;
    await Promise.all(closed);
    this.#log.flush();
  }
}
