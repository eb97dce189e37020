import type { OfAccount } from '../../bot/events.ts';
import { ChatosError } from '../../errors.ts';
import { formatAddress, type Address } from '../../net/address.ts';
import { loginKey } from '../../util/login-key.ts';

export interface AccountWishes {
  /** The recording, as the user named it. */
  readonly file: string;
  readonly login?: string;
  readonly server?: Address;
  /** The logins that the bots would have if they were run: they decide where nothing else does. */
  readonly names: readonly string[];
}

export function sameAccount(a: OfAccount, b: OfAccount): boolean {
  return a.server === b.server && loginKey(a.login) === loginKey(b.login);
}

/**
 * The account of a recording that is meant.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where there is none, or more than one; the message says how to choose
 */
export function chooseAccount(events: readonly OfAccount[], { file, login, server, names }: AccountWishes): OfAccount {
  const accounts: OfAccount[] = [];
  for (const { server: at, login: who } of events) {
    const account = { server: at, login: who };
    if (!accounts.some((each) => sameAccount(each, account))) accounts.push(account);
  }
  const keys = new Set((login === undefined ? names : [login]).map(loginKey));
  const at = server && formatAddress(server);
  const possible = accounts.filter((account) => at === undefined || account.server === at);
  const named = possible.filter((account) => keys.has(loginKey(account.login)));
  const found = named.length === 0 && login === undefined ? possible : named;
  const [first] = found;
  if (first && found.length === 1) return first;
  const list = (some: readonly OfAccount[]): string => some.map((each) => `${each.login} on ${each.server}`).join(', ');
  if (!first) {
    const wish = [login === undefined ? 'nothing' : `nothing of ${login}`, at && `on ${at}`].filter(Boolean).join(' ');
    throw new ChatosError('INVALID_ARGUMENT', `${file}: there is ${wish} in it; it is of ${list(accounts)}`);
  }
  const flag = found.every((each) => loginKey(each.login) === loginKey(first.login)) ? '--server' : '--login';
  throw new ChatosError('INVALID_ARGUMENT', `${file} is of several accounts: say which with ${flag}: ${list(found)}`);
}
