import * as v from 'valibot';
import { POLICY_LIMIT_ROWS } from '../policy/limits.ts';
import { POLICY_DECISIONS } from '../policy/policy.ts';
import { parseDays, parseHours, parseTimeZone } from '../policy/time-window.ts';
import { loginProblem } from '../protocol/login.ts';
import { checked, limitEntries, parsed } from './checks.ts';

/** A pattern that no name can match is a mistake, and a dangerous one in a list of logins to refuse. */
const pattern = (problem: (name: string) => string | undefined) =>
  v.pipe(
    v.string(),
    v.minLength(1, 'a pattern is not empty'),
    checked((text) => {
      const why = text === '' || /[*?]/.test(text) ? undefined : problem(text);
      return why && `'${text}' matches nobody: ${why}`;
    }),
  );

const patterns = (what: string) => v.pipe(v.array(pattern(loginProblem)), v.description(what));

const onePatternOrMore = (problem: (name: string) => string | undefined, what: string) =>
  v.pipe(
    v.union(
      [pattern(problem), v.pipe(v.array(pattern(problem)), v.minLength(1, 'name one, or leave the key out'))],
      'expected a pattern or a list of patterns',
    ),
    v.description(what),
  );

const decision = (what: string) =>
  v.pipe(
    v.picklist(POLICY_DECISIONS, `expected one of ${POLICY_DECISIONS.join(', ')}`),
    v.description(`${what} ask leaves it to the plugin's onPrivateRequest.`),
  );

const policyRule = v.strictObject({
  from: v.optional(onePatternOrMore(loginProblem, 'Logins; * and ? are wildcards. Default: everyone.')),
  bots: v.optional(onePatternOrMore(() => undefined, 'Names of plugins; * and ? are wildcards. Default: every bot.')),
  hours: v.optional(parsed(parseHours, 'As 09:00-17:30; 22:00-06:00 goes past midnight. Default: all day.')),
  days: v.optional(parsed(parseDays, 'As mon-fri or sat,sun. Default: every day.')),
  timeZone: v.optional(parsed(parseTimeZone, "An IANA time zone. Default: the system's.")),
  decision: decision('What to do if all of this matches.'),
  limits: v.optional(
    v.pipe(
      v.strictObject(limitEntries(POLICY_LIMIT_ROWS, 'the limit of the policy')),
      v.description('Other limits for requests that the rule matches.'),
    ),
  ),
});

/** Who may have a private connection with the bots. */
export const POLICY_SCHEMA = v.strictObject({
  default: v.optional(decision('What to do if nothing else matches. Default: ask.')),
  allow: v.optional(patterns('Logins to accept if no rule matches; * and ? are wildcards.')),
  deny: v.optional(patterns('Logins to refuse, before anything else is checked.')),
  rules: v.optional(v.pipe(v.array(policyRule), v.description('The first one that matches decides.'))),
  limits: v.optional(
    v.pipe(
      v.strictObject(limitEntries(POLICY_LIMIT_ROWS)),
      v.description('The limits of all private connections; times in ms.'),
    ),
  ),
});
