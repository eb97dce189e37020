import type { LoadedConfig } from '../../config/read.ts';
import type { AccessStep, LoginVerdict, Peer } from '../../server/access/login-rules.ts';

/** What was asked, and what decides. */
export interface LoginExplanation {
  readonly login: string;
  readonly peer: Peer;
  readonly verdict: LoginVerdict;
  /** The rules before the deciding one, and why they do not decide. */
  readonly passed: readonly AccessStep[];
}

export function loginJson({ login, peer, verdict, passed }: LoginExplanation, loaded: LoadedConfig): object {
  const step = (of: AccessStep): object => ({ rule: of.rule, place: placeOf(of, loaded) ?? null, reason: of.why });
  return {
    login,
    from: peer.from,
    fingerprint: peer.fingerprint ?? null,
    decision: verdict.admitted ? 'let in' : 'refused',
    ...step(verdict),
    needs: verdict.admitted ? [] : needsOf(verdict, login, loaded),
    passed: passed.map(step),
  };
}

export function loginLines({ login, verdict, passed }: LoginExplanation, loaded: LoadedConfig): string[] {
  const text = (step: AccessStep): string => {
    const place = placeOf(step, loaded);
    return `${step.rule}${place === undefined ? '' : ` (${place})`}: ${step.why}`;
  };
  const needs = verdict.admitted ? [] : needsOf(verdict, login, loaded);
  return [
    `${login}: ${verdict.admitted ? 'let in' : 'refused'}`,
    ...passed.map((step) => `  not     ${text(step)}`),
    `  by      ${text(verdict)}`,
    ...needs.map((need) => `  needs   ${need}`),
  ];
}

/** The place of a step in the configuration; `undefined` for what is not in it. */
function placeOf({ path }: AccessStep, { locate }: LoadedConfig): string | undefined {
  return path.length === 0 ? undefined : locate(['serve', ...path]);
}

/** What it takes to be let in, one or more: all of them. */
function needsOf({ path: [list, which] }: LoginVerdict, login: string, { config }: LoadedConfig): string[] {
  const { serve = {} } = config;
  if (list === 'deny') return [`${DENIED_NEEDS[which as keyof typeof DENIED_NEEDS]}, or serve.deny without this one`];
  if (list === 'allow') {
    const kind = which as 'from' | 'login' | 'identity';
    return [`${ALLOWED_NEEDS[kind]} ${anyOf(serve.allow?.[kind])}`];
  }
  if (typeof which !== 'number') return [`a rule in serve.logins that has ${login}`];
  const { from, identity, ca } = serve.logins?.[which] ?? {};
  return [
    ...(from === undefined ? [] : [`an address in ${anyOf(from)}`]),
    ...(identity === undefined ? [] : [`a certificate with the key ${anyOf(identity)}`]),
    ...(ca === undefined ? [] : [`a certificate of ${ca}, in date and for clients, with the name ${login}`]),
  ];
}

const DENIED_NEEDS = { from: 'another address', login: 'another login', identity: 'another certificate' };
const ALLOWED_NEEDS = { from: 'an address in', login: 'a login like', identity: 'a certificate with the key' };

function anyOf(texts: string | readonly string[] = []): string {
  return typeof texts === 'string' ? texts : texts.join(' or ');
}
