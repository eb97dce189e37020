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

/** How many bytes had been moved at a time, in milliseconds. */
export interface ProgressSample {
  readonly at: number;
  readonly sent: number;
  readonly received: number;
}

/** What has moved by the second sample, and how fast since the first one. What is moved cannot become less. */
export function figuresBetween(since: ProgressSample, now: ProgressSample) {
  const seconds = Math.max(now.at - since.at, 1) / 1000;
  const rate = (to: number, from: number): number => Math.max(to - from, 0) / seconds;
  return {
    sent: Math.max(now.sent, 0),
    received: Math.max(now.received, 0),
    sentPerSecond: rate(now.sent, since.sent),
    receivedPerSecond: rate(now.received, since.received),
  };
}

/** The line of a transfer that goes on: what moves comes first, and the rest as far as the terminal is wide. */
export function progressLine(figures: ProgressFigures, columns: number): string {
  const { sent, received, elapsedMs } = figures;
  const ways: [string, number][] = [
    ['sent', sent],
    ['received', received],
  ];
  if (received > sent) ways.reverse();
  const [[word, most], [otherWord, least]] = ways as [[string, number], [string, number]];
  const rate = rateOf(figures);
  const other = least > 0 ? [`${otherWord} ${formatBytes(least)}`] : [];
  // The last column stays free: some terminals go on to the next line there.
  const width = columns - 1;
  const bytes = formatBytes(most);
  let line = `${word} ${bytes}`;
  if (`${line}, ${rate}`.length > width) line = bytes;
  const [share, ...left] = remaining(figures);
  const tail = [...left, ...other, formatDuration(elapsedMs)];
  const both = share !== undefined && `${line}, ${rate}, ${share}`.length <= width;
  // Where there is no room for both, the share: the rate's length changes, and the line would jump.
  const rest = share === undefined ? [rate, ...tail] : both ? [rate, share, ...tail] : [share];
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
  if (total === undefined || sent >= total) return [];
  const percent = `${Math.floor((sent * 100) / total)} %`;
  return sentPerSecond > 0 ? [percent, `${formatDuration(((total - sent) * 1000) / sentPerSecond)} left`] : [percent];
}

/**
 * Erases a line of so many characters, with the cursor behind it. A terminal that was made narrower meanwhile has wrapped
 * it: the rows above the cursor go, too.
 */
export function eraseLine(length: number, columns: number): string {
  const rowsAbove = Math.max(Math.ceil(length / columns) - 1, 0);
  return rowsAbove > 0 ? `\r\u001B[${rowsAbove}A\u001B[J` : '\r\u001B[K';
}
