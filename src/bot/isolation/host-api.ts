import { openHalf } from '../../client/half.ts';
import type { ChatosError } from '../../errors.ts';
import type { Address } from '../../net/address.ts';
import type { Identity } from '../../net/identity.ts';
import type { LineLevel, LogFields, Logger } from '../../util/log.ts';
import type { Admission, ChannelParties } from '../channels/channel-ledger.ts';
import type { RuntimeEvent } from '../events.ts';
import type { SharedServices } from '../runtime-options.ts';
import type { AccountStatus } from '../status.ts';
import type { PageRange, StoreBackend } from '../store/store-backend.ts';
import type { Write } from '../store/group-commit.ts';
import { relayHalf } from './port-socket.ts';
import { deserializeError, type SerializedError } from './serialized-error.ts';

/** What a worker calls in the main thread. */
export type MainCalls = HostApi['handlers'];

/** What a worker needs of the process. */
export interface HostServices extends SharedServices {
  readonly log: Logger;
  onStatus(account: AccountStatus): void;
  onEnded(error: ChatosError): void;
}

/**
 * What the main thread does for one worker: everything that a worker that is ended must not take with it. The library of
 * the stores even ends the process, if a thread that uses it is ended.
 */
export class HostApi {
  readonly #services: () => HostServices;
  readonly #places = new Map<number, () => void>();
  readonly #halves = new Set<ReturnType<typeof relayHalf>>();
  readonly #stores = new Map<number, StoreBackend>();
  #lastPlace = 0;
  #closed = false;

  /** @param services asked for when they are needed: none are before the bot runs */
  constructor(services: () => HostServices) {
    this.#services = services;
  }

  /** The worker numbers the stores that it opens; a place of the ledger that is taken gets a number here. */
  readonly handlers = {
    log: (level: LineLevel, message: string, fields: LogFields) => this.#services().log[level](message, fields),
    event: (event: RuntimeEvent) => this.#services().observer(event),
    loggedIn: (names: readonly string[], server: Address) => this.#services().onLogin(names, server),
    status: (account: AccountStatus) => this.#services().onStatus(account),
    ended: (error: SerializedError) => this.#services().onEnded(deserializeError(error) as ChatosError),
    admit: async (admission: Admission) => {
      const { release, ...admitted } = await this.#services().ledger.admit(admission);
      return { ...admitted, place: release && this.#keepPlace(release) };
    },
    adopt: async (parties: ChannelParties) => {
      const { limits, release } = await this.#services().ledger.adopt(parties);
      return { limits, place: this.#keepPlace(release) };
    },
    release: (place: number) => {
      this.#places.get(place)?.();
      this.#places.delete(place);
    },
    openHalf: async (
      server: Address,
      connectId: bigint,
      limits: { timeoutMs: number; identity?: Identity | undefined },
    ) => {
      const half = relayHalf(await openHalf(server, connectId, limits));
      this.#halves.add(half);
      void half.closed.then(() => this.#halves.delete(half));
      if (this.#closed) half.abort();
      return half.port;
    },
    storeGet: (store: number, key: string) => this.#store(store).get(key),
    storeCount: (store: number, range: { readonly gte: string; readonly lt: string }) =>
      this.#store(store).count(range),
    storePage: (store: number, range: PageRange) => this.#store(store).page(range),
    storeWrite: (store: number, write: Write) => this.#store(store).write(write),
    storeUsage: (store: number) => this.#store(store).usage(),
    storeClose: async (store: number) => {
      const backend = this.#stores.get(store);
      this.#stores.delete(store);
      await backend?.close();
    },
  };

  get channelCount(): number {
    return this.#halves.size;
  }

  /** Resolves when the private connections that are open have closed. */
  async channelsClosed(): Promise<void> {
    await Promise.all(Array.from(this.#halves, ({ closed }) => closed));
  }

  abort(): void {
    for (const half of this.#halves) half.abort();
  }

  /** The worker is gone, or of no use: gives back what it had. Resolves when its stores are closed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.abort();
    for (const release of this.#places.values()) release();
    this.#places.clear();
    await Promise.all(Array.from(this.#stores.values(), (store) => store.close()));
  }

  #keepPlace(release: () => void): number {
    this.#lastPlace += 1;
    if (this.#closed) release();
    else this.#places.set(this.#lastPlace, release);
    return this.#lastPlace;
  }

  #store(number: number): StoreBackend {
    let store = this.#stores.get(number);
    if (!store) {
      store = this.#services().openStore();
      this.#stores.set(number, store);
    }
    return store;
  }
}
