import { isChatosError } from '../../errors.ts';
import { pluralize } from '../../util/printable.ts';
import type { Announce } from '../terminal/output.ts';
import type { StopRequest } from '../terminal/signals.ts';
import type { Running } from './start.ts';

/**
 * Resolves when the process is asked to stop, and announces it.
 *
 * @throws {ChatosError} that of the last account, when none is left
 */
export async function serveUntilStopped(
  { runtime, server }: Running,
  stop: StopRequest,
  { drainMs, announce }: { readonly drainMs: number; readonly announce: Announce },
): Promise<void> {
  const ending = await Promise.race(runtime ? [stop.received, runtime.failed] : [stop.received]);
  if (isChatosError(ending)) throw ending;
  // A server of ours may relay more than the bots' own.
  const channels = server?.stats.channels ?? runtime?.channelCount ?? 0;
  const waiting =
    channels > 0 ? `, waiting up to ${drainMs / 1000} s for ${pluralize(channels, 'private connection')}` : '';
  announce(`stopping on ${ending}${waiting}`, { signal: ending, channels });
}
