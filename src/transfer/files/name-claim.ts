import { FileLock } from './file-lock.ts';
import type { Place } from './place.ts';

/** The names of files that this process is receiving, by any sender. */
const claimed = new Set<string>();

const keyOf = (place: Place, name: string): string => `${place.id}/${name}`;

/** Whether a file of this name is being received by this process. */
export function isClaimed(place: Place, name: string): boolean {
  return claimed.has(keyOf(place, name));
}

/** Says that a file of a name is being received: to the other transfers of this process and, once locked, to other processes. */
export class NameClaim {
  readonly #place: Place;
  readonly #name: string;
  readonly #key: string;
  #lock: FileLock | undefined;
  #isReleased = false;

  constructor(place: Place, name: string) {
    this.#place = place;
    this.#name = name;
    this.#key = keyOf(place, name);
    claimed.add(this.#key);
  }

  /** Returns whether no other process receives it: none will, then, until it is released. */
  async lock(): Promise<boolean> {
    const lock = await FileLock.take(this.#place, this.#name);
    if (this.#isReleased) lock?.release();
    else this.#lock = lock;
    return lock !== undefined;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    claimed.delete(this.#key);
    this.#lock?.release();
  }
}
