/** A login that many want, of whom one has it at a time: the others must not. */
import type { RfcPeer } from '../support/rfc-peer.ts';

interface Reign {
  readonly name: string;
  readonly me: RfcPeer;
  isLost: boolean;
  readonly rivals: Reign[];
}

const LOOK_MS = 100;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Throne {
  readonly faults: string[] = [];
  /** How often somebody had it. */
  count = 0;
  readonly #lateMs: number;
  readonly #reigns = new Set<Reign>();

  /** @param lateMs who has lost it, as its process was killed or stopped, may learn that so much later */
  constructor(lateMs: number) {
    this.#lateMs = lateMs;
  }

  /** The login was granted to `me`, which leaves it after so long; the connection is to be ended then. */
  async have(name: string, me: RfcPeer, forMs: number): Promise<void> {
    this.count += 1;
    const mine: Reign = { name, me, isLost: false, rivals: [...this.#reigns] };
    for (const rival of mine.rivals) rival.rivals.push(mine);
    this.#reigns.add(mine);
    void me.ended.then(() => (mine.isLost = true));
    await Promise.race([pause(forMs), me.ended]);
    // Both keep it until one has lost it. Which one was granted it first is not said by which was read first.
    for (const rival of mine.rivals) {
      if (!(await this.#isOneLost(mine, rival))) this.faults.push(`${name} and ${rival.name} had the throne`);
    }
    this.#reigns.delete(mine);
  }

  /** A process that is late looks as often as any other: it has read by then what there was to read. */
  async #isOneLost(one: Reign, other: Reign): Promise<boolean> {
    for (let ms = 0; ms < this.#lateMs && !one.isLost && !other.isLost; ms += LOOK_MS) {
      await Promise.race([pause(LOOK_MS), one.me.ended, other.me.ended]);
    }
    return one.isLost || other.isLost;
  }
}
