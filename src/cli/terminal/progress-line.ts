import { formatBytes, formatDuration } from '../../util/printable.ts';

/** How far a transfer is. Sizes are in bytes. */
export interface ProgressFigures {
  readonly sent: number;
  readonly received: number;
  /** How much is to be sent, where that is known. */
  readonly total?: number | undefined;
  readonly sentPerSecond: number;
  readonly receivedPerSecond: number;
  readonly elapsedMs: number;
}

/** The line of a transfer that goes on: what moves comes first, and the rest as far as the terminal is wide. */
export function progressLine(figures: ProgressFigures, columns: number): string {
  const { sent, received, elapsedMs } = figures;
  const both: [string, number][] = [
    ['sent', sent],
    ['received', received],
  ];
  if (received > sent) both.reverse();
  const [[word, most], [otherWord, least]] = both as [[string, number], [string, number]];
  const rate = rateOf(figures);
  const other = least > 0 ? [`${otherWord} ${formatBytes(least)}`] : [];
  const rest = [rate, ...remaining(figures), ...other, formatDuration(elapsedMs)];
  // The last column stays free: some terminals go on to the next line there.
  const width = columns - 1;
  const bytes = formatBytes(most);
  let line = `${word} ${bytes}`;
  if (`${line}, ${rate}`.length > width) line = bytes;
  for (const part of rest) {
    if (`${line}, ${part}`.length > width) break;
    line += `, ${part}`;
  }
  return line.slice(0, Math.max(width, 0));
}

/** All of it, for a line that stays. */
export function summaryLine(figures: ProgressFigures): string {
  const { sent, received, elapsedMs } = figures;
  const bytes = [`sent ${formatBytes(sent)}`, `received ${formatBytes(received)}`, rateOf(figures)];
  return [...bytes, formatDuration(elapsedMs), ...remaining(figures)].join(', ');
}

function rateOf({ sentPerSecond, receivedPerSecond }: ProgressFigures): string {
  return `${formatBytes(Math.round(sentPerSecond + receivedPerSecond))}/s`;
}

/** How much of the known size is sent, and how long the rest will take. */
function remaining({ sent, total, sentPerSecond }: ProgressFigures): string[] {
  // A file may grow meanwhile.
  if (total === undefined || total === 0 || sent >= total) return [];
  const percent = `${Math.floor((sent * 100) / total)} %`;
  return sentPerSecond > 0 ? [percent, `${formatDuration(((total - sent) * 1000) / sentPerSecond)} left`] : [percent];
}
