import { loginKey } from '../util/login-key.ts';
import { Glob } from './glob.ts';

/** A pattern of logins, ready to be compared with many: with logins that are written as logins are compared (P7). */
export class LoginGlob extends Glob {
  constructor(pattern: string) {
    super(loginKey(pattern));
  }
}

/** Whether a login matches a pattern. Both are compared as logins are (P7). */
export function matchesLogin(pattern: string, login: string): boolean {
  return new LoginGlob(pattern).matches(loginKey(login));
}
