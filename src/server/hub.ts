import type { EventEmitter } from 'node:events';
import { Networks } from '../net/networks.ts';
import { incompletePackets, type PacketConnection } from '../net/packet-connection.ts';
import { ProxyHeaders } from '../net/proxy-headers.ts';
import { Receivers } from '../net/receivers.ts';
import { Deadlines } from '../util/deadlines.ts';
import type { Access } from './access/access.ts';
import { Broadcast } from './broadcast.ts';
import { Carriers } from './carriers.ts';
import { Channels } from './channels/channels.ts';
import { InMemoryDirectory, type Directory, type SessionId } from './directory.ts';
import type { PairInfo, ServerEvents, SessionInfo } from './events.ts';
import { Readers } from './limits/readers.ts';
import { Slowing } from './limits/slowing.ts';
import { Sources } from './limits/sources.ts';
import { receiverLimits } from './limits/receiver-limits.ts';
import { Negotiations } from './negotiation.ts';
import type { ResolvedServerOptions } from './options.ts';
import type { Others } from './others.ts';
import type { SessionView } from './views.ts';

/** A main connection, as the server ends it. */
export interface OpenSession extends SessionInfo {
  /** Its login, as logins are compared; empty before it has logged in. */
  readonly key: string;
  /** Whether it had logged in, and has ended: its connection lingers. */
  readonly hasLeft: boolean;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  /** Its address may be exempt now, or be so no longer. */
  findSource(): void;
  /** What it is at this moment. */
  view(): SessionView;
  /** Memory, in bytes, that waits for it. */
  readonly queuedBytes: number;
  /** How long it has sent no whole packet, in milliseconds. */
  readonly idleMs: number;
  /** Ends the connection in order: what is queued leaves first. */
  end(): void;
  /** Closes the connection at once. */
  destroy(): void;
  /** Ends the session by an operator's wish: its login is free, and what its client still sends has no effect. */
  kick(): void;
}

/** What the sessions of a server share: everything a packet's handler can act upon. */
export class Hub {
  readonly options: ResolvedServerOptions;
  readonly events: EventEmitter<ServerEvents>;
  readonly directory: Directory;
  /** The other processes that are the same server, if there are any. */
  readonly others: Others | undefined;
  /** Who may come in. */
  readonly access: Access;
  readonly broadcast = new Broadcast();
  /** The connections, those of channels included, for whose clients something waits. */
  readonly receivers: Receivers;
  /** The sessions of which a packet has begun, and not ended (P4). */
  readonly incomplete: Deadlines<PacketConnection>;
  readonly negotiations: Negotiations;
  readonly channels: Channels;
  /** The addresses that connections come from. */
  readonly sources: Sources;
  /** Who may say where a connection comes from (P20). */
  readonly proxies: Networks;
  /** Connections of proxies that have not said it yet. */
  readonly proxyHeaders: ProxyHeaders;
  /** Connections that have not said yet what they are, and when they must have (P12). */
  readonly identifying: Deadlines<OpenSession>;
  /** Who sends faster than the rates allow, or than a reader takes it. */
  readonly slowing: Slowing;
  /** Whom exempt senders wait for. */
  readonly readers = new Readers();
  /** What brings what clients of other processes say. */
  readonly carriers: Carriers;
  /** Clients of the server's own test that are logged in. */
  testing = 0;
  /** Connections whose TLS handshake is not done. */
  handshakes = 0;
  /** Main connections, identified or not. */
  readonly sessions = new Set<OpenSession>();
  /** Whether clients may log in; the sessions that there are have their private connections in any case. */
  admitting = true;
  /** Whether the server is closing: logins are held for nobody then. */
  closing = false;
  /** Called when a channel of another process has ended: its parties may be clients of this one. */
  onChannelElsewhere: ((pair: PairInfo) => void) | undefined;
  #lastSession = 0;

  constructor(options: ResolvedServerOptions, events: EventEmitter<ServerEvents>) {
    this.options = options;
    this.events = events;
    this.access = options.access;
    this.access.bans.onExpired = (ban) => events.emit('unbanned', ban, 'expired');
    this.directory = options.directory ?? new InMemoryDirectory(options.limits.loginHoldMs);
    this.others = options.others;
    this.receivers = new Receivers(receiverLimits(options.limits));
    this.carriers = new Carriers(this.receivers);
    this.incomplete = incompletePackets(options.limits.packetTimeoutMs);
    this.sources = new Sources(options.limits);
    if (options.others) this.sources.share((news) => options.others?.tellSources(news));
    this.proxies = new Networks(options.proxies);
    this.proxyHeaders = this.#proxyHeaders();
    this.slowing = new Slowing(options.limits);
    this.negotiations = new Negotiations(options.limits, events);
    this.channels = new Channels(options, events, this.sources, this.receivers);
    this.identifying = new Deadlines(options.limits.identifyTimeoutMs, (session) => {
      events.emit('notIdentified', session);
      session.destroy();
    });
  }

  /** TCP connections, halves and those in a handshake included. */
  get connections(): number {
    return this.handshakes + this.sessions.size + this.channels.connections + this.proxyHeaders.waiting;
  }

  #proxyHeaders(): ProxyHeaders {
    const { limits } = this.options;
    const mayRelay = (from: string): boolean => {
      const isFull = this.connections >= limits.maxConnections;
      const why = this.closing ? 'closing' : !this.proxies.has(from) ? 'not a proxy' : isFull ? 'too many' : undefined;
      if (why) this.events.emit('connectionRefused', from, why);
      return !why;
    };
    return new ProxyHeaders({
      mayRelay,
      timeoutMs: limits.proxyHeaderTimeoutMs,
      onFailed: (from, why, failure) =>
        this.events.emit('proxyHeaderRefused', from, why, failure === 'late' ? 'proxyHeaderTimeoutMs' : undefined),
    });
  }

  /** The options have changed: who is in has the new ones, too. */
  onChanged(): void {
    const { limits, proxies } = this.options;
    this.proxies.replace(proxies);
    this.directory.holdFor?.(limits.loginHoldMs);
    this.receivers.limits = receiverLimits(limits);
    this.incomplete.ms = limits.packetTimeoutMs;
    this.identifying.ms = limits.identifyTimeoutMs;
    this.proxyHeaders.timeoutMs = limits.proxyHeaderTimeoutMs;
    this.sources.update();
    this.slowing.update(limits);
    this.negotiations.update();
    this.channels.update();
    for (const session of this.sessions) session.findSource();
  }

  newSessionId(): SessionId {
    this.#lastSession += 1;
    return this.others?.ownId(this.#lastSession) ?? String(this.#lastSession);
  }
}
