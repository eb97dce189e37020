import { Deadlines, type Deadline } from '../util/deadlines.ts';

/** So many logins are held at a time; of more, the oldest is free early. */
const MAX_HELD = 16_384;

/** The owners of logins whose sessions are over, and when they lose them (P7a). */
export class HeldLogins<Owner> {
  readonly #held = new Map<Owner, Deadline>();
  readonly #deadlines: Deadlines<Owner>;
  readonly #onFree: (owner: Owner) => void;
  #holdMs = 0;

  /** @param onFree called with who has lost a login: its time is over, or it was one of too many */
  constructor(onFree: (owner: Owner) => void) {
    this.#onFree = onFree;
    this.#deadlines = new Deadlines(0, (owner) => this.#free(owner));
  }

  /** How long a login is held, those that are held included; 0 and `Infinity` are for not at all. */
  set holdMs(holdMs: number) {
    this.#holdMs = Number.isFinite(holdMs) ? holdMs : 0;
    this.#deadlines.ms = this.#holdMs;
  }

  has(owner: Owner): boolean {
    return this.#held.has(owner);
  }

  /** Holds its login, unless none is held: returns whether it does. */
  hold(owner: Owner): boolean {
    if (this.#holdMs === 0) return false;
    if (this.#held.size >= MAX_HELD) this.#free(this.#deadlines.shift()!);
    this.#held.set(owner, this.#deadlines.add(owner));
    return true;
  }

  /** Holds its login no longer. Returns whether it was held. */
  delete(owner: Owner): boolean {
    const deadline = this.#held.get(owner);
    if (!deadline) return false;
    this.#deadlines.delete(deadline);
    return this.#held.delete(owner);
  }

  #free(owner: Owner): void {
    this.#held.delete(owner);
    this.#onFree(owner);
  }
}
