import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { isChatosError, type ChatosError, type ErrorCode } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { connectError } from '../net/dial.ts';
import { createDeferred } from '../util/deferred.ts';
import { noneReached, type Unreached } from './session-failures.ts';

/** The machines that a name means, as IP addresses. */
export type Lookup = (name: string) => Promise<readonly string[]>;

export const lookUp: Lookup = async (name) => {
  const found = await lookup(name, { all: true });
  return [...new Set(found.map(({ address }) => address))];
};

/** Where a session is tried. */
export interface Candidate {
  /** One of the addresses that the client was given. */
  readonly server: Address;
  /** The machine, as an IP address. */
  readonly machine: string;
  /** How long it may take to accept the connection, before others are tried. */
  readonly reachMs: number;
}

/** A machine that does not accept a connection for so long is dead, busy or far away: the others come first. */
const REACH_MS = 500;

/** That the next one is tried: none of these depends on who the client is, or whom it trusts. */
const OF_THE_ADDRESS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CONNECT_FAILED',
  'TIMED_OUT',
  'CONNECTION_LOST',
  'UNEXPECTED_PACKET',
  'MALFORMED_PACKET',
]);

export interface ServerListSettings {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly lookup: Lookup;
}

/**
 * The addresses of one server, and which is next. At first, they are tried in the order given; the machines of a name, which
 * has none, in a random one. After a session, all others come first, at random, so that the clients of a server that went
 * spread over the rest.
 */
export class ServerList {
  readonly addresses: readonly Address[];
  readonly #settings: ServerListSettings;
  /** Where the last session was, or is. */
  #last: Candidate | undefined;
  /** How many machines the address had that was tried last. */
  #known = 0;
  /** One was not trusted: until one is, nothing is said in plain to another. */
  #onlySecure = false;

  constructor(addresses: readonly Address[], settings: ServerListSettings) {
    this.addresses = addresses;
    this.#settings = settings;
  }

  /** Where the client is, or was last; else where it tries first. */
  get current(): Address {
    return this.#last?.server ?? this.addresses[0]!;
  }

  /** Whether the last session could as well have been elsewhere. */
  get hasOthers(): boolean {
    return this.#known > 1 || this.addresses.length > 1;
  }

  /** A session has begun there. */
  entered(candidate: Candidate): void {
    this.#last = candidate;
    this.#onlySecure = false;
  }

  /**
   * Tries one after the other, until one does not fail for a reason of its own. What would be the same at all of them (the
   * login is refused) or what must not be ignored (a server is not trusted) ends it.
   *
   * @throws {ChatosError} the one that ended it, or one that says why each failed
   */
  async tryEach<T>(attempt: (candidate: Candidate) => Promise<T>): Promise<T> {
    const failures: Unreached[] = [];
    const late: Candidate[] = [];
    for await (const candidate of this.#candidates(failures, late)) {
      try {
        return await attempt(candidate);
      } catch (caught) {
        if (isChatosError(caught, 'NOT_TRUSTED')) this.#onlySecure = true;
        const error = ownFault(caught);
        if ('reachMs' in error.fields) late.push(candidate);
        else failures.push({ ...candidate, error });
      }
    }
    throw noneReached(failures);
  }

  /** All there are, and again, with all the time that a connection may take, those that were late. */
  async *#candidates(failures: Unreached[], late: readonly Candidate[]): AsyncGenerator<Candidate> {
    const order = this.#order();
    const hasPlain = !order.every(isSecure);
    for (const server of order) {
      const machines = await this.#machinesOf(server).catch((error: unknown) => {
        failures.push({ server, error: ownFault(error) });
        return [];
      });
      this.#known = machines.length;
      const isOnly = order.length === 1 && machines.length === 1;
      // One that is slow is no reason to speak in plain.
      const reachMs = isOnly || (hasPlain && isSecure(server)) ? Infinity : REACH_MS;
      for (const machine of machines) yield { server, machine, reachMs };
    }
    for (const candidate of late) yield { ...candidate, reachMs: Infinity };
  }

  #order(): readonly Address[] {
    const last = this.#last?.server;
    const others = this.addresses.filter((address) => address !== last);
    const order = last ? [...shuffled(others).toSorted(secureFirst), last] : others;
    const secure = order.filter(isSecure);
    return this.#onlySecure && secure.length > 0 ? secure : order;
  }

  async #machinesOf(server: Address): Promise<readonly string[]> {
    if (isIP(server.host) !== 0) return [server.host];
    const { lookup: find, ...limits } = this.#settings;
    const name = formatAddress(server);
    const found = createDeferred<readonly string[]>({ ...limits, what: `no answer to where ${name} is` });
    find(server.host).then(
      (machines) => found.resolve(machines),
      (error: Error) => found.reject(connectError(name, error)),
    );
    const machines = spreadOut(await found.promise);
    const last = this.#last?.server === server ? this.#last.machine : undefined;
    return [...machines.filter((machine) => machine !== last), ...machines.filter((machine) => machine === last)];
  }
}

/** @throws what is no fault of one address */
function ownFault(error: unknown): ChatosError {
  if (isChatosError(error) && OF_THE_ADDRESS.has(error.code)) return error;
  throw error;
}

function isSecure({ transport }: Address): boolean {
  return transport === 'tls';
}

function secureFirst(one: Address, other: Address): number {
  return Number(isSecure(other)) - Number(isSecure(one));
}

function shuffled<T>(all: readonly T[]): T[] {
  return all
    .map((each) => ({ each, by: Math.random() }))
    .toSorted((one, other) => one.by - other.by)
    .map(({ each }) => each);
}

/** At random, and of both families in turn, beginning with that of the first: it is the one that this machine prefers. */
function spreadOut(machines: readonly string[]): string[] {
  const isFirst6 = isIPv6(machines[0] ?? '');
  const preferred = shuffled(machines.filter((machine) => isIPv6(machine) === isFirst6));
  const others = shuffled(machines.filter((machine) => isIPv6(machine) !== isFirst6));
  return [...preferred, ...others]
    .map((machine, index) => ({ machine, turn: index < preferred.length ? index : index - preferred.length + 0.5 }))
    .toSorted((one, other) => one.turn - other.turn)
    .map(({ machine }) => machine);
}
