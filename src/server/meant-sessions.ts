import { matchesLogin } from '../policy/login-glob.ts';
import { loginKey } from '../util/login-key.ts';
import type { SessionView } from './views.ts';

/** What a session is known by. */
export type NamedSession = Pick<SessionView, 'id' | 'login' | 'remoteAddress'>;

/** Whether a session is the one that an operator names: by its login, as `#12` by its id, or by a pattern of logins. */
export function isMeant(name: string, isPattern: boolean): (session: NamedSession) => boolean {
  if (isPattern) return ({ login }) => login !== '' && matchesLogin(name, login);
  if (/^#\d+(\.[\w-]+)?$/.test(name)) return ({ id, login }) => id === name.slice(1) || login === name;
  const key = loginKey(name);
  return ({ login }) => login !== '' && loginKey(login) === key;
}
