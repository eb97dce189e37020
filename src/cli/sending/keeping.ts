import { isChatosError } from '../../errors.ts';
import type { PipedChannel } from '../../transfer/pipe.ts';
import type { TransferReport } from './report.ts';

/** Where senders come from, and what is done with them. */
export interface Keeping<C extends Pick<PipedChannel, 'peer'>> {
  /** The private connection of the next sender. What it throws ends it all: nobody comes then. */
  readonly next: () => Promise<C>;
  readonly receive: (channel: C) => Promise<void>;
  /** From so many at once. @default 1 */
  readonly max?: number | undefined;
  readonly report: TransferReport;
  readonly signal: AbortSignal;
}

/**
 * Receives from one sender after the other, or from several at once. A sender that fails is reported; a failure of ours, as
 * a full disk, ends it all.
 *
 * @throws what `next` throws, or has failed here
 */
export async function keepReceiving<C extends Pick<PipedChannel, 'peer'>>(keeping: Keeping<C>): Promise<void> {
  const { next, receive, max = 1, report, signal } = keeping;
  let receiving = 0;
  const nextChannel = async (): Promise<C> => {
    for (;;) {
      try {
        return await next();
      } catch (error) {
        // What is being received is not broken off because nobody else comes.
        if (receiving === 0 || !isChatosError(error, 'TIMED_OUT')) throw error;
      }
    }
  };
  const slot = async (): Promise<never> => {
    for (;;) {
      const channel = await nextChannel();
      receiving += 1;
      try {
        await receive(channel);
      } catch (error) {
        if (signal.aborted || !isChatosError(error) || error.code === 'NOT_TRUSTED') throw error;
        const { code, message, fields } = error;
        report('broken', message, { peer: String(fields['peer'] ?? ''), code, message });
      } finally {
        receiving -= 1;
      }
    }
  };
  await Promise.all(Array.from({ length: max }, slot));
}
