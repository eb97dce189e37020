import type { SharedAccount } from './slowing.ts';

/** A place that is taken until it is left, once. */
export interface Place {
  leave(): void;
}

/** The place of a connection. */
export interface ConnectionPlace extends Place {
  /** Its connection is a half that is relayed to the process of its channel: it counts among the halves instead. */
  asHalf(): Place;
}

/**
 * What an address has at one of the processes of a server, and what it has taken there since that was said last: the
 * processes say so to each other, so that its limits are those of the server.
 */
export interface SourceNews extends SourceCounts {
  readonly name: string;
  /** New connections, less those that turned out to be halves which were paid for. */
  readonly entered: number;
  /** New private connections that it has asked for. */
  readonly requested: number;
  readonly messages: number;
  readonly bytes: number;
}

/** What an address has. */
interface SourceCounts {
  readonly connections: number;
  readonly unidentified: number;
  /** Halves that are to come from there, to whichever process. */
  readonly expected: number;
  /** Live connect ids that its sessions have asked those for who are there. */
  readonly asked: number;
}

export const NOTHING: SourceCounts = { connections: 0, unidentified: 0, expected: 0, asked: 0 };
export const NO_TAKING = { entered: 0, requested: 0, messages: 0, bytes: 0 };

/** What is known of an address that connections come from; of an IPv6 address, of its /64. */
export class Source implements SharedAccount, ConnectionPlace {
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
  /** What it has taken that other processes have not been told. */
  untold = { ...NO_TAKING };
  /** What it has at each of the other processes. */
  #elsewhere: Map<number, SourceCounts> | undefined;
  readonly #onLeft: (source: Source) => void;
  readonly #onChanged: ((source: Source) => void) | undefined;

  constructor(name: string, exempt: boolean, onLeft: (source: Source) => void, onChanged?: (source: Source) => void) {
    this.name = name;
    this.exempt = exempt;
    this.#onLeft = onLeft;
    this.#onChanged = onChanged;
  }

  /** What it has at other processes of the server. */
  get elsewhere(): SourceCounts {
    if (!this.#elsewhere) return NOTHING;
    let [connections, unidentified, expected, asked] = [0, 0, 0, 0];
    for (const at of this.#elsewhere.values()) {
      connections += at.connections;
      unidentified += at.unidentified;
      expected += at.expected;
      asked += at.asked;
    }
    return { connections, unidentified, expected, asked };
  }

  /** What it has at another process is this. */
  setElsewhere(process: number, { connections, unidentified, expected, asked }: SourceCounts): void {
    this.#elsewhere ??= new Map();
    if (connections + expected + asked === 0) this.#elsewhere.delete(process);
    else this.#elsewhere.set(process, { connections, unidentified, expected, asked });
    if (this.#elsewhere.size === 0) this.#elsewhere = undefined;
    this.#leaveIfAbsent();
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

  asHalf(): Place {
    const place = this.halves.take();
    this.leave();
    return place;
  }

  /** It has one place less of any kind. */
  onLess(): void {
    this.#onChanged?.(this);
    this.#leaveIfAbsent();
  }

  #leaveIfAbsent(): void {
    if (this.isPresent || this.#elsewhere || this.asked.taken + this.expected.taken > 0) return;
    this.#onLeft(this);
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
