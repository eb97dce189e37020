import { ChatosError, messageOf } from '../errors.ts';
import { unknownKeys } from '../util/closest.ts';
import { checkPolicyLimits, DEFAULT_POLICY_LIMITS, type PolicyLimits } from './limits.ts';
import { TimeWindow, type TimeWindowOptions } from './time-window.ts';

/** The decisions about a private request. */
export const POLICY_DECISIONS = ['accept', 'refuse', 'ask'] as const;
/** A decision about a private request; `ask` leaves it to the plugin's `onPrivateRequest`. */
export type PolicyDecision = (typeof POLICY_DECISIONS)[number];

/** A rule: which requests it matches, and the decision. All given conditions must match. */
export interface PolicyRule extends TimeWindowOptions {
  /** Logins; `*` and `?` are wildcards. @default everyone */
  readonly from?: string | readonly string[] | undefined;
  /** Names of plugins; `*` and `?` are wildcards. @default every bot */
  readonly bots?: string | readonly string[] | undefined;
  /** The decision about a request that the rule matches. */
  readonly decision: PolicyDecision;
  /** Other limits for requests that the rule matches. @default the limits of the policy */
  readonly limits?: Partial<PolicyLimits> | undefined;
}

/** Who may have a private connection: `deny` is looked at first, then the rules, then `allow`, then `default`. */
export interface PolicyOptions {
  /** The decision if nothing else matches. @default 'ask' */
  readonly default?: PolicyDecision | undefined;
  /** Logins to accept; `*` and `?` are wildcards. @default none */
  readonly allow?: readonly string[] | undefined;
  /** Logins to refuse. @default none */
  readonly deny?: readonly string[] | undefined;
  /** The first one that matches decides. @default none */
  readonly rules?: readonly PolicyRule[] | undefined;
  /** The limits of all private connections. @default {@link DEFAULT_POLICY_LIMITS} */
  readonly limits?: Partial<PolicyLimits> | undefined;
}

/** A rule that was checked. */
export interface CompiledRule {
  /** `undefined`: everyone. */
  readonly from: readonly string[] | undefined;
  /** `undefined`: every bot. */
  readonly bots: readonly string[] | undefined;
  /** `undefined`: always. */
  readonly window: TimeWindow | undefined;
  readonly decision: PolicyDecision;
  readonly limits: PolicyLimits;
  /** The limits that the rule itself sets. */
  readonly ownLimits: Partial<PolicyLimits>;
}

/** A policy that was checked, for {@link decide}. */
export interface Policy {
  readonly default: PolicyDecision;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly rules: readonly CompiledRule[];
  readonly limits: PolicyLimits;
}

/**
 * Checks a policy.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if something in it is invalid; the message names the place
 */
export function compilePolicy(options: PolicyOptions = {}): Policy {
  checkKeys(options, ['default', 'allow', 'deny', 'rules', 'limits'], 'policy');
  const { allow = [], deny = [], rules = [] } = options;
  if (!Array.isArray(rules)) throw new ChatosError('INVALID_ARGUMENT', 'policy.rules: expected a list of rules');
  const limits = { ...DEFAULT_POLICY_LIMITS, ...checkPolicyLimits('policy.limits', options.limits) };
  return {
    default: checkDecision(options.default ?? 'ask', 'policy.default'),
    allow: checkPatterns(allow, 'policy.allow'),
    deny: checkPatterns(deny, 'policy.deny'),
    rules: rules.map((rule, index) => compileRule(rule, limits, `policy.rules[${index}]`)),
    limits,
  };
}

function compileRule(rule: PolicyRule, limits: PolicyLimits, where: string): CompiledRule {
  checkKeys(rule, ['from', 'bots', 'hours', 'days', 'timeZone', 'decision', 'limits'], where);
  const { from, bots, hours, days, timeZone } = rule;
  const ownLimits = checkPolicyLimits(`${where}.limits`, rule.limits);
  let window: TimeWindow;
  try {
    window = new TimeWindow({ hours, days, timeZone });
  } catch (error) {
    throw new ChatosError('INVALID_ARGUMENT', `${where}: ${messageOf(error)}`, { cause: error });
  }
  return {
    from: from === undefined ? undefined : checkPatterns(listOf(from), `${where}.from`, true),
    bots: bots === undefined ? undefined : checkPatterns(listOf(bots), `${where}.bots`, true),
    // A zone alone does not restrict the time.
    window: hours === undefined && days === undefined ? undefined : window,
    decision: checkDecision(rule.decision, `${where}.decision`),
    limits: { ...limits, ...ownLimits },
    ownLimits,
  };
}

/** Programs may be JavaScript, and a rule with a misspelt condition would match everyone. */
function checkKeys(given: unknown, known: readonly string[], where: string): void {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  const problem = isObject ? unknownKeys(given, known)[0] : `expected { ${known.join(', ')} }`;
  if (problem !== undefined) throw new ChatosError('INVALID_ARGUMENT', `${where}: ${problem}`);
}

function listOf(patterns: string | readonly string[]): readonly string[] {
  return typeof patterns === 'string' ? [patterns] : patterns;
}

function checkPatterns(patterns: readonly string[], where: string, some = false): readonly string[] {
  if (!Array.isArray(patterns) || !patterns.every((pattern) => typeof pattern === 'string')) {
    const found = String(patterns);
    throw new ChatosError('INVALID_ARGUMENT', `${where}: expected a list of patterns, found ${found}`);
  }
  if (some && patterns.length === 0) throw new ChatosError('INVALID_ARGUMENT', `${where}: the list is empty`);
  if (patterns.includes('')) throw new ChatosError('INVALID_ARGUMENT', `${where}: a pattern is empty`);
  return patterns;
}

function checkDecision(decision: unknown, where: string): PolicyDecision {
  const known = POLICY_DECISIONS.find((each) => each === decision);
  if (known) return known;
  const expected = `expected one of ${POLICY_DECISIONS.join(', ')}`;
  throw new ChatosError('INVALID_ARGUMENT', `${where}: ${expected}, found ${String(decision)}`);
}
