import { ChatosError, messageOf } from '../errors.ts';
import { createDeferred } from '../util/deferred.ts';
import type { Claim, Directory } from './directory.ts';

/** A directory that has not answered by then has refused; the client waits for no longer. */
const CLAIM_TIMEOUT_MS = 5_000;

/**
 * Claims a login. What the directory grants too late is given back.
 *
 * @throws {ChatosError} `TIMED_OUT`, or `LOGIN_REFUSED` where the directory fails: the login is not taken then
 */
export function claimLogin(directory: Directory, claim: Claim): Promise<boolean> {
  const answer = createDeferred<boolean>({ timeoutMs: CLAIM_TIMEOUT_MS, what: 'no answer from the directory' });
  directory.claim(claim).then(
    (granted) => {
      if (!answer.settled) answer.resolve(granted);
      else if (granted) directory.release(claim).catch(() => undefined);
    },
    (error: unknown) => {
      const message = `the directory failed: ${messageOf(error)}`;
      if (!answer.settled) answer.reject(new ChatosError('LOGIN_REFUSED', message, { cause: error }));
    },
  );
  return answer.promise;
}
