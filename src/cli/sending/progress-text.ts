import type { TransferProgress } from '../../transfer/files/report.ts';
import { escapeUnsafe } from '../../util/escape.ts';
import { formatBytes, formatDuration } from '../../util/printable.ts';
import { displayWidth, fitWidth } from '../terminal/width.ts';

/** How much there is in total. */
export interface Totals {
  readonly bytes: number;
  readonly entries: number;
}

/** Less of a name says nothing. */
const MIN_NAME_COLUMNS = 12;

/** How far a transfer is, of all files and of the one that is under way, as far as the terminal is wide. */
export function progressText(
  { path, fileBytes, fileSize, bytes, entries }: Omit<TransferProgress, 'movedBytes'>,
  totals: Totals,
  bytesPerSecond: number,
  columns: number,
): string {
  // The last column stays free: some terminals go on to the next line there.
  const width = Math.max(columns - 1, 0);
  const share = percent(bytes, totals.bytes);
  const leftMs = bytesPerSecond > 0 ? (Math.max(totals.bytes - bytes, 0) * 1000) / bytesPerSecond : undefined;
  const parts = [
    `${formatBytes(bytes)} of ${formatBytes(totals.bytes)}`,
    `${formatBytes(Math.round(bytesPerSecond))}/s`,
    ...(leftMs === undefined ? [] : [`${formatDuration(leftMs)} left`]),
    ...(totals.entries > 1 ? [`${entries}/${totals.entries}`] : []),
  ];
  let line = share;
  for (const part of parts) {
    if (`${line}, ${part}`.length <= width) line += `, ${part}`;
  }
  if (path === undefined) return line.slice(0, width);
  const own = totals.entries > 1 && fileSize > 0 ? ` ${percent(fileBytes, fileSize)}` : '';
  const room = width - line.length - 2 - own.length;
  if (room < MIN_NAME_COLUMNS) return line.slice(0, width);
  const name = escapeUnsafe(path);
  return `${line}, ${displayWidth(name) <= room ? name : fitWidth(name, room).trimEnd()}${own}`;
}

function percent(part: number, whole: number): string {
  return `${whole === 0 ? 100 : Math.min(Math.floor((part * 100) / whole), 100)} %`;
}
