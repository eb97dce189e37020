import type { OfAccount } from '../../bot/events.ts';
import { ChatosError } from '../../errors.ts';
import type { Address } from '../../net/address.ts';
import { formatAddresses } from '../../net/address-list.ts';
import { loginKey } from '../../util/login-key.ts';

export interface AccountCriteria {
  /** The recording, as the user named it. */
  readonly file: string;
  readonly login?: string;
  readonly server?: readonly Address[];
  /** The logins that `run` would give the bots: they decide if nothing else does. */
  readonly names: readonly string[];
}

export function sameAccount(a: OfAccount, b: OfAccount): boolean {
  return a.server === b.server && loginKey(a.login) === loginKey(b.login);
}

/**
 * Chooses the account of a recording.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if there is no such account, or more than one; the message says how to choose
 */
export function chooseAccount(
  events: readonly OfAccount[],
  { file, login, server, names }: AccountCriteria,
): OfAccount {
  const accounts: OfAccount[] = [];
  for (const { server: at, login: who } of events) {
    const account = { server: at, login: who };
    if (!accounts.some((each) => sameAccount(each, account))) accounts.push(account);
  }
  const keys = new Set((login === undefined ? names : [login]).map(loginKey));
  const at = server && formatAddresses(server);
  const possible = accounts.filter((account) => at === undefined || account.server === at);
  const named = possible.filter((account) => keys.has(loginKey(account.login)));
  const found = named.length === 0 && login === undefined ? possible : named;
  const [first] = found;
  if (first && found.length === 1) return first;
  const list = (some: readonly OfAccount[]): string => some.map((each) => `${each.login} on ${each.server}`).join(', ');
  if (!first) {
    const wanted = ['account', login, at && `on ${at}`].filter(Boolean).join(' ');
    throw new ChatosError('INVALID_ARGUMENT', `${file}: there is no ${wanted} in it; it has ${list(accounts)}`);
  }
  const flag = found.every((each) => loginKey(each.login) === loginKey(first.login)) ? '--server' : '--login';
  throw new ChatosError('INVALID_ARGUMENT', `${file} has several accounts; choose one with ${flag}: ${list(found)}`);
}
