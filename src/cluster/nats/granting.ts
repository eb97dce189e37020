import { ChatosError } from '../../errors.ts';
import { pause } from '../../util/timeout.ts';
import type { Broker } from './broker.ts';
import { waitFor } from './time-limit.ts';

export interface GrantingPlan {
  readonly broker: Pick<Broker, 'isReachable' | 'whenReachable'>;
  /** Whether this node holds a lease. */
  readonly holds: () => boolean;
  /** How long no logins are granted yet, in milliseconds, as the broker's data is new. */
  readonly grantsInMs: () => number;
  /** Resolves when the broker's data is known; missing where it is. */
  readonly check: () => Promise<void> | undefined;
  /** How often leases are renewed, in milliseconds. */
  readonly renewMs: number;
}

/** Whether this node may grant logins now. Each time that this may change, another era begins: what was found out before counts no more. */
export class Granting {
  readonly #plan: GrantingPlan;
  #era = 0;

  constructor(plan: GrantingPlan) {
    this.#plan = plan;
  }

  /** Another era begins. */
  begin(): void {
    this.#era += 1;
  }

  /** Whether the broker can be reached, and its data is what this node takes it for. */
  get isKnown(): boolean {
    const { broker, check } = this.#plan;
    return broker.isReachable && !check();
  }

  /** The era, where logins may be granted now. */
  get era(): number | undefined {
    const { holds, grantsInMs } = this.#plan;
    return holds() && this.isKnown && grantsInMs() === 0 ? this.#era : undefined;
  }

  /** As {@link NatsMembership.whenGranting}. */
  async when(signal: AbortSignal): Promise<number> {
    const { broker, holds, grantsInMs, check, renewMs } = this.#plan;
    while (!signal.aborted && holds()) {
      const { era } = this;
      if (era !== undefined) return era;
      const checking = check();
      if (!broker.isReachable) await broker.whenReachable(signal);
      else if (checking) await waitFor(checking, renewMs);
      else await pause(grantsInMs(), signal);
    }
    throw new ChatosError('NOT_CONNECTED', this.#why());
  }

  /** Why there is no era. */
  #why(): string {
    const { broker, holds } = this.#plan;
    if (!holds()) return 'this node has no lease';
    if (!broker.isReachable) return 'NATS is not reachable';
    return 'the data of NATS is new, or not known: logins wait for as long as a lease';
  }
}
