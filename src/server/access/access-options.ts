import { ChatosError, messageOf } from '../../errors.ts';
import { fingerprintProblem, readFingerprint } from '../../net/fingerprint-text.ts';
import { networkProblem } from '../../net/networks.ts';
import { unknownKeys } from '../../util/closest.ts';
import { Authority } from './authority.ts';

/** Some who come, by any of these. One text stands for a list with one. */
export interface AccessList {
  /** Addresses and networks, as `192.0.2.0/24`. */
  readonly from?: string | readonly string[] | undefined;
  /** Logins; `*` and `?` are wildcards. */
  readonly login?: string | readonly string[] | undefined;
  /** Keys, by their fingerprints, as `chatosbot identity` prints them: `sha256:…`. */
  readonly identity?: string | readonly string[] | undefined;
}

/** Whose some logins are: all conditions that are given must hold; with none, they are anyone's. */
export interface LoginRule {
  /** The logins; `*` and `?` are wildcards. */
  readonly login: string | readonly string[];
  /** The fingerprint of the client's key must be one of these. @default any key, or none */
  readonly identity?: string | readonly string[] | undefined;
  /**
   * Authorities, their certificates in PEM: the client's certificate must be issued by one of them, and have the login as a
   * name. @default any certificate, or none
   */
  readonly ca?: string | undefined;
  /** It must come from one of these addresses and networks. @default from anywhere */
  readonly from?: string | readonly string[] | undefined;
}

/** Who may come in. */
export interface AccessOptions {
  /** Whose which logins are: the first rule with a matching login decides; with none that matches, it is refused. @default anyone's */
  readonly logins?: readonly LoginRule[] | undefined;
  /** Anyone who matches any of these is refused, whatever else is said. @default nobody */
  readonly deny?: AccessList | undefined;
  /** Anyone who does not match all that is given here is refused. @default nobody */
  readonly allow?: AccessList | undefined;
  /** Whether logins that look like reserved or denied ones are as those are (P7). @default 'refuse' */
  readonly lookAlikes?: 'refuse' | 'allow' | undefined;
  /** Where halves may come from: `parties` is for the address, or with the certificate, of a party (P12). @default 'anywhere' */
  readonly halves?: 'anywhere' | 'parties' | undefined;
}

/** A list of which each kind is a list, or is not given. */
export type ResolvedList = Readonly<Record<keyof AccessList, readonly string[] | undefined>>;

const LIST_KEYS = ['from', 'login', 'identity'] as const;
const RULE_KEYS = ['login', 'identity', 'ca', 'from'] as const;

/** What is wrong with one text of each kind. */
const PROBLEMS: { readonly [K in keyof AccessList]-?: (text: string) => string | undefined } = {
  from: networkProblem,
  login: (text) => (text === '' ? 'a pattern is empty' : undefined),
  identity: fingerprintProblem,
};

/** @throws {ChatosError} `INVALID_ARGUMENT` */
export function resolveList(where: string, given: AccessList | undefined): ResolvedList {
  if (given !== undefined) checkKeys(where, given, LIST_KEYS);
  return {
    from: textsOf(where, 'from', given?.from),
    login: textsOf(where, 'login', given?.login),
    identity: textsOf(where, 'identity', given?.identity),
  };
}

/** A rule of which each kind is a list, or is not given. */
export type ResolvedRule = ResolvedList & { readonly login: readonly string[]; readonly ca: Authority | undefined };

/** @throws {ChatosError} `INVALID_ARGUMENT` */
export function resolveRule(where: string, rule: LoginRule): ResolvedRule {
  checkKeys(where, rule, RULE_KEYS);
  const { from, login, identity } = resolveList(where, { from: rule.from, login: rule.login, identity: rule.identity });
  if (!login) throw invalid(where, "'login' is missing");
  return { from, login, identity, ca: rule.ca === undefined ? undefined : authorityOf(`${where}.ca`, rule.ca) };
}

function authorityOf(where: string, pem: unknown): Authority {
  if (typeof pem !== 'string') throw invalid(where, 'expected a text: certificates in PEM');
  try {
    return new Authority(pem);
  } catch (error) {
    throw invalid(where, messageOf(error), error);
  }
}

/** A rule with a misspelt condition would be anyone's. */
function checkKeys(where: string, given: object, known: readonly string[]): void {
  const isObject = typeof given === 'object' && (given as object | null) !== null && !Array.isArray(given);
  const problem = isObject ? unknownKeys(given, known)[0] : `expected { ${known.join(', ')} }`;
  if (problem !== undefined) throw invalid(where, problem);
}

function textsOf(where: string, key: keyof AccessList, given: unknown): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const texts: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (texts.length === 0) throw invalid(`${where}.${key}`, 'the list is empty: name one, or leave the key out');
  return texts.map((text) => {
    const problem = typeof text === 'string' ? PROBLEMS[key](text) : 'expected a text, or a list of texts';
    if (problem !== undefined) throw invalid(`${where}.${key}`, problem);
    return key === 'identity' ? readFingerprint(text as string)! : (text as string);
  });
}

export function invalid(where: string, problem: string, cause?: unknown): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', `${where}: ${problem}`, { cause });
}
