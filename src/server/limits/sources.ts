import { Networks } from '../../net/networks.ts';
import type { ConnectionRefusal } from '../events.ts';
import { Rate } from './rate.ts';
import type { ServerLimits } from './server-limits.ts';
import { sourceOf } from './source.ts';
import { NO_TAKING, NOTHING, Source, type Place, type SourceNews } from './source-account.ts';

/** How often the table is rid of addresses that have nothing here, and whose burst is whole again. */
const SWEEP_MS = 1_000;
/** Addresses without a connection that are remembered for their rate; beyond, the oldest are forgotten. */
const MAX_ABSENT = 10_000;

/**
 * The processor's time that a TLS handshake may take, in milliseconds: each time more of it counts as one more connection. One
 * takes a millisecond or two; who shows certificates that are made to be slow to look at pays for it.
 */
const HANDSHAKE_MS = 8;

/** The limits that an address may reach with what it asks for. */
export type AskingLimit = 'maxConnectionsPerAddress' | 'connectionsPerSecondPerAddress';

/** Processes say what addresses have so long after it has changed, in milliseconds: more than this they do not know late. */
const NEWS_MS = 10;

/** The addresses that have connections, and whether they may have more (P19). Nobody who is in is evicted. */
export class Sources {
  readonly #limits: ServerLimits;
  readonly #now: () => number;
  readonly #exempt = new Networks();
  #connectionRate!: Rate;
  readonly #sources = new Map<string, Source>();
  readonly #absent = new Set<Source>();
  #sweep: NodeJS.Timeout | undefined;
  /** Tells other processes of the server what addresses have, and have taken. */
  #tell: ((news: readonly SourceNews[]) => void) | undefined;
  /** Those of which something is to be told. */
  readonly #changed = new Set<Source>();

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

  /** From now on, other processes of the server are told what addresses have here. */
  share(tell: (news: readonly SourceNews[]) => void): void {
    this.#tell = tell;
  }

  /** A packet has come from this address. */
  notePacket(source: Source, bytes: number): void {
    source.untold.messages += 1;
    source.untold.bytes += bytes;
    this.noteChange(source);
  }

  /** What the address has has changed. */
  readonly noteChange = (source: Source): void => {
    if (!this.#tell || source.exempt) return;
    if (this.#changed.size === 0) setTimeout(this.#tellChanges, NEWS_MS).unref();
    this.#changed.add(source);
  };

  /** All that addresses have here. */
  news(): SourceNews[] {
    const present = [...this.#sources.values()].filter(
      ({ exempt, isPresent, expected, asked }) => !exempt && (isPresent || expected.taken + asked.taken > 0),
    );
    return present.map((source) => ({ ...countsOf(source), ...NO_TAKING }));
  }

  /** Another process tells what an address has there. `charge` takes from its other rates what it has sent. */
  hear(process: number, news: SourceNews, charge: (source: Source) => void = () => undefined): void {
    const source = this.#sources.get(news.name) ?? new Source(news.name, false, this.#onLeft, this.noteChange);
    this.#keep(source);
    source.connectionsPaidAt = this.#connectionRate.take(source.connectionsPaidAt, news.entered, this.#now());
    source.askedPaidAt = this.#connectionRate.take(source.askedPaidAt, news.requested, this.#now());
    // Before it may be forgotten, as one that has left and owes nothing.
    charge(source);
    source.setElsewhere(process, news);
  }

  /** Another process has gone, with all that addresses had there. */
  forgetElsewhere(process: number): void {
    for (const source of this.#sources.values()) source.setElsewhere(process, NOTHING);
  }

  readonly #tellChanges = (): void => {
    if (this.#changed.size === 0) return;
    const news = Array.from(this.#changed, (source) => {
      const { untold } = source;
      source.untold = { ...NO_TAKING };
      return { ...countsOf(source), ...untold };
    });
    this.#changed.clear();
    this.#tell?.(news);
  };

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
    this.noteChange(to);
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
    const refusal = this.#refusalOf(source, connections, paidAt);
    if (refusal) return refusal;
    this.#keep(source);
    source.connectionsPaidAt = paidAt;
    source.connections += 1;
    source.unidentified += 1;
    source.untold.entered += 1;
    this.noteChange(source);
    return source;
  }

  /** Takes a half in that another process has accepted for this address. */
  adopt(address: string): Source {
    const source = this.#find(address);
    this.#keep(source);
    source.connections += 1;
    this.noteChange(source);
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
      if (2 * (source.asked.taken + source.elsewhere.asked) >= this.#limits.maxConnectionsPerAddress)
        return 'maxConnectionsPerAddress';
      if (this.#connectionRate.exceeded(paidAt, now)) return 'connectionsPerSecondPerAddress';
    }
    this.#keep(source);
    source.askedPaidAt = paidAt;
    source.untold.requested += 1;
    this.noteChange(source);
    return source.asked.take();
  }

  /** A half is to come from this address: it may come beside all the connections that the address may have. */
  expect(address: string): Place {
    const source = this.#find(address);
    this.#keep(source);
    const place = source.expected.take();
    // Other processes must know it before the client does: the half may come to any of them.
    this.noteChange(source);
    this.#tellChanges();
    return place;
  }

  /** Whether one more of its connections may log in: one that came in as a half may be none. */
  mayLogin({ exempt, connections, unidentified, elsewhere }: Source): boolean {
    if (exempt) return true;
    const loggedIn = connections - unidentified + elsewhere.connections - elsewhere.unidentified;
    return loggedIn < this.#limits.maxConnectionsPerAddress;
  }

  /** A connection that has entered turns out to be a half that was paid for: its place, and its share of the rate, are free. */
  becomeHalf(source: Source): Place {
    source.connectionsPaidAt = this.#connectionRate.giveBack(source.connectionsPaidAt);
    source.untold.entered -= 1;
    return source.asHalf();
  }

  /** What is known of the address, be it in the table or not. */
  #find(address: string): Source {
    const exempt = this.#exempt.has(address);
    const name = exempt ? address : sourceOf(address);
    return this.#sources.get(keyOf({ name, exempt })) ?? new Source(name, exempt, this.#onLeft, this.noteChange);
  }

  #keep(source: Source): void {
    this.#sources.set(keyOf(source), source);
    this.#absent.delete(source);
  }

  /** Halves that are to come were paid for: they may come beside whatever else does, as many as there are. */
  #refusalOf(source: Source, connections: number, paidAt: number): ConnectionRefusal | undefined {
    const limits = this.#limits;
    const rate = this.#connectionRate;
    if (connections >= limits.maxConnections) return 'too many';
    if (source.exempt) return undefined;
    const { elsewhere } = source;
    const has = source.connections + elsewhere.connections;
    const expected = source.expected.taken + elsewhere.expected;
    if (has >= limits.maxConnectionsPerAddress + expected) return 'too many of its address';
    if (source.unidentified + elsewhere.unidentified >= limits.maxUnidentifiedPerAddress + expected)
      return 'too many unidentified';
    if (rate.exceeded(paidAt - rate.timeFor(expected), this.#now())) return 'too fast';
    const kept = Math.floor((limits.maxConnections * limits.keptForNewAddressesPercent) / 100);
    if ((source.isPresent || elsewhere.connections > 0) && connections >= limits.maxConnections - kept)
      return 'places kept for others';
    return undefined;
  }

  readonly #onLeft = (source: Source): void => {
    if (this.#isWhole(source)) return this.#forget(source);
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

function countsOf({ name, connections, unidentified, expected, asked }: Source) {
  return { name, connections, unidentified, expected: expected.taken, asked: asked.taken };
}
