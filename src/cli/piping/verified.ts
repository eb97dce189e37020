import { isChatosError, messageOf } from '../../errors.ts';
import type { PipedChannel } from '../../transfer/pipe.ts';
import { DEFAULT_REOPEN_TIMEOUT_MS, type VerifiedPipeEvent } from '../../transfer/verified/options.ts';
import { VerifiedPipe } from '../../transfer/verified/verified-pipe.ts';
import { exitFor, ExitSignal } from '../terminal/exit.ts';
import type { PipeFlags } from './flags.ts';
import type { Report } from './report.ts';
import type { TransferEnds } from './transfer.ts';

/** Where the next private connection with a peer comes from. */
export interface NextChannel {
  next(signal: AbortSignal): Promise<PipedChannel>;
  /** Nobody waits for one any more. */
  release(): void;
}

export interface VerifiedSettings {
  readonly flags: PipeFlags;
  readonly report: Report;
  /** With --reconnect; `onBack` is called when the peer asks for another connection. */
  readonly reconnection?: ((peer: string, onBack: () => void) => NextChannel) | undefined;
  readonly onPeerEnd: (received: number, goesOn: boolean) => void;
}

/** Joins a channel with an input and an output as --verify and --reconnect say; its events are reported. */
export function verifiedPipe(channel: PipedChannel, ends: TransferEnds, settings: VerifiedSettings) {
  const { flags, reconnection } = settings;
  const { peer } = channel;
  const source = reconnection?.(peer, () => pipe.peerIsBack());
  const reopenTimeoutMs =
    flags.reconnectTimeout === undefined ? DEFAULT_REOPEN_TIMEOUT_MS : flags.reconnectTimeout * 1000;
  const onEvent = (event: VerifiedPipeEvent): void => reportEvent(event, peer, settings);
  const reopen = source && ((signal: AbortSignal) => source.next(signal));
  const pipe = new VerifiedPipe(channel, { ...ends, reopen, reopenTimeoutMs, reasonOf, onEvent });
  return { pipe, release: () => source?.release() };
}

function reportEvent(event: VerifiedPipeEvent, peer: string, { flags, report, onPeerEnd }: VerifiedSettings): void {
  switch (event.type) {
    case 'opened':
      if (!flags.reconnect || event.reconnects) return;
      report('no-reconnect', `${peer} does not use --reconnect: the end of this private connection is final`, { peer });
      return;
    case 'lost': {
      const { message } = event.error;
      return report('lost', `the private connection with ${peer} is lost; waiting for another one`, { peer, message });
    }
    case 'reopened':
      return report('reconnected', `private connection with ${peer} again`, { peer });
    case 'peer-ended':
      onPeerEnd(event.received, event.goesOn);
  }
}

/** What the peer reads where we fail. */
function reasonOf(error: unknown): string {
  if (isChatosError(error, 'ABORTED')) return 'it was interrupted';
  if (error instanceof ExitSignal) return `its command failed with ${error.code}`;
  const { message } = exitFor(error);
  return message === '' ? 'nobody reads its output' : (message ?? messageOf(error));
}
