import { ChatosError } from '../errors.ts';
import { startTimer } from '../util/timeout.ts';
import type { PipedChannel } from './pipe.ts';

/** How often within the limit progress is looked at. */
const CHECKS = 4;

/** What moves bytes: a channel, or what goes over several of them. */
export type Movement = Pick<PipedChannel, 'peer' | 'bytesSent' | 'bytesReceived'> & { destroy(error: Error): unknown };

/**
 * Breaks a movement with `TIMED_OUT` when nothing has moved through it, in either direction, for so long. Returns what stops
 * that.
 *
 * @param progress changes while anything moves
 */
export function limitIdleTime(movement: Movement, idleTimeoutMs: number, progress: () => number): () => void {
  let moved = Number.NaN;
  let idleChecks = 0;
  let timer: NodeJS.Timeout | undefined;
  const check = (): void => {
    const now = progress();
    idleChecks = now === moved ? idleChecks + 1 : 0;
    moved = now;
    if (idleChecks < CHECKS) {
      timer = startTimer(idleTimeoutMs / CHECKS, check);
      return;
    }
    const what = `nothing went through the private connection with ${movement.peer} for ${idleTimeoutMs / 1000} s`;
    movement.destroy(new ChatosError('TIMED_OUT', what, { fields: { peer: movement.peer, idleTimeoutMs } }));
  };
  check();
  return () => clearTimeout(timer);
}
