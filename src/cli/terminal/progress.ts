import process from 'node:process';
import { formatBytes, formatDuration } from '../../util/printable.ts';

const INTERVAL_MS = 200;
/** Three seconds' worth. */
const RATE_SAMPLES = 15;

/** A progress line: `clear` removes it for good, when data goes to the same terminal; `done` ends it. */
export interface Progress {
  readonly clear: () => void;
  readonly done: () => void;
}

/** Shows bytes, rate and time in a line of the terminal while something runs; without a terminal, nothing. */
export function showProgress(count: () => { sent: number; received: number }): Progress {
  const { stderr } = process;
  if (!stderr.isTTY) return { clear: () => undefined, done: () => undefined };
  const startedAt = Date.now();
  /** The rate is that since `total` bytes had moved, at the time `at`. */
  const line = ({ at, total }: Sample): string => {
    const { sent, received } = count();
    const rate = Math.round(((sent + received - total) * 1000) / Math.max(Date.now() - at, 1));
    const text = `sent ${formatBytes(sent)}, received ${formatBytes(received)}, ${formatBytes(rate)}/s, ${formatDuration(Date.now() - startedAt)}`;
    return text.slice(0, (stderr.columns || 80) - 1);
  };
  // The rate of the last seconds shows when nothing moves.
  const samples: Sample[] = [];
  let state: 'hidden' | 'shown' | 'cleared' = 'hidden';
  const timer = setInterval(() => {
    const { sent, received } = count();
    samples.push({ at: Date.now(), total: sent + received });
    if (samples.length > RATE_SAMPLES) samples.shift();
    stderr.write(`\r\u001B[K${line(samples[0]!)}`);
    state = 'shown';
  }, INTERVAL_MS);
  const clear = (): void => {
    clearInterval(timer);
    if (state === 'shown') stderr.write('\r\u001B[K');
    state = 'cleared';
  };
  const done = (): void => {
    const isSilent = state === 'cleared';
    clear();
    if (!isSilent) stderr.write(`${line({ at: startedAt, total: 0 })}\n`);
  };
  return { clear, done };
}

/** How many bytes had moved at a time. */
interface Sample {
  readonly at: number;
  readonly total: number;
}
