import { ChatosError } from '../../errors.ts';
import type { Counts, TransferResult } from '../../transfer/files/report.ts';
import { escapeUnsafe } from '../../util/escape.ts';
import { formatBytes, formatDuration, inNumber } from '../../util/printable.ts';
import type { TransferReport } from './report.ts';

/** What a transfer has come to, over all of its private connections. */
export class Effort {
  readonly #startedAt = performance.now();
  /** The first of what did not arrive, and why, by what became of it. */
  readonly #problems = new Map<string, string>();
  /** What was sent or received over private connections that were lost. */
  #lostBytes = 0;

  /** A private connection is lost, and the next one goes on. */
  lose({ movedBytes }: { readonly movedBytes: number }): void {
    this.#lostBytes += movedBytes;
  }

  /** Reports what became of an entry: to people only where that needs to be said. */
  reportEntry(
    report: TransferReport,
    peer: string,
    { path, size, outcome, reason }: { path: string; size: number; outcome: string; reason: string },
  ): void {
    const isProblem = outcome === 'failed' || outcome === 'refused';
    // Both are the peer's: a line of it must not look like one of ours.
    const what = escapeUnsafe(path === '' ? reason : `${path}: ${reason}`);
    if (isProblem && !this.#problems.has(outcome)) this.#problems.set(outcome, what);
    const text = isProblem || outcome === 'skipped' ? `${outcome} ${what}` : undefined;
    report('entry', text, { peer, path, size, outcome, reason });
  }

  /** `: it, and why`, for what did not arrive; of several, the first. */
  problemOf(outcome: 'failed' | 'refused', count: number): string {
    const problem = this.#problems.get(outcome);
    if (problem === undefined) return '';
    return count === 1 ? `: ${problem}` : `, the first one ${problem}`;
  }

  /** In all, with what the last private connection has come to. */
  total({ counts, bytes, movedBytes, keptBytes }: TransferResult): TransferResult & { readonly durationMs: number } {
    return {
      counts,
      bytes,
      movedBytes: movedBytes + this.#lostBytes,
      keptBytes: Math.max(keptBytes - this.#lostBytes, 0),
      durationMs: Math.round(performance.now() - this.#startedAt),
    };
  }
}

/**
 * Reports that a transfer is done.
 *
 * @throws {ChatosError} where something did not arrive, or was refused: that is no success
 */
export function reportDone(
  report: TransferReport,
  peer: string,
  verb: 'sent' | 'received',
  result: TransferResult,
  effort: Effort,
): void {
  const total = effort.total(result);
  const { counts, ...figures } = total;
  report('done', summaryText(peer, verb, total), { peer, ...counts, ...figures });
  checkCounts(peer, counts, effort);
}

/** What became of everything, in a line. */
function summaryText(
  peer: string,
  verb: 'sent' | 'received',
  { counts, movedBytes, keptBytes, durationMs }: ReturnType<Effort['total']>,
): string {
  const parts = [`${verb} ${counts.done} ${inNumber(counts.done, 'file{s}')}`];
  if (counts.already > 0) parts.push(`${counts.already} there already`);
  if (counts.skipped > 0) parts.push(`${counts.skipped} skipped`);
  if (counts.refused > 0) parts.push(`${counts.refused} refused`);
  if (counts.failed > 0) parts.push(`${counts.failed} FAILED`);
  const text = `${peer}: ${parts.join(', ')}`;
  if (movedBytes === 0) return text;
  const rate = formatBytes(Math.round(movedBytes / Math.max(durationMs / 1000, 0.001)));
  const kept = keptBytes > 0 ? ` (${formatBytes(keptBytes)} were there already)` : '';
  return `${text}: ${formatBytes(movedBytes)} in ${formatDuration(durationMs)}, ${rate}/s${kept}`;
}

function checkCounts(peer: string, { failed, refused }: Counts, effort: Effort): void {
  if (failed > 0) {
    const what = inNumber(failed, '{file or folder is|files or folders are}');
    const message = `${failed} ${what} missing at the receiver${effort.problemOf('failed', failed)}`;
    throw new ChatosError('DATA_INCOMPLETE', message, { fields: { peer, failed } });
  }
  if (refused > 0) {
    const what = inNumber(refused, '{file or folder was|files or folders were}');
    const message = `${refused} ${what} refused by the receiver${effort.problemOf('refused', refused)}`;
    throw new ChatosError('REQUEST_REFUSED', message, { fields: { peer, refused } });
  }
}
