import type { Claim, Obstacle } from '../../server/directory.ts';
import type { Deadline } from '../../util/deadlines.ts';
import { withResolvers } from '../../util/deferred.ts';
import type { Holder } from '../workers/registry.ts';
import { keysOf, type OwnedRecords } from './login-records.ts';

/** A claim of this node, and what has become of it. */
export interface Owner extends OwnedRecords {
  readonly by: Holder;
  state: 'claiming' | 'live' | 'held' | 'leaving';
  deadline: Deadline | undefined;
  /** A claim that was there first, and takes the login from this one before it was granted. */
  yieldsTo: Obstacle | undefined;
  /** Resolves when it is known which keys were free, or nothing is asked any more. */
  readonly placed: ReturnType<typeof withResolvers<void>>;
  /** Resolves when the claim is granted, or what is left of it is removed. */
  settled: ReturnType<typeof withResolvers<void>>;
}

/** Who has which key at this node. */
export class Owners {
  readonly #byKey = new Map<string, Owner>();
  #lastNumber = 0;

  /** The number of a claim that has come: of those of one session, the last one counts. */
  nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  get(key: string): Owner | undefined {
    return this.#byKey.get(key);
  }

  /** Who has one of the keys. */
  first(keys: readonly string[]): Owner | undefined {
    const key = keys.find((each) => this.#byKey.has(each));
    return key === undefined ? undefined : this.#byKey.get(key);
  }

  all(): Owner[] {
    return [...new Set(this.#byKey.values())];
  }

  /** A claim begins. */
  add(claim: Claim, by: Holder, number: number): Owner {
    const owner: Owner = {
      claim,
      by,
      keys: keysOf(claim),
      number,
      state: 'claiming',
      lease: undefined,
      revisions: new Map(),
      generation: 0,
      isUnsure: false,
      turn: Promise.resolve(),
      waiting: 0,
      deadline: undefined,
      yieldsTo: undefined,
      placed: withResolvers(),
      settled: withResolvers(),
    };
    for (const key of owner.keys) this.#byKey.set(key, owner);
    return owner;
  }

  /** Nothing is left of it. */
  delete(owner: Owner): void {
    for (const key of owner.keys) if (this.#byKey.get(key) === owner) this.#byKey.delete(key);
    owner.placed.resolve();
    owner.settled.resolve();
  }
}

export function obstacleBy({ claim: { id, login, key }, state }: Owner): Obstacle {
  return { id, login, key, held: state === 'held' };
}
