import { matchesLogin } from '../../policy/login-glob.ts';
import { loginKey } from '../../util/login-key.ts';
import { skeletonsOf } from '../logins/look-alikes.ts';
import type { AccessOptions, LoginRule } from './access-options.ts';
import { LoginPatterns } from './login-pattern.ts';

/** A rule, or a login in one, that has no effect, or another one than it seems. */
export interface IdleRule {
  /** Keys and indexes that lead to it in the options. */
  readonly path: readonly (string | number)[];
  /** What is wrong, and what to do. */
  readonly problem: string;
}

/** What in the rules can never decide about anybody, as far as that can be seen by the rules alone. */
export function idleRules({ logins, deny, allow, lookAlikes }: AccessOptions): IdleRule[] {
  if (logins?.length === 0) return [{ path: ['logins'], problem: 'it has no rules, so nobody can log in' }];
  const [denied, allowed] = [textsOf(deny?.login), textsOf(allow?.login)];
  const found: IdleRule[] = [];
  for (const [index, rule] of (logins ?? []).entries()) {
    const earlier = (logins ?? []).slice(0, index);
    for (const [place, pattern] of textsOf(rule.login).entries()) {
      const path = ['logins', index, 'login', ...(typeof rule.login === 'string' ? [] : [place])];
      const problem =
        deniedBy(pattern, denied) ??
        notAllowed(pattern, allow?.login === undefined ? undefined : allowed) ??
        decidedBefore(pattern, earlier) ??
        (lookAlikes === 'allow' ? undefined : resembledBefore(pattern, earlier));
      if (problem !== undefined) found.push({ path, problem });
    }
  }
  return found;
}

function deniedBy(pattern: string, denied: readonly string[]): string | undefined {
  const by = denied.find((each) => covers(each, pattern));
  return by === undefined ? undefined : `"${pattern}" has no effect: deny.login refuses "${by}"`;
}

function notAllowed(pattern: string, allowed: readonly string[] | undefined): string | undefined {
  if (!allowed || isPattern(pattern) || allowed.some((each) => matchesLogin(each, pattern))) return undefined;
  return `"${pattern}" has no effect: allow.login does not have it`;
}

function decidedBefore(pattern: string, earlier: readonly LoginRule[]): string | undefined {
  for (const [index, { login }] of earlier.entries()) {
    const by = textsOf(login).find((each) => covers(each, pattern));
    if (by === undefined) continue;
    const what = `"${pattern}" has no effect: logins.${index} decides about "${by}" before`;
    const hint = covers(pattern, by) ? 'make one rule of both' : 'put the rule with fewer logins first';
    return `${what}; ${hint}`;
  }
  return undefined;
}

/** For a login without wildcards: whether it looks like some that an earlier rule reserves. */
function resembledBefore(pattern: string, earlier: readonly LoginRule[]): string | undefined {
  if (isPattern(pattern)) return undefined;
  const skeletons = skeletonsOf(pattern);
  for (const [index, { login, identity, ca, from }] of earlier.entries()) {
    if ((identity ?? ca ?? from) === undefined) continue;
    const by = textsOf(login).find((each) => LoginPatterns.of([each]).resembles(skeletons));
    if (by === undefined) continue;
    return `"${pattern}" looks like "${by}" of logins.${index}: only those who may have that can have it; put it first, or set lookAlikes: allow`;
  }
  return undefined;
}

/** Whether all logins that one pattern matches are matched by another, as far as one sees symbol by symbol. */
function covers(wide: string, narrow: string): boolean {
  const [w, n] = [Array.from(loginKey(wide)), Array.from(loginKey(narrow))];
  // Whether the rest of the one, from a place on, covers the rest of the other: from the end.
  let after: boolean[] = [];
  for (let j = n.length; j >= 0; j -= 1) {
    const row: boolean[] = [];
    for (let i = w.length; i >= 0; i -= 1) {
      if (i === w.length) row[i] = j === n.length;
      else if (w[i] === '*') row[i] = row[i + 1]! || (j < n.length && after[i]!);
      else row[i] = j < n.length && n[j] !== '*' && (w[i] === '?' || w[i] === n[j]) && after[i + 1]!;
    }
    after = row;
  }
  return after[0]!;
}

function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

function textsOf(texts: string | readonly string[] = []): readonly string[] {
  return typeof texts === 'string' ? [texts] : texts;
}
