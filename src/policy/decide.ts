import type { PolicyLimits } from './limits.ts';
import { matchesLogin } from './login-glob.ts';
import type { CompiledRule, Policy, PolicyDecision } from './policy.ts';

/** What is known when a peer asks for a private connection with one of the bots. */
export interface PolicyFacts {
  /** The login that asks. */
  readonly from: string;
  /** The name of the bot's plugin. */
  readonly bot: string;
  readonly at: Date;
  /** Whether the plugin has `onChannel`. */
  readonly hasChannelHook: boolean;
  /** Whether the plugin has `onPrivateRequest`. */
  readonly hasRequestHook: boolean;
  /** Private connections that there are or may come about, this one not counted: in total, the peer's, the bot's. */
  readonly channels: { readonly total: number; readonly peer: number; readonly bot: number };
  /** How often the peer has asked within the last minute, this time not counted. */
  readonly requestsInLastMinute: number;
}

/** A place in the policy, and what it has to do with the request. */
export interface PolicyStep {
  /** The place as one says it: `rules[1]`, `deny "mallory"`, `default ask`, `limits.maxChannels`. */
  readonly rule: string;
  /** The place as keys and indexes from the policy on; none where it is not in the policy. */
  readonly path: readonly (string | number)[] | undefined;
  /** One plain sentence, without its full stop. */
  readonly reason: string;
}

/** What is decided, by what and why. */
export interface PolicyVerdict extends PolicyStep {
  /** Never `ask` where the plugin has no `onPrivateRequest`. */
  readonly decision: PolicyDecision;
  /** The limit that was reached, where that is why it is refused. */
  readonly limit?: keyof PolicyLimits;
  /** What holds for the private connection. */
  readonly limits: PolicyLimits;
  /** The rules before the deciding one, and why they do not match. */
  readonly passedOver: readonly PolicyStep[];
}

/** Decides about a request. The limits count before the plugin is asked. */
export function decide(policy: Policy, facts: PolicyFacts): PolicyVerdict {
  const passedOver: PolicyStep[] = [];
  const match = firstMatch(policy, facts, passedOver);
  const { compiled, decision } = match;
  const limits = compiled?.limits ?? policy.limits;
  const conclude = (step: PolicyStep, to: PolicyDecision, limit?: keyof PolicyLimits): PolicyVerdict => {
    const { rule, path, reason } = step;
    return { decision: to, rule, path, reason, limits, passedOver, ...(limit && { limit }) };
  };
  const refuseBy = (limit: keyof PolicyLimits, reason: string): PolicyVerdict => {
    const own = compiled?.ownLimits.has(limit) === true;
    const step = { rule: `limits.${limit}`, path: ['limits', limit], reason };
    if (!own) return conclude(step, 'refuse', limit);
    const path = [...match.path!, 'limits', limit];
    return conclude({ rule: `${match.rule}.limits.${limit}`, path, reason }, 'refuse', limit);
  };

  const { from, bot, channels, requestsInLastMinute } = facts;
  // First, so that whoever asks too often costs no more than this.
  if (requestsInLastMinute >= limits.maxRequestsPerMinute) {
    const reason = `${from} has asked ${requestsInLastMinute} times within a minute, and ${limits.maxRequestsPerMinute} are allowed`;
    return refuseBy('maxRequestsPerMinute', reason);
  }
  if (!facts.hasChannelHook) {
    const reason = `${bot} has no onChannel, so it takes no private connections`;
    return { ...conclude({ rule: 'no onChannel', path: undefined, reason }, 'refuse'), passedOver: [] };
  }
  if (decision === 'refuse') return conclude(match, 'refuse');
  if (decision === 'ask' && !facts.hasRequestHook) {
    const reason = `${match.reason}; that leaves it to ${bot}, which has no onPrivateRequest`;
    return conclude({ ...match, reason }, 'refuse');
  }
  for (const [limit, count, whose] of [
    ['maxChannelsPerPeer', channels.peer, `${from} has`],
    ['maxChannelsPerBot', channels.bot, `${bot} has`],
    ['maxChannels', channels.total, 'all bots together have'],
  ] as const) {
    if (count < limits[limit]) continue;
    return refuseBy(limit, `${whose} ${count} of ${limits[limit]} private connections already`);
  }
  if (decision === 'accept') return conclude(match, 'accept');
  return conclude({ ...match, reason: `${match.reason}; that leaves it to the onPrivateRequest of ${bot}` }, 'ask');
}

interface Match extends PolicyStep {
  readonly decision: PolicyDecision;
  readonly compiled?: CompiledRule;
}

/** What decides, limits and hooks left aside. */
function firstMatch(policy: Policy, facts: PolicyFacts, passedOver: PolicyStep[]): Match {
  const { from } = facts;
  const inList = (list: 'allow' | 'deny', decision: PolicyDecision): Match | undefined => {
    const index = policy[list].findIndex((pattern) => matchesLogin(pattern, from));
    if (index < 0) return undefined;
    const pattern = policy[list][index]!;
    const reason = pattern === from ? `${list} names ${from}` : `${from} matches "${pattern}" in ${list}`;
    return { rule: `${list} "${pattern}"`, path: [list, index], reason, decision };
  };
  const denied = inList('deny', 'refuse');
  if (denied) return denied;
  for (const [index, compiled] of policy.rules.entries()) {
    const { matches, reason } = compare(compiled, facts);
    const step = { rule: `rules[${index}]`, path: ['rules', index], reason };
    if (matches) return { ...step, decision: compiled.decision, compiled };
    passedOver.push(step);
  }
  const reason = `nothing else in the policy matches ${from}`;
  return (
    inList('allow', 'accept') ?? {
      rule: `default ${policy.default}`,
      path: ['default'],
      reason,
      decision: policy.default,
    }
  );
}

/** Whether a rule matches, and what makes it, or why not. */
function compare({ from, bots, window }: CompiledRule, facts: PolicyFacts): { matches: boolean; reason: string } {
  const reasons: string[] = [];
  for (const [patterns, name, whose] of [
    [from, facts.from, facts.from],
    [bots, facts.bot, `the bot ${facts.bot}`],
  ] as const) {
    if (!patterns) continue;
    const pattern = patterns.find((each) => matchesLogin(each, name));
    if (pattern === undefined) {
      const list = patterns.map((each) => `"${each}"`).join(', ');
      return { matches: false, reason: `${whose} does not match ${patterns.length > 1 ? 'any of ' : ''}${list}` };
    }
    reasons.push(`${whose} matches "${pattern}"`);
  }
  if (window) {
    reasons.push(window.tell(facts.at));
    if (!window.includes(facts.at)) return { matches: false, reason: reasons.at(-1)! };
  }
  return { matches: true, reason: reasons.length > 0 ? reasons.join(' and ') : 'the rule is for everybody' };
}
