import { ChatosError } from '../errors.ts';
import { startTimer } from '../util/timeout.ts';
import type { PipedChannel } from './pipe.ts';

/** How often within the limit progress is looked at. */
const CHECKS = 4;

/**
 * Breaks a channel with `TIMED_OUT` when nothing has moved through it, in either direction, for so long. Returns what stops
 * that.
 */
export function limitIdleTime(channel: PipedChannel, idleTimeoutMs: number): () => void {
  let moved = -1;
  let idleChecks = 0;
  let timer: NodeJS.Timeout | undefined;
  const check = (): void => {
    const now = channel.bytesSent + channel.bytesReceived;
    idleChecks = now === moved ? idleChecks + 1 : 0;
    moved = now;
    if (idleChecks < CHECKS) {
      timer = startTimer(idleTimeoutMs / CHECKS, check);
      return;
    }
    const what = `nothing went through the private connection with ${channel.peer} for ${idleTimeoutMs / 1000} s`;
    channel.destroy(new ChatosError('TIMED_OUT', what, { fields: { peer: channel.peer, idleTimeoutMs } }));
  };
  check();
  return () => clearTimeout(timer);
}
