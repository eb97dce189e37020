import { matchesLogin } from './login-glob.ts';

export const POLICY_DECISIONS = ['accept', 'refuse', 'ask'] as const;
/** What to do with a private request; `ask` leaves it to the plugin's `onPrivateRequest`. */
export type PolicyDecision = (typeof POLICY_DECISIONS)[number];

/** Who may have a private connection. Deny is looked at first, then allow, then the default. */
export interface Policy {
  /** @default 'ask' */
  readonly default: PolicyDecision;
  /** Logins to accept; `*` and `?` are wildcards. @default none */
  readonly allow: readonly string[];
  /** Logins to refuse. @default none */
  readonly deny: readonly string[];
}

export const DEFAULT_POLICY: Policy = { default: 'ask', allow: [], deny: [] };

/** The decision about a login, with the rule that made it, for the log. */
export function decide(policy: Policy, login: string): { decision: PolicyDecision; rule: string } {
  const denied = policy.deny.find((pattern) => matchesLogin(pattern, login));
  if (denied !== undefined) return { decision: 'refuse', rule: `deny "${denied}"` };
  const allowed = policy.allow.find((pattern) => matchesLogin(pattern, login));
  if (allowed !== undefined) return { decision: 'accept', rule: `allow "${allowed}"` };
  return { decision: policy.default, rule: `default ${policy.default}` };
}
