import type net from 'node:net';
import type { ChatosError } from '../errors.ts';
import { PacketConnection } from '../net/packet-connection.ts';
import { encodePacket } from '../protocol/encoder.ts';
import { loginKey } from '../util/login-key.ts';
import { startTimer } from '../util/timeout.ts';
import type { LongBytes } from '../protocol/limits.ts';
import type { Packet } from '../protocol/packets.ts';
import type { Subscriber } from './broadcast.ts';
import type { ConnectedClient } from './directory.ts';
import { HANDLERS } from './handlers.ts';
import type { Hub } from './hub.ts';

/** Refused logins of one connection that are worth a line at level info. */
const LOGGED_REFUSALS = 5;

/** A client's main connection, from accept to close (or until it turns out to be a half of a channel). */
export class Session implements ConnectedClient {
  login = '';
  key = '';
  readonly longBytes: LongBytes;
  /** Where it connects from: `192.0.2.1`, for the log and the throttle; never told to anybody else. */
  readonly remoteAddress: string;
  readonly #hub: Hub;
  readonly #connection: PacketConnection;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  #resolveClosed!: () => void;
  #subscriber: Subscriber | undefined;
  #identifyTimer: NodeJS.Timeout | undefined;
  #forbidden = 0;
  #packets = 0;
  #refusals = 0;

  constructor(hub: Hub, socket: net.Socket, longBytes: LongBytes) {
    const { limits } = hub.options;
    this.#hub = hub;
    this.longBytes = longBytes;
    this.remoteAddress = socket.remoteAddress ?? 'unknown';
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    this.#connection = new PacketConnection(
      socket,
      { onPacket: this.#onPacket, onEnd: this.#leave, onClose: this.#onClose },
      { longBytes, maxQueuedBytes: limits.maxQueuedBytes, packetTimeoutMs: limits.packetTimeoutMs },
    );
    this.#identifyTimer = startTimer(limits.identifyTimeoutMs, () => {
      this.#hub.log.info('closed: not identified in time', { from: this.remoteAddress });
      this.#connection.destroy();
    });
    hub.sessions.add(this);
  }

  get identified(): boolean {
    return this.key !== '';
  }

  /** Whether the packet being handled is the first one of the connection. */
  get fresh(): boolean {
    return this.#packets === 1;
  }

  send(packet: Packet): void {
    this.sendBytes(encodePacket(packet, this.longBytes));
  }

  sendBytes(frame: Buffer): void {
    if (this.#subscriber) this.#hub.broadcast.catchUp(this.#subscriber);
    this.#connection.sendBytes(frame);
  }

  /** Hands everything queued to the operating system now. */
  flush(): void {
    this.#connection.flush();
  }

  /** Takes the login if it is free; from then on the session hears what is said to everyone. */
  identify(login: string): boolean {
    this.login = login;
    this.key = loginKey(login);
    if (!this.#hub.directory.claim(this)) {
      this.login = '';
      this.key = '';
      return false;
    }
    clearTimeout(this.#identifyTimer);
    this.#connection.send({ type: 'LOGIN_ACCEPTED' });
    this.#subscriber = this.#hub.broadcast.join(this.#connection);
    this.#hub.log.info('logged in', { login, from: this.remoteAddress });
    return true;
  }

  refuseLogin(login: string, why: string): void {
    this.#refusals += 1;
    const { log } = this.#hub;
    // Whoever tries without end does not fill the log.
    const tell = this.#refusals <= LOGGED_REFUSALS ? log.info : log.debug;
    tell('login refused', { login, why, from: this.remoteAddress });
    this.send({ type: 'LOGIN_REFUSED' });
  }

  /** Whether a login in a packet is this session's own (P7). */
  is(login: string): boolean {
    return login === this.login || loginKey(login) === this.key;
  }

  /** A well-formed packet that this session may not send now (P5). */
  forbid(packet: Packet, why: string): void {
    this.#hub.counters.forbidden += 1;
    this.#forbidden += 1;
    const last = this.#forbidden >= this.#hub.options.limits.maxForbiddenPackets;
    const fields = { type: packet.type, why, login: this.login || undefined, from: this.remoteAddress };
    this.#hub.log.warn(last ? 'closed: too many forbidden packets' : 'forbidden packet', fields);
    if (last) this.#connection.destroy();
  }

  /** The connection turns out to be a half of a channel: it stops being a session. */
  becomeHalf(connectId: bigint): void {
    clearTimeout(this.#identifyTimer);
    this.#hub.sessions.delete(this);
    this.#resolveClosed();
    const { socket, rest } = this.#connection.detach();
    this.#hub.channels.enter(connectId, socket, rest, this.remoteAddress);
  }

  /** Ends the connection in order: what is queued leaves first. */
  end(): void {
    this.#connection.end();
  }

  /** Closes the connection at once. */
  destroy(): void {
    this.#connection.destroy();
  }

  readonly #onPacket = (packet: Packet, frame: () => Buffer): void => {
    this.#packets += 1;
    try {
      const handle = HANDLERS[packet.type] as (hub: Hub, session: Session, packet: Packet, frame: () => Buffer) => void;
      if (!this.identified && packet.type !== 'LOGIN' && packet.type !== 'LOGIN_PRIVATE') {
        this.forbid(packet, 'not identified yet');
      } else {
        handle(this.#hub, this, packet, frame);
      }
    } catch (error) {
      // A bug of ours: it costs this client its connection, and nobody else anything.
      this.#hub.log.error('internal error', { type: packet.type, stack: error instanceof Error ? error.stack : error });
      this.#connection.destroy();
    }
  };

  readonly #onClose = (error: ChatosError | undefined): void => {
    clearTimeout(this.#identifyTimer);
    const hub = this.#hub;
    hub.sessions.delete(this);
    this.#resolveClosed();
    const who = { login: this.login || undefined, from: this.remoteAddress };
    if (error?.code === 'MALFORMED_PACKET') {
      hub.counters.malformed += 1;
      hub.log.warn('closed: malformed packet', { why: error.message, ...who });
    } else if (error?.code === 'QUEUE_FULL') {
      hub.counters.slow += 1;
      hub.log.warn('closed: does not read', { why: error.message, ...who });
    } else if (error) {
      hub.log.info('connection lost', { why: error.message, ...who });
    }
    this.#leave();
  };

  /** Nobody's any more: the login is free, and those who waited for an answer are told (P7, P10). */
  readonly #leave = (): void => {
    if (!this.#subscriber) return;
    const hub = this.#hub;
    hub.broadcast.catchUp(this.#subscriber);
    hub.broadcast.leave(this.#subscriber);
    this.#subscriber = undefined;
    hub.directory.release(this);
    hub.negotiations.leave(this);
    hub.log.info('left', { login: this.login, from: this.remoteAddress });
  };
}
