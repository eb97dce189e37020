import type { BrokerState } from '../membership.ts';
import type { Broker } from './broker.ts';

const WELL: BrokerState = { isReachable: true, why: undefined };

/** Whether NATS does what it is asked for: a server that can be reached may not, as while fewer than half of its cluster run. */
export class BrokerHealth {
  readonly #broker: Pick<Broker, 'isReachable' | 'replicas'>;
  readonly #say: (isWell: boolean, why: string | undefined) => void;
  #state = WELL;

  /** @param say called where that has changed */
  constructor(
    broker: Pick<Broker, 'isReachable' | 'replicas'>,
    say: (isWell: boolean, why: string | undefined) => void,
  ) {
    this.#broker = broker;
    this.#say = say;
  }

  get state(): BrokerState {
    return this.#state;
  }

  /** The connection is lost. One that is there again says nothing yet. */
  lost(why: string | undefined): void {
    this.#set(false, why);
  }

  /** It was asked something. @param problem why it has not answered, if it has not */
  asked(problem?: string): void {
    const { isReachable, replicas } = this.#broker;
    if (!isReachable) return;
    const hint = replicas > 1 ? ', and more than half of its servers must run' : '';
    this.#set(problem === undefined, `it does not answer${hint}: ${problem}`);
  }

  #set(isWell: boolean, why: string | undefined): void {
    const wasWell = this.#state.isReachable;
    this.#state = isWell ? WELL : { isReachable: false, why };
    if (isWell !== wasWell) this.#say(isWell, this.#state.why);
  }
}
