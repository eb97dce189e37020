import type { EventEmitter } from 'node:events';
import type { HalfRefusal, ServerEvents } from '../events.ts';
import { FailureThrottle } from '../limits/failure-throttle.ts';
import { sourceOf } from '../limits/source.ts';
import type { ResolvedServerOptions } from '../options.ts';
import type { HalfComer } from '../others.ts';
import { stopExpecting, type Channel, type Party } from './connect-ids.ts';

/** Whether a half that comes may come in (P12). */
export class Arrivals {
  readonly #options: ResolvedServerOptions;
  readonly #events: EventEmitter<ServerEvents>;
  readonly #throttle: FailureThrottle;

  constructor(options: ResolvedServerOptions, events: EventEmitter<ServerEvents>) {
    this.#options = options;
    this.#events = events;
    this.#throttle = new FailureThrottle(options.limits);
  }

  /**
   * Why a half may not come in.
   *
   * Only an id that is not known is a guess: one that is taken or over was sent to somebody, who may be late; so was one that
   * comes from elsewhere than it should. An address that is shut out still gets in with an id of a session from that
   * address, or with its certificate: those who guess, there or elsewhere, shut out no honest client.
   */
  refusalOf(channel: Channel | undefined, comer: HalfComer): HalfRefusal | undefined {
    const isOwn = channel !== undefined && partiesOf(channel, comer).length > 0;
    if (!isOwn && (comer.isShutOut || this.shutsOut(comer.remoteAddress))) return 'shut out';
    if (!channel) return 'unknown';
    if (channel.over) return 'over';
    if (channel.relay) return 'taken';
    return !isOwn && this.#options.access.halves === 'parties' ? 'not its own' : undefined;
  }

  shutsOut(address: string): boolean {
    return this.#throttle.blocks(address) !== undefined;
  }

  /** One has been turned away: who guesses is shut out in time. */
  turnAway(from: string, why: HalfRefusal): void {
    this.#events.emit('wrongConnectId', from, why);
    const limit = why === 'unknown' ? this.#throttle.fail(from) : undefined;
    if (limit) this.#events.emit('shutOut', from, limit);
  }
}

/**
 * A half has come. Returns whether it is one that was paid for by who asked (P19): the first of a party from the address of
 * its session, or with its certificate. One that comes late is: nobody can make others pay by asking, and being gone.
 */
export function noteArrival(channel: Channel, comer: HalfComer): boolean {
  const party = partiesOf(channel, comer).find(({ hasCome }) => !hasCome);
  if (!party) return false;
  party.hasCome = true;
  stopExpecting(party);
  return true;
}

/** The parties that who comes may be, by the address or the certificate of their sessions. */
function partiesOf({ requester, target }: Channel, { remoteAddress, fingerprint }: HalfComer): Party[] {
  const name = sourceOf(remoteAddress);
  return [requester, target].filter(
    (party) => party.source === name || (fingerprint !== undefined && party.fingerprint === fingerprint),
  );
}
