import type { ByteSink, ByteSource } from '../../transfer/bytes.ts';
import { isPeerFailure } from '../../transfer/files/failures.ts';
import type { StreamHandover, TransferResult } from '../../transfer/files/report.ts';
import type { Offer } from '../../transfer/files/offer.ts';
import { DEFAULT_REOPEN_TIMEOUT_MS } from '../../transfer/verified/options.ts';
import { VerifiedPipe } from '../../transfer/verified/verified-pipe.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import type { NextChannel } from '../piping/verified.ts';
import type { TransferFlags } from './flags.ts';
import type { ProgressView } from './progress-view.ts';
import { reasonOf } from './reasons.ts';
import type { TransferReport } from './report.ts';

export interface Streaming {
  readonly flags: TransferFlags;
  readonly report: TransferReport;
  readonly view: ProgressView;
  readonly signal: AbortSignal;
  readonly next: NextChannel;
  readonly offer: Offer;
}

/**
 * Carries a stream, live: over another private connection with the same peer when one is lost, where no byte is lost or
 * doubled.
 *
 * @throws as {@link VerifiedPipe.run}
 */
export async function carryStream(
  { stream }: StreamHandover,
  ends: { readonly input: ByteSource; readonly output: ByteSink },
  { flags, report, view, signal, next, offer }: Streaming,
): Promise<TransferResult> {
  const { peer } = stream;
  const reopenTimeoutMs = (flags.reconnectTimeout ?? DEFAULT_REOPEN_TIMEOUT_MS / 1000) * 1000;
  const pipe = new VerifiedPipe(stream, {
    ...ends,
    reopen: reopenTimeoutMs === 0 ? undefined : (stop) => next.next(stop),
    reopenTimeoutMs,
    reasonOf,
    onEvent: (event) => {
      if (event.type === 'lost') {
        const { message } = event.error;
        report('lost', `${message}; waiting for another private connection with ${peer}`, { peer, message });
      } else if (event.type === 'reopened') {
        report('reconnected', `private connection with ${peer} again`, { peer });
      }
    },
  });
  const moved = (): number => pipe.bytesSent + pipe.bytesReceived;
  const name = offer.items[0]?.name;
  view.add(
    peer,
    () => ({ path: name, fileBytes: moved(), fileSize: offer.bytes, bytes: moved(), movedBytes: moved(), entries: 0 }),
    offer,
  );
  const abort = (): void => pipe.destroy(new ChatosError('ABORTED', 'interrupted'));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    const { sent, received } = await pipe.run();
    const counts = { done: 1, already: 0, skipped: 0, refused: 0, failed: 0 };
    return { counts, bytes: sent + received, movedBytes: sent + received, keptBytes: 0 };
  } catch (error) {
    // As with files: what the other side broke off is broken off here, too.
    if (isPeerFailure(error)) throw new ChatosError('CHANNEL_ABORTED', error.message, { fields: error.fields });
    if (!isChatosError(error) || error.fields['verified'] !== false) throw error;
    const message = `${peer} was started again, and a stream cannot go on then: run both sides again, to send it from its beginning`;
    throw new ChatosError('DATA_INCOMPLETE', message, { cause: error, fields: { peer } });
  } finally {
    signal.removeEventListener('abort', abort);
    view.remove(peer);
  }
}
