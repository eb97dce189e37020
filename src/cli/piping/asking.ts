import type { Channel } from '../../client/channel.ts';
import type { ChatosClient } from '../../client/client.ts';
import { ChatosError, isChatosError, type ErrorCode } from '../../errors.ts';
import { pause } from '../../util/timeout.ts';
import { whyNoAnswer } from './hints.ts';
import { formatSeconds } from '../../util/printable.ts';

/**
 * A refusal that comes so soon after the request is one of somebody who is there. Where the peer has left, as a listener
 * does that has served its one peer, the request is lost, and the client repeats it only after a second.
 */
const AT_ONCE_MS = 900;

/** After a failure on the way to the peer, it is asked again after this pause. */
const PAUSE_MS = 500;
/** A failure that is this old when the time is over is not the reason for that. */
const RECENT_MS = 2_000;
/** What the peer, the connection or a server that is started again may have caused. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['CONNECT_FAILED', 'CONNECTION_LOST', 'NOT_CONNECTED', 'TIMED_OUT']);

/**
 * Asks a peer for a private connection, until it has its turn. The same packet says that the peer refuses, that it has
 * left, and that the request has waited too long for the server: so the peer is asked again, and only who answers that
 * at once has refused.
 *
 * @throws {ChatosError} `REQUEST_REFUSED`, `TIMED_OUT` with why that may be, or as {@link ChatosClient.request}
 */
export async function askPeer(
  client: ChatosClient,
  peer: string,
  { timeoutMs, signal, command }: { timeoutMs: number; signal: AbortSignal; command?: string },
): Promise<Channel> {
  const endAt = performance.now() + timeoutMs;
  let failure: { readonly error: ChatosError; readonly at: number } | undefined;
  for (let wasRefused = false; ;) {
    const askedAt = performance.now();
    try {
      return await client.request(peer, { timeoutMs: Math.max(endAt - askedAt, 0), signal });
    } catch (error) {
      const now = performance.now();
      if (!isChatosError(error) || signal.aborted) throw error;
      // The peer has answered, or the server has gone: that it does not answer would not be true.
      if (error.code !== 'TIMED_OUT') failure = { error, at: now };
      if (error.code === 'REQUEST_REFUSED') {
        if (wasRefused && now - askedAt < AT_ONCE_MS) throw error;
        wasRefused = true;
      } else if (!PASSING.has(error.code)) {
        throw error;
      } else if (now >= endAt) {
        const message =
          failure && failure.error.code !== 'REQUEST_REFUSED' && now - failure.at < RECENT_MS
            ? `no private connection with ${peer} within ${formatSeconds(timeoutMs)}: ${failure.error.message}`
            : `no answer from ${peer} within ${formatSeconds(timeoutMs)}: ${whyNoAnswer(client, peer, command)}`;
        throw new ChatosError('TIMED_OUT', message, { fields: { peer, timeoutMs } });
      } else {
        wasRefused = false;
        await pause(PAUSE_MS, signal);
      }
    }
  }
}
