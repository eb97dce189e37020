import { decide, type PolicyFacts, type PolicyVerdict } from '../../policy/decide.ts';
import type { PolicyLimits } from '../../policy/limits.ts';
import type { Policy } from '../../policy/policy.ts';
import type { Clock } from '../../util/clock.ts';
import { loginKey } from '../../util/login-key.ts';
import type { Awaitable } from '../plugin/context.ts';
import { RequestRate } from './request-rate.ts';

/** A bot, its account, and its peer. */
export interface ChannelParties {
  /** The server's address: the same login on another server is another account. */
  readonly server: string;
  readonly login: string;
  readonly bot: string;
  readonly peer: string;
}

/** How often a peer has asked, as one of its requests found it. */
export interface AskedRate {
  readonly requestsInLastMinute: number;
  /** Whether the request itself is counted already. */
  readonly counted: boolean;
}

/** A peer's request for a private connection with a bot. */
export interface Admission {
  readonly parties: ChannelParties;
  readonly hasChannelHook: boolean;
  readonly hasRequestHook: boolean;
  /** From the bot that was tried before, if the request was for several. */
  readonly rate: AskedRate | undefined;
}

/** What the policy decides about a request. */
export interface Admitted {
  readonly verdict: PolicyVerdict;
  readonly rate: AskedRate;
  /** Whether it repeats a refusal that was reported: a flood is reported once. */
  readonly repeated: boolean;
  /** Gives the place back; `undefined` where none was taken, as the request is refused. */
  readonly release: (() => void) | undefined;
}

/** The place of a private connection, and its limits. */
export interface ChannelPlace {
  readonly limits: PolicyLimits;
  /** Gives the place back. */
  readonly release: () => void;
}

/** What counts for the limits of a policy. */
export interface ChannelLedger {
  /** Decides about a request, and takes a place unless it is refused. Nothing comes between the two. */
  admit(admission: Admission): Awaitable<Admitted>;
  /** Takes a place for a channel that a bot asked for, whatever the limits are. */
  adopt(parties: ChannelParties): Awaitable<ChannelPlace>;
}

/** Counts the places and requests of all accounts of a process. */
export class ProcessLedger implements ChannelLedger {
  readonly #policy: Policy;
  readonly #clock: Clock;
  readonly #places = new Set<ChannelParties>();
  readonly #rate = new RequestRate();

  constructor(policy: Policy, clock: Clock) {
    this.#policy = policy;
    this.#clock = clock;
  }

  admit({ parties, hasChannelHook, hasRequestHook, rate }: Admission): Admitted {
    const peer = peerKey(parties);
    const at = this.#clock.now();
    const requestsInLastMinute = rate?.requestsInLastMinute ?? this.#rate.count(peer, at);
    const verdict = this.#decide(parties, at, { hasChannelHook, hasRequestHook, requestsInLastMinute });
    const tooMany = verdict.limit === 'maxRequestsPerMinute';
    let counted = rate?.counted ?? false;
    if (!counted && !tooMany) {
      this.#rate.add(peer, at);
      counted = true;
    }
    return {
      verdict,
      rate: { requestsInLastMinute, counted },
      repeated: tooMany && !this.#rate.reportOnce(peer),
      release: verdict.decision === 'refuse' ? undefined : this.#take(parties),
    };
  }

  adopt(parties: ChannelParties): ChannelPlace {
    const facts = { hasChannelHook: true, hasRequestHook: true, requestsInLastMinute: 0 };
    const { limits } = this.#decide(parties, this.#clock.now(), facts);
    return { limits, release: this.#take(parties) };
  }

  #decide(
    parties: ChannelParties,
    at: Date,
    facts: Pick<PolicyFacts, 'hasChannelHook' | 'hasRequestHook' | 'requestsInLastMinute'>,
  ): PolicyVerdict {
    const [peer, bot] = [peerKey(parties), botKey(parties)];
    const places = [...this.#places];
    const channels = {
      total: places.length,
      peer: places.filter((each) => peerKey(each) === peer).length,
      bot: places.filter((each) => botKey(each) === bot).length,
    };
    return decide(this.#policy, { ...facts, from: parties.peer, bot: parties.bot, at, channels });
  }

  #take(parties: ChannelParties): () => void {
    const place = { ...parties };
    this.#places.add(place);
    return () => void this.#places.delete(place);
  }
}

/** Identifies a peer: a login at a server. */
function peerKey({ server, peer }: ChannelParties): string {
  return `${server} ${loginKey(peer)}`;
}

function botKey({ server, login, bot }: ChannelParties): string {
  return JSON.stringify([server, loginKey(login), bot]);
}
