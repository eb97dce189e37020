import { loginKey } from '../util/login-key.ts';

/**
 * Whether a login matches a pattern in which `*` stands for any characters and `?` for one. Both are compared as logins
 * are (P7). At worst, the time is proportional to the product of the two lengths.
 */
export function matchesLogin(pattern: string, login: string): boolean {
  const glob = Array.from(loginKey(pattern));
  const text = Array.from(loginKey(login));
  let g = 0;
  let t = 0;
  let star = -1;
  let starMatchedTo = 0;
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g++;
      starMatchedTo = t;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g += 1;
      t += 1;
    } else if (star >= 0) {
      g = star + 1;
      t = ++starMatchedTo;
    } else {
      return false;
    }
  }
  while (glob[g] === '*') g += 1;
  return g === glob.length;
}
