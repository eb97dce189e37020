import { MAX_LOGIN_BYTES } from './limits.ts';

/** Control characters, and the characters that reorder or hide text (bidirectional overrides, isolates, marks). */
const FORBIDDEN = /[\p{Cc}\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/u;

/** Why a login is never accepted (P7); `undefined` if it is valid. */
export function loginProblem(login: string): string | undefined {
  if (login === '') return 'it is empty';
  const bytes = Buffer.byteLength(login, 'utf8');
  if (bytes > MAX_LOGIN_BYTES) return `it is ${bytes} bytes long, and ${MAX_LOGIN_BYTES} are allowed`;
  if (!login.isWellFormed()) return 'it has half of a surrogate pair';
  if (FORBIDDEN.test(login)) return 'it has control or direction-changing characters';
  if (login.trim() !== login) return 'it starts or ends with white space';
  return undefined;
}
