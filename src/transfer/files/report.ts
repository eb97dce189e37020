import type { PipedChannel } from '../pipe.ts';
import type { Offer } from './offer.ts';

/** What became of a file or link. */
export type Outcome =
  /** It came, or was sent, whole. */
  | 'done'
  /** It was there already, with the same content. */
  | 'already'
  /** Something else has its name, and the receiver skips such files. */
  | 'skipped'
  /** Something else has its name, and the receiver keeps that. */
  | 'refused'
  /** It could not be read or written. */
  | 'failed';

/** How many files and links had which outcome. */
export type Counts = { readonly [O in Outcome]: number };

/** Outcomes, with their numbers on the wire. */
export const OUTCOMES: readonly Outcome[] = ['done', 'already', 'skipped', 'refused', 'failed'];

/** What happens on the way. */
export type TransferEvent =
  | { readonly type: 'offered'; readonly offer: Offer }
  | { readonly type: 'accepted'; readonly offer: Offer }
  /** So many files and folders could not even be announced by the sender. */
  | { readonly type: 'unreadable'; readonly count: number }
  /** What became of a file, folder or link. */
  | {
      readonly type: 'entry';
      readonly path: string;
      readonly size: number;
      readonly outcome: Outcome;
      readonly reason: string;
    };

/** How far a transfer is. */
export interface TransferProgress {
  /** The file that is under way. */
  readonly path: string | undefined;
  /** Of it, in bytes. */
  readonly fileBytes: number;
  readonly fileSize: number;
  /** Of all files, in bytes: sent or received, or known to be there. */
  readonly bytes: number;
  /** Those of them that were sent or received. */
  readonly movedBytes: number;
  /** Files, folders and links of which it is known what became of them. */
  readonly entries: number;
}

/** Keeps the progress, and the counts. */
export class Progress {
  path: string | undefined;
  fileBytes = 0;
  fileSize = 0;
  bytes = 0;
  movedBytes = 0;
  keptBytes = 0;
  entries = 0;
  readonly counts: Record<Outcome, number> = { done: 0, already: 0, skipped: 0, refused: 0, failed: 0 };

  begin(path: string, size: number): void {
    this.path = path;
    this.fileSize = size;
    this.fileBytes = 0;
  }

  /** Bytes of a file have been sent, or have come. */
  move(bytes: number): void {
    this.fileBytes += bytes;
    this.bytes += bytes;
    this.movedBytes += bytes;
  }

  /** Bytes of a file are there already. */
  keep(bytes: number): void {
    this.fileBytes += bytes;
    this.bytes += bytes;
    this.keptBytes += bytes;
  }

  /** The content of a file is not wanted. */
  leave(outcome: Outcome, size: number): void {
    if (outcome === 'failed' || outcome === 'refused') return;
    this.bytes += size;
    if (outcome === 'already') this.keptBytes += size;
  }

  /** An entry is over; `left` bytes of it did not move. */
  end(outcome: Outcome, isFolder: boolean): void {
    this.entries += 1;
    if (!isFolder || outcome === 'failed' || outcome === 'refused') this.counts[outcome] += 1;
  }
}

/** How a transfer ended for one peer. */
export interface TransferResult {
  readonly counts: Counts;
  /** Of all files but those that were refused or failed. */
  readonly bytes: number;
  /** Sent or received. */
  readonly movedBytes: number;
  /** There already, and not sent again. */
  readonly keptBytes: number;
}

/** What was offered comes as a stream of bytes over this channel: nothing of it was sent yet. */
export interface StreamHandover {
  readonly stream: PipedChannel;
}
