import { ChatosError } from '../../errors.ts';
import type { Counts, TransferResult } from '../../transfer/files/report.ts';
import { formatBytes, formatDuration, inNumber } from '../../util/printable.ts';
import type { TransferReport } from './report.ts';

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
  startedAt: number,
): void {
  const durationMs = Math.round(performance.now() - startedAt);
  const { counts, bytes } = result;
  report('done', summaryText(peer, verb, result, durationMs), { peer, ...counts, bytes, durationMs });
  checkCounts(peer, counts);
}

/** What became of everything, in a line. */
function summaryText(
  peer: string,
  verb: 'sent' | 'received',
  { counts, bytes }: TransferResult,
  durationMs: number,
): string {
  const parts = [`${verb} ${counts.done} ${inNumber(counts.done, 'file{s}')}`];
  if (counts.already > 0) parts.push(`${counts.already} there already`);
  if (counts.skipped > 0) parts.push(`${counts.skipped} skipped`);
  if (counts.refused > 0) parts.push(`${counts.refused} refused`);
  if (counts.failed > 0) parts.push(`${counts.failed} FAILED`);
  const rate = formatBytes(Math.round(bytes / Math.max(durationMs / 1000, 0.001)));
  return `${peer}: ${parts.join(', ')}: ${formatBytes(bytes)} in ${formatDuration(durationMs)}, ${rate}/s`;
}

function checkCounts(peer: string, { failed, refused }: Counts): void {
  if (failed > 0) {
    const message = `${failed} ${inNumber(failed, 'file{s} {is|are}')} missing at the receiver: see above`;
    throw new ChatosError('DATA_INCOMPLETE', message, { fields: { peer, failed } });
  }
  if (refused > 0) {
    const message = `${refused} ${inNumber(refused, 'file{s} {was|were}')} refused by the receiver: see above`;
    throw new ChatosError('REQUEST_REFUSED', message, { fields: { peer, refused } });
  }
}
