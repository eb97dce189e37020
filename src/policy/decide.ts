import { inNumber, pluralize } from '../util/printable.ts';
import type { PolicyLimits } from './limits.ts';
import { matchesLogin } from './login-glob.ts';
import type { CompiledRule, Policy, PolicyDecision } from './policy.ts';

/** What is known when a peer asks for a private connection with one of the bots. */
export interface PolicyFacts {
  /** The login that requests it. */
  readonly from: string;
  /** The name of the bot's plugin. */
  readonly bot: string;
  readonly at: Date;
  /** Whether the plugin has `onChannel`. */
  readonly hasChannelHook: boolean;
  /** Whether the plugin has `onPrivateRequest`. */
  readonly hasRequestHook: boolean;
  /** Open and pending private connections without this one: in total, of the peer, of the bot. */
  readonly channels: { readonly total: number; readonly peer: number; readonly bot: number };
  /** Requests of the peer within the last minute, without this one. */
  readonly requestsInLastMinute: number;
}

/** A part of the policy, and what it means for the request. */
export interface PolicyStep {
  /** Its name for people: `rules[1]`, `deny "mallory"`, `default ask`, `limits.maxChannels`. */
  readonly rule: string;
  /** Keys and indexes that lead to it in the policy; `undefined` if it is not in the policy. */
  readonly path: readonly (string | number)[] | undefined;
  /** One plain sentence, without its full stop. */
  readonly reason: string;
}

/** A decision, and which part of the policy made it and why. */
export interface PolicyVerdict extends PolicyStep {
  /** Never `ask` if the plugin has no `onPrivateRequest`. */
  readonly decision: PolicyDecision;
  /** The limit that was reached, if that is why it is refused. */
  readonly limit?: keyof PolicyLimits;
  /** The limits of the private connection. */
  readonly limits: PolicyLimits;
  /** The rules before the deciding one, and why they do not match. */
  readonly unmatched: readonly PolicyStep[];
}

/** Decides about a request. Limits are checked before the plugin is asked. */
export function decide(policy: Policy, facts: PolicyFacts): PolicyVerdict {
  const unmatched: PolicyStep[] = [];
  const match = firstMatch(policy, facts, unmatched);
  const { compiled, decision } = match;
  const limits = compiled?.limits ?? policy.limits;
  const conclude = ({ rule, path, reason }: PolicyStep, to: PolicyDecision): PolicyVerdict => {
    return { decision: to, rule, path, reason, limits, unmatched };
  };
  const refuseBy = (limit: keyof PolicyLimits, reason: string): PolicyVerdict => {
    const own = compiled?.ownLimits[limit] !== undefined;
    const rule = `${own ? `${match.rule}.` : ''}limits.${limit}`;
    const path = [...(own ? match.path! : []), 'limits', limit];
    return { ...conclude({ rule, path, reason }, 'refuse'), limit };
  };

  const { from, bot, channels, requestsInLastMinute } = facts;
  // First, so that a flood of requests costs no more than this.
  if (requestsInLastMinute >= limits.maxRequestsPerMinute) {
    const most = limits.maxRequestsPerMinute;
    const reason = `${from} has sent ${pluralize(requestsInLastMinute, 'request')} within a minute, and ${most} ${inNumber(most, '{is|are}')} allowed`;
    return refuseBy('maxRequestsPerMinute', reason);
  }
  if (!facts.hasChannelHook) {
    const reason = `${bot} has no onChannel, so it accepts no private connections`;
    return { ...conclude({ rule: 'no onChannel', path: undefined, reason }, 'refuse'), unmatched: [] };
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
    return refuseBy(limit, `${whose} ${count} of ${pluralize(limits[limit], 'private connection')} already`);
  }
  if (decision === 'accept') return conclude(match, 'accept');
  return conclude({ ...match, reason: `${match.reason}; that leaves it to the onPrivateRequest of ${bot}` }, 'ask');
}

interface Match extends PolicyStep {
  readonly decision: PolicyDecision;
  readonly compiled?: CompiledRule;
}

/** The part of the policy that decides, before limits and hooks. */
function firstMatch(policy: Policy, facts: PolicyFacts, unmatched: PolicyStep[]): Match {
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
    unmatched.push(step);
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

/** Whether a rule matches, and why or why not. */
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
    reasons.push(window.describe(facts.at));
    if (!window.includes(facts.at)) return { matches: false, reason: reasons.at(-1)! };
  }
  return { matches: true, reason: reasons.length > 0 ? reasons.join(' and ') : 'the rule is for everyone' };
}
