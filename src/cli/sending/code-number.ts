import { randomInt } from 'node:crypto';
import type { ChatosClient } from '../../client/client.ts';
import { isChatosError } from '../../errors.ts';

/** Numbers are short where few are in use: so many attempts, with numbers below this. */
const ATTEMPTS: readonly (readonly [attempts: number, below: number])[] = [
  [3, 10],
  [4, 100],
  [6, 1_000],
  [4, 100_000],
];

/** The login of the one who sends by a code with this number: the receiver finds it by that. */
export function codeLogin(number: number): string {
  return `send-${number}`;
}

/** The number that a login of this kind has. */
function numberOf(login: string): number | undefined {
  const number = Number(/^send-(\d{1,6})$/.exec(login)?.[1] ?? 0);
  return number > 0 ? number : undefined;
}

/**
 * Logs in under a number that is free.
 *
 * @param wanted logins that are tried first
 * @throws as `connect` does; `LOGIN_REFUSED` where none of the numbers is free, or the server does not allow such logins
 */
export async function claimNumber(
  connect: (login: string) => Promise<ChatosClient>,
  wanted: readonly string[],
): Promise<{ readonly client: ChatosClient; readonly number: number }> {
  let refused: unknown;
  for (const login of wanted) {
    const number = numberOf(login);
    if (number === undefined) continue;
    try {
      return { client: await connect(login), number };
    } catch (error) {
      if (!isChatosError(error, 'LOGIN_REFUSED')) throw error;
    }
  }
  for (const [attempts, below] of ATTEMPTS) {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const number = randomInt(1, below);
      try {
        return { client: await connect(codeLogin(number)), number };
      } catch (error) {
        if (!isChatosError(error, 'LOGIN_REFUSED')) throw error;
        refused = error;
      }
    }
  }
  throw refused;
}
