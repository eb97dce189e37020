import { Networks } from '../../net/networks.ts';
import type { ConnectionRefusal } from '../events.ts';
import { Rate } from './rate.ts';
import type { SharedAccount } from './slowing.ts';
import type { ServerLimits } from './server-limits.ts';
import { sourceOf } from './source.ts';

/** How often the table is rid of addresses that have nothing here, and whose burst is whole again. */
const SWEEP_MS = 1_000;
/** Addresses without a connection that are remembered for their rate; beyond, the oldest are forgotten. */
const MAX_ABSENT = 10_000;

/**
 * The processor's time that a TLS handshake may take, in milliseconds: each time more of it counts as one more connection. One
 * takes a millisecond or two; who shows certificates that are made to be slow to look at pays for it.
 */
const HANDSHAKE_MS = 8;

/** A place that is taken until it is left, once. */
export interface Place {
  leave(): void;
}

/** The limits that an address may reach with what it asks for. */
export type AskingLimit = 'maxConnectionsPerAddress' | 'connectionsPerSecondPerAddress';

/** What is known of an address that connections come from; of an IPv6 address, of its /64. */
export class Source implements SharedAccount, Place {
  readonly name: string;
  /** Nothing is limited for it. */
  readonly exempt: boolean;
  /** Its connections, but for {@link Source.halves}. */
  connections = 0;
  /** Those of them that have neither logged in nor presented a connect id. */
  unidentified = 0;
  /** Its connections that are halves of private connections which its sessions have agreed on. */
  readonly halves = new Places(this);
  /** The live connect ids that its sessions have asked for. */
  readonly asked = new Places(this);
  /** The halves that are to come from here for connect ids which are alive. */
  readonly expected = new Places(this);
  connectionsPaidAt = 0;
  askedPaidAt = 0;
  messagesPaidAt = 0;
  bytesPaidAt = 0;
  roundAt = -Infinity;
  sharers = 0;
  readonly #onLeft: (source: Source) => void;

  constructor(name: string, exempt: boolean, onLeft: (source: Source) => void) {
    this.name = name;
    this.exempt = exempt;
    this.#onLeft = onLeft;
  }

  /** Whether it has a connection. */
  get isPresent(): boolean {
    return this.connections + this.halves.taken > 0;
  }

  /** One of its connections is gone. */
  leave(): void {
    this.connections -= 1;
    this.onLess();
  }

  /** It has one place less of any kind. */
  onLess(): void {
    if (!this.isPresent && this.asked.taken + this.expected.taken === 0) this.#onLeft(this);
  }
}

/** Places of one kind, which are counted. */
class Places implements Place {
  taken = 0;
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  take(): Place {
    this.taken += 1;
    return this;
  }

  leave(): void {
    this.taken -= 1;
    this.#source.onLess();
  }
}

/** The addresses that have connections, and whether they may have more (P19). Nobody who is in is evicted. */
export class Sources {
  readonly #limits: ServerLimits;
  readonly #now: () => number;
  readonly #exempt = new Networks();
  #connectionRate!: Rate;
  readonly #sources = new Map<string, Source>();
  readonly #absent = new Set<Source>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(limits: ServerLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.update();
  }

  /** The limits have changed. Who is in has the address that it had: see {@link Sources.move}. */
  update(): void {
    const { exempt, connectionsPerSecondPerAddress, connectionBurstPerAddress } = this.#limits;
    this.#exempt.replace(exempt);
    this.#connectionRate = new Rate(connectionsPerSecondPerAddress, connectionBurstPerAddress);
  }

  /** What a session counts for that is in, where its address is exempt now, or is so no longer. */
  move(from: Source, address: string, isUnidentified: boolean): Source {
    const to = this.#find(address);
    if (to === from || to.exempt === from.exempt) return from;
    this.#keep(to);
    to.connections += 1;
    if (isUnidentified) {
      to.unidentified += 1;
      from.unidentified -= 1;
    }
    from.leave();
    return to;
  }

  /** How many are in the table. */
  get size(): number {
    return this.#sources.size;
  }

  /** Takes a connection in, where `connections` are open already; or says why not. */
  enter(address: string, connections: number): Source | ConnectionRefusal {
    const now = this.#now();
    const source = this.#find(address);
    const paidAt = this.#connectionRate.take(source.connectionsPaidAt, 1, now);
    const refusal = this.#refusalOf(source, connections, this.#connectionRate.exceeded(paidAt, now));
    if (refusal) return refusal;
    this.#keep(source);
    source.connectionsPaidAt = paidAt;
    source.connections += 1;
    source.unidentified += 1;
    return source;
  }

  /** A TLS handshake has taken so much of the processor's time, in milliseconds: its address pays for what is too much. */
  chargeHandshake(source: Source, ms: number): void {
    const more = Math.floor(ms / HANDSHAKE_MS);
    if (more > 0) source.connectionsPaidAt = this.#connectionRate.take(source.connectionsPaidAt, more, this.#now());
  }

  /**
   * A session from this address asks for a private connection, and pays for both halves, wherever they come from. Takes a place
   * for as long as its connect id is alive; or says which limit is reached. Each is two connections.
   */
  ask(address: string): Place | AskingLimit {
    const now = this.#now();
    const source = this.#find(address);
    const paidAt = this.#connectionRate.take(source.askedPaidAt, 1, now);
    if (!source.exempt) {
      if (2 * source.asked.taken >= this.#limits.maxConnectionsPerAddress) return 'maxConnectionsPerAddress';
      if (this.#connectionRate.exceeded(paidAt, now)) return 'connectionsPerSecondPerAddress';
    }
    this.#keep(source);
    source.askedPaidAt = paidAt;
    return source.asked.take();
  }

  /** A half is to come from this address: it may come beside all the connections that the address may have. */
  expect(address: string): Place {
    const source = this.#find(address);
    this.#keep(source);
    return source.expected.take();
  }

  /** Whether one more of its connections may log in: one that came in as a half may be none. */
  mayLogin({ exempt, connections, unidentified }: Source): boolean {
    return exempt || connections - unidentified < this.#limits.maxConnectionsPerAddress;
  }

  /** A connection that has entered turns out to be a half that was paid for: its place, and its share of the rate, are free. */
  becomeHalf(source: Source): Place {
    const place = source.halves.take();
    source.connectionsPaidAt = this.#connectionRate.giveBack(source.connectionsPaidAt);
    source.leave();
    return place;
  }

  /** What is known of the address, be it in the table or not. */
  #find(address: string): Source {
    const exempt = this.#exempt.has(address);
    const name = exempt ? address : sourceOf(address);
    return this.#sources.get(keyOf({ name, exempt })) ?? new Source(name, exempt, this.#onLeft);
  }

  #keep(source: Source): void {
    this.#sources.set(keyOf(source), source);
    this.#absent.delete(source);
  }

  #refusalOf(source: Source, connections: number, tooFast: boolean): ConnectionRefusal | undefined {
    const limits = this.#limits;
    if (connections >= limits.maxConnections) return 'too many';
    if (source.exempt) return undefined;
    if (source.connections >= limits.maxConnectionsPerAddress + source.expected.taken) return 'too many of its address';
    if (source.unidentified >= limits.maxUnidentifiedPerAddress) return 'too many unidentified';
    if (tooFast) return 'too fast';
    const kept = Math.floor((limits.maxConnections * limits.keptForNewAddressesPercent) / 100);
    if (source.isPresent && connections >= limits.maxConnections - kept) return 'places kept for others';
    return undefined;
  }

  readonly #onLeft = (source: Source): void => {
    if (this.#isWhole(source)) {
      this.#sources.delete(keyOf(source));
      return;
    }
    this.#absent.add(source);
    if (this.#absent.size > MAX_ABSENT) this.#forget(this.#absent.values().next().value!);
    this.#sweep ??= setInterval(() => {
      for (const absent of this.#absent) if (this.#isWhole(absent)) this.#forget(absent);
      if (this.#absent.size > 0) return;
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }, SWEEP_MS).unref();
  };

  #forget(source: Source): void {
    this.#absent.delete(source);
    this.#sources.delete(keyOf(source));
  }

  /** Whether its burst is whole again: it is then as if it had never been here. */
  #isWhole(source: Source): boolean {
    const { exempt, connectionsPaidAt, askedPaidAt, messagesPaidAt, bytesPaidAt } = source;
    return exempt || Math.max(connectionsPaidAt, askedPaidAt, messagesPaidAt, bytesPaidAt) <= this.#now();
  }
}

/** An address that becomes exempt is another one from then on: it has no limits, and those who are in may still have them. */
function keyOf({ name, exempt }: Pick<Source, 'name' | 'exempt'>): string {
  return exempt ? `exempt ${name}` : name;
}
