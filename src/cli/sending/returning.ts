import { ChatosError, isChatosError } from '../../errors.ts';
import { isConnectionLost, isPeerFailure } from '../../transfer/files/failures.ts';
import type { PipedChannel } from '../../transfer/pipe.ts';
import { isCut } from '../../transfer/secure/failures.ts';
import { DEFAULT_REOPEN_TIMEOUT_MS } from '../../transfer/verified/options.ts';
import { withEither } from '../../util/abort.ts';
import { pause } from '../../util/timeout.ts';
import type { NextChannel } from '../piping/verified.ts';
import type { TransferFlags } from './flags.ts';
import type { TransferReport } from './report.ts';
import { formatSeconds } from '../../util/printable.ts';

/** Between two attempts. */
const PAUSE_MS = 500;

/** What goes on over another private connection where one is lost. */
export interface Returning {
  readonly flags: TransferFlags;
  readonly report: TransferReport;
  readonly next: NextChannel | undefined;
  readonly signal: AbortSignal;
}

/**
 * Runs a transfer, again over the next private connection with the same peer where one is lost.
 *
 * @throws what it has failed with
 */
export async function runReturning<T>(
  first: PipedChannel,
  run: (channel: PipedChannel) => Promise<T>,
  { flags, report, next, signal }: Returning,
): Promise<T> {
  const { peer } = first;
  const timeoutMs = flags.reconnectTimeout === undefined ? DEFAULT_REOPEN_TIMEOUT_MS : flags.reconnectTimeout * 1000;
  for (let channel = first; ;) {
    try {
      return await run(channel);
    } catch (error) {
      if (!isLost(error) || signal.aborted || !next || timeoutMs === 0) throw error;
      const { message } = error as Error;
      report('lost', `${message}; waiting for another private connection with ${peer}`, { peer, message });
      // Whoever has the login of the peer meanwhile has another secret: the one that is waited for may come yet.
      const strangers = new Set<string>();
      const another = await nextChannel(next, timeoutMs, signal, ({ code, message: why }) => {
        if (strangers.has(why)) return;
        strangers.add(why);
        report('broken', `${why}: this is not the one that we had met; still waiting`, { peer, code, message: why });
      });
      if (!another) throw tooLate(peer, timeoutMs, strangers.size > 0, error);
      report('reconnected', `private connection with ${peer} again`, { peer });
      channel = another;
    }
  }
}

/** Whether the private connection failed, and not what goes through it. */
function isLost(error: unknown): boolean {
  return (isConnectionLost(error) && !isPeerFailure(error)) || isCut(error);
}

async function nextChannel(
  next: NextChannel,
  timeoutMs: number,
  signal: AbortSignal,
  onWrong: (error: ChatosError) => void,
): Promise<PipedChannel | undefined> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    return await withEither(signal, late.signal, async (stop) => {
      while (!stop.aborted) {
        try {
          return await next.next(stop);
        } catch (error) {
          if (isChatosError(error, 'NOT_TRUSTED')) throw error;
          if (isChatosError(error, 'WRONG_SECRET')) onWrong(error);
          await pause(PAUSE_MS, stop);
        }
      }
      signal.throwIfAborted();
      return undefined;
    });
  } finally {
    clearTimeout(timer);
  }
}

function tooLate(peer: string, timeoutMs: number, hasStranger: boolean, cause: unknown): ChatosError {
  const stranger = hasStranger ? ` (somebody else has the login ${peer})` : '';
  const message = `the private connection with ${peer} broke, and there was no other one within ${formatSeconds(timeoutMs)}${stranger}; run both sides again to go on where it stopped`;
  return new ChatosError('CHANNEL_ABORTED', message, { cause, fields: { peer } });
}
