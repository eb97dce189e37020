import type { X509Certificate } from 'node:crypto';
import { Networks } from '../../net/networks.ts';
import { matchesLogin } from '../../policy/login-glob.ts';
import {
  invalid,
  resolveList,
  resolveRule,
  type AccessOptions,
  type LoginRule,
  type ResolvedList,
} from './access-options.ts';

/** Who wants a login, as far as it is known. */
export interface Peer {
  /** Where it connects from, as `192.0.2.1`. */
  readonly from: string;
  /** Of the key that it has shown to have. */
  readonly fingerprint: string | undefined;
  readonly certificate: X509Certificate | undefined;
}

/** A list or rule, and what it means for who comes. */
export interface AccessStep {
  /** Its name for people: `deny.login`, `logins[0]`; `logins` where no rule has the login. */
  readonly rule: string;
  /** Keys and indexes that lead to it in the options. */
  readonly path: readonly (string | number)[];
  /** Short, as it stands in the log. */
  readonly why: string;
}

/** Lists that were checked. */
interface CompiledList {
  readonly list: ResolvedList;
  readonly networks: Networks;
  readonly identities: ReadonlySet<string>;
}

interface CompiledRule extends CompiledList {
  readonly patterns: readonly string[];
}

/** What was checked of {@link AccessOptions}. */
export interface AccessRules {
  readonly deny: CompiledList;
  readonly allow: CompiledList;
  /** `undefined`: every login is anyone's. */
  readonly logins: readonly CompiledRule[] | undefined;
}

/** @throws {ChatosError} `INVALID_ARGUMENT` */
export function compileAccess({ deny, allow, logins }: AccessOptions): AccessRules {
  if (logins !== undefined && !Array.isArray(logins)) throw invalid('logins', 'expected a list of rules');
  return {
    deny: compileList(resolveList('deny', deny)),
    allow: compileList(resolveList('allow', allow)),
    logins: logins?.map((rule: LoginRule, index) => {
      const resolved = resolveRule(`logins[${index}]`, rule);
      return { ...compileList(resolved), patterns: resolved.login };
    }),
  };
}

function compileList(list: ResolvedList): CompiledList {
  return { list, networks: new Networks(list.from), identities: new Set(list.identity) };
}

/** Why an address may not connect at all; `undefined` where it may. */
export function connectRefusal({ deny, allow }: AccessRules, from: string): AccessStep | undefined {
  if (deny.networks.has(from)) return { rule: 'deny.from', path: ['deny', 'from'], why: 'denied' };
  if (!allow.list.from || allow.networks.has(from)) return undefined;
  return { rule: 'allow.from', path: ['allow', 'from'], why: 'not allowed' };
}

/**
 * Why who comes may not have a login; `undefined` where it may. Denied is denied; then all that `allow` asks for; then the
 * first rule that has the login decides: where its conditions do not hold, no later rule lets it in, or nothing would be
 * reserved.
 */
export function loginRefusal(rules: AccessRules, login: string, peer: Peer): AccessStep | undefined {
  const { deny, allow, logins } = rules;
  const step = (list: 'deny' | 'allow', kind: keyof ResolvedList, why: string): AccessStep => {
    return { rule: `${list}.${kind}`, path: [list, kind], why };
  };
  const { fingerprint = '' } = peer;
  if (hasLogin(deny.list.login ?? [], login)) return step('deny', 'login', 'denied');
  if (deny.identities.has(fingerprint)) return step('deny', 'identity', 'its certificate is denied');
  if (allow.list.login && !hasLogin(allow.list.login, login)) return step('allow', 'login', 'not allowed');
  if (allow.list.identity && !allow.identities.has(fingerprint))
    return step('allow', 'identity', 'its certificate is not allowed');
  // The lists may have changed since it has connected.
  const refusal = connectRefusal(rules, peer.from);
  if (refusal || !logins) return refusal;
  for (const [index, rule] of logins.entries()) {
    if (!hasLogin(rule.patterns, login)) continue;
    const why = unmet(rule, peer);
    return why === undefined ? undefined : { rule: `logins[${index}]`, path: ['logins', index], why };
  }
  return { rule: 'logins', path: ['logins'], why: 'no rule has this login' };
}

function hasLogin(patterns: readonly string[], login: string): boolean {
  return patterns.some((pattern) => matchesLogin(pattern, login));
}

/** Which condition of a rule does not hold. */
function unmet({ list, networks, identities }: CompiledRule, { from, fingerprint }: Peer): string | undefined {
  if (list.from && !networks.has(from)) return 'reserved: it comes from elsewhere';
  if (!list.identity) return undefined;
  if (fingerprint === undefined) return 'reserved: it shows no certificate';
  return identities.has(fingerprint) ? undefined : 'reserved: its certificate is another';
}
