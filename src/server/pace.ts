import type { PacketConnection } from '../net/packet-connection.ts';
import type { SessionInfo } from './events.ts';
import type { Hub } from './hub.ts';
import type { Audience } from './limits/readers.ts';
import type { ServerLimits } from './limits/server-limits.ts';
import type { Sender } from './limits/slowing.ts';
import type { Source } from './limits/source-account.ts';

/** After a pause for a rate, one within this time belongs to it. */
const SLOWED_MS = 1_000;

/** A session, and the address that it counts for at this moment. */
interface Paced extends SessionInfo {
  readonly source: Source;
}

/** How fast a session is read: not while it is over a rate, nor, where it is exempt, while a reader is behind (P17). */
export class Pace implements Sender {
  readonly #hub: Hub;
  readonly #session: Paced;
  readonly #connection: PacketConnection;
  messagesPaidAt = 0;
  bytesPaidAt = 0;
  roundAt = 0;
  leftMs = 0;
  /** Until when a pause belongs to the one before. */
  #slowedUntil = 0;
  /** Of whom one is behind with reading, so that it waits. */
  #awaited: Audience | undefined;

  constructor(hub: Hub, session: Paced, connection: PacketConnection) {
    this.#hub = hub;
    this.#session = session;
    this.#connection = connection;
  }

  get source(): Source {
    return this.#session.source;
  }

  get isHeldBack(): boolean {
    return this.#awaited !== undefined && this.#hub.readers.behind(this.#awaited) !== undefined;
  }

  /** A packet has come. Returns the limit that it is over, which is acted upon by {@link Pace.slow} once it is handled. */
  charge(bytes: number): keyof ServerLimits | undefined {
    return this.#hub.slowing.charge(this, bytes);
  }

  slow(limit: keyof ServerLimits): void {
    if (this.#connection.open && this.#pause()) this.#hub.events.emit('slowed', this.#session, limit);
  }

  /** It has sent a message: where it is exempt and a reader is behind, it waits. */
  sentTo(audience: Audience): void {
    if (!this.source.exempt || !this.#connection.open) return;
    const reader = this.#hub.readers.behind(audience);
    if (!reader) return;
    this.#awaited = audience;
    if (this.#pause()) this.#hub.events.emit('heldBack', this.#session, reader);
  }

  resume(): void {
    this.#slowedUntil = performance.now() + SLOWED_MS;
    this.#awaited = undefined;
    this.#connection.release();
  }

  /** The session is over. */
  forget(): void {
    this.#hub.slowing.forget(this);
  }

  /** It is not read until it may go on: TCP slows the client. Returns whether that is new. */
  #pause(): boolean {
    this.#connection.pause();
    this.#hub.slowing.wait(this);
    return performance.now() >= this.#slowedUntil;
  }
}
