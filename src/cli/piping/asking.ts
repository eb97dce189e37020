import type { Channel } from '../../client/channel.ts';
import type { ChatosClient } from '../../client/client.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { formatAddress } from '../../net/address.ts';

/**
 * A refusal that comes so soon after the request is one of somebody who is there. Where the peer has left, as a listener
 * does that has served its one peer, the request is lost, and the client repeats it only after a second.
 */
const AT_ONCE_MS = 900;

/**
 * Asks a peer for a private connection, until it has its turn. The same packet says that the peer refuses, that it has
 * left, and that the request has waited too long for the server: so the peer is asked again, and only who answers that
 * at once has refused.
 *
 * @throws {ChatosError} `REQUEST_REFUSED`, `TIMED_OUT` with what to check, or as {@link ChatosClient.request}
 */
export async function askPeer(
  client: ChatosClient,
  peer: string,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<Channel> {
  const endAt = performance.now() + timeoutMs;
  for (let wasRefused = false; ; wasRefused = true) {
    const askedAt = performance.now();
    try {
      return await client.request(peer, { timeoutMs: Math.max(endAt - askedAt, 0), signal });
    } catch (error) {
      if (isChatosError(error, 'TIMED_OUT')) throw unanswered(client, peer, timeoutMs);
      if (!isChatosError(error, 'REQUEST_REFUSED')) throw error;
      if (wasRefused && performance.now() - askedAt < AT_ONCE_MS) throw error;
    }
  }
}

function unanswered({ login, server }: ChatosClient, peer: string, timeoutMs: number): ChatosError {
  const hint = `is 'pipe --listen' running there, as ${peer} on ${formatAddress(server)}, and does its --from allow ${login}?`;
  return new ChatosError('TIMED_OUT', `no answer from ${peer} within ${timeoutMs / 1000} s; ${hint}`, {
    fields: { peer, timeoutMs },
  });
}
