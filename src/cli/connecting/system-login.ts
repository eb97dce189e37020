import { userInfo } from 'node:os';

/** The name that the system knows its user by. */
export function systemLogin(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in /etc/passwd, as in some containers.
    return undefined;
  }
}
