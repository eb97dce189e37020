import type { X509Certificate } from 'node:crypto';
import { Networks } from '../../net/networks.ts';
import { skeletonsOf } from '../logins/look-alikes.ts';
import {
  invalid,
  resolveList,
  resolveRule,
  type AccessOptions,
  type LoginRule,
  type ResolvedList,
} from './access-options.ts';
import type { Authority } from './authority.ts';
import { LoginPatterns } from './login-pattern.ts';

/** Who wants a login, as far as it is known. */
export interface Peer {
  /** Where it connects from, as `192.0.2.1`. */
  readonly from: string;
  /** Of the key that it has shown to have. */
  readonly fingerprint: string | undefined;
  readonly certificate: X509Certificate | undefined;
  /** What it shows behind its certificate. @default what the connection has of them */
  readonly shown?: readonly X509Certificate[] | undefined;
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
  readonly logins: LoginPatterns;
}

/** A rule that was checked. */
interface CompiledRule extends CompiledList {
  /** Whether it has a condition. */
  readonly reserves: boolean;
  readonly authority: Authority | undefined;
}

/** What was checked of {@link AccessOptions}. */
export interface AccessRules {
  readonly deny: CompiledList;
  readonly allow: CompiledList;
  /** `undefined`: every login is anyone's. */
  readonly logins: readonly CompiledRule[] | undefined;
  /** Whether what looks like a login counts as it (P7). */
  readonly lookAlikes: boolean;
}

/** @throws {ChatosError} `INVALID_ARGUMENT` */
export function compileAccess({ deny, allow, logins, lookAlikes = 'refuse' }: AccessOptions): AccessRules {
  if (logins !== undefined && !Array.isArray(logins)) throw invalid('logins', 'expected a list of rules');
  return {
    deny: compileList(resolveList('deny', deny)),
    allow: compileList(resolveList('allow', allow)),
    logins: logins?.map((rule: LoginRule, index) => {
      const { ca: authority, ...list } = resolveRule(`logins[${index}]`, rule);
      const reserves = (list.from ?? list.identity ?? authority) !== undefined;
      return { ...compileList(list), authority, reserves };
    }),
    lookAlikes: lookAlikes === 'refuse',
  };
}

function compileList(list: ResolvedList): CompiledList {
  const logins = LoginPatterns.of(list.login ?? []);
  return { list, networks: new Networks(list.from), identities: new Set(list.identity), logins };
}

/** Why an address may not connect at all; `undefined` where it may. */
export function connectRefusal({ deny, allow }: AccessRules, from: string): AccessStep | undefined {
  if (deny.networks.has(from)) return { rule: 'deny.from', path: ['deny', 'from'], why: 'denied' };
  if (!allow.list.from || allow.networks.has(from)) return undefined;
  return { rule: 'allow.from', path: ['allow', 'from'], why: 'not allowed' };
}

/** What decides about a login, and how. */
export interface LoginVerdict extends AccessStep {
  readonly admitted: boolean;
}

/** Why who comes may not have a login; `undefined` where it may. */
export function loginRefusal(rules: AccessRules, login: string, peer: Peer): AccessStep | undefined {
  const verdict = decideLogin(rules, login, peer);
  return verdict.admitted ? undefined : verdict;
}

/**
 * Whether who comes may have a login. Denied is denied; then all that `allow` asks for; then the first rule that has the login
 * decides: where its conditions do not hold, no later rule lets it in, or nothing would be reserved. A login that looks like
 * some that a rule reserves is refused to anyone who may not have those, in the rule's place; the rule lets nobody in by it.
 *
 * @param onPassed gets each rule before the deciding one, and why it does not decide
 */
export function decideLogin(
  rules: AccessRules,
  login: string,
  peer: Peer,
  onPassed?: (step: AccessStep) => void,
): LoginVerdict {
  let skeletons: readonly string[] | undefined;
  const resembles = (patterns: LoginPatterns): boolean =>
    rules.lookAlikes && patterns.resembles((skeletons ??= skeletonsOf(login)));
  // The lists may have changed since it has connected.
  const listed = listRefusal(rules, login, peer, resembles) ?? connectRefusal(rules, peer.from);
  if (listed) return { ...listed, admitted: false };
  if (!rules.logins) return { rule: 'no rules', path: [], why: "every login is anyone's", admitted: true };
  for (const [index, rule] of rules.logins.entries()) {
    const step = (why: string): AccessStep => ({ rule: `logins[${index}]`, path: ['logins', index], why });
    const isNamed = rule.logins.match(login);
    if (!isNamed && !(rule.reserves && resembles(rule.logins))) {
      onPassed?.(step('it has other logins'));
      continue;
    }
    const problem = unmet(rule, login, peer);
    if (problem !== undefined) {
      return { ...step(`${isNamed ? 'reserved' : 'looks like a reserved login'}: ${problem}`), admitted: false };
    }
    if (isNamed) {
      return { ...step(rule.reserves ? 'reserved, and all conditions hold' : "it is anyone's"), admitted: true };
    }
    onPassed?.(step('looks like one of its logins, which may be had by who comes'));
  }
  return { rule: 'logins', path: ['logins'], why: 'no rule has this login', admitted: false };
}

/** What the lists say, but for addresses. */
function listRefusal(
  { deny, allow }: AccessRules,
  login: string,
  { fingerprint = '' }: Peer,
  resembles: (patterns: LoginPatterns) => boolean,
): AccessStep | undefined {
  const step = (list: 'deny' | 'allow', kind: keyof ResolvedList, why: string): AccessStep => {
    return { rule: `${list}.${kind}`, path: [list, kind], why };
  };
  if (deny.logins.match(login)) return step('deny', 'login', 'denied');
  if (resembles(deny.logins)) return step('deny', 'login', 'looks like a denied login');
  if (deny.identities.has(fingerprint)) return step('deny', 'identity', 'its certificate is denied');
  if (allow.list.login && !allow.logins.match(login)) return step('allow', 'login', 'not allowed');
  if (allow.list.identity && !allow.identities.has(fingerprint)) {
    return step('allow', 'identity', 'its certificate is not allowed');
  }
  return undefined;
}

/** Which condition of a rule does not hold. */
function unmet({ list, networks, identities, authority }: CompiledRule, login: string, peer: Peer): string | undefined {
  const { from, fingerprint, certificate, shown } = peer;
  if (list.from && !networks.has(from)) return 'it comes from elsewhere';
  if (!list.identity && !authority) return undefined;
  if (fingerprint === undefined) return 'it shows no certificate';
  if (list.identity && !identities.has(fingerprint)) return 'its certificate is another';
  if (!authority) return undefined;
  return certificate ? authority.problemWith({ certificate, shown }, login) : 'its certificate is of another authority';
}
