import { messageOf } from '../errors.ts';
import { claimLogin, refusalOf, type Claim, type LoginRefusal, type Obstacle } from './directory.ts';
import type { Hub } from './hub.ts';

/**
 * Asks the directory for a login. Resolves to why it is refused; to `undefined` where the client has it then. Never rejects
 * for what the directory does.
 *
 * @param barred why the client may not have it any more: asked when it would have it
 */
export async function takeLogin(
  hub: Hub,
  claim: Claim,
  barred: () => LoginRefusal | undefined,
): Promise<LoginRefusal | undefined> {
  try {
    let other = await claimLogin(hub.directory, claim);
    if (other && endGhost(hub, claim, other)) other = await claimLogin(hub.directory, claim);
    if (other) return refusalOf(claim, other);
  } catch (error) {
    return { why: messageOf(error) };
  }
  return barred();
}

/** A client whose connection died in silence wants its login back. */
function endGhost({ directory }: Hub, claim: Claim, other: Obstacle): boolean {
  if (other.key !== claim.key) return false;
  const client = directory.find(claim.login);
  return client?.id === other.id && client.endIfGhost?.(claim) === true;
}
