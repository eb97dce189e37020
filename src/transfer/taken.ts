import { isChatosError } from '../errors.ts';
import { connectionLost } from './failures.ts';
import type { PipedChannel } from './pipe.ts';

/**
 * Gives something to a channel, and waits until it is taken.
 *
 * @throws {ChatosError} that of the channel; else `CHANNEL_ABORTED`
 */
export function untilTaken(
  channel: Pick<PipedChannel, 'peer'>,
  give: (done: (error?: Error | null) => void) => unknown,
): Promise<void> {
  return new Promise((resolve, reject) => {
    give((error) => {
      if (!error) resolve();
      else if (isChatosError(error)) reject(error);
      else reject(connectionLost(`the private connection with ${channel.peer} broke`, error));
    });
  });
}
