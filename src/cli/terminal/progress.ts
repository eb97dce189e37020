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

/**
 * Shows bytes, rate and time in a line of the terminal while something runs; without a terminal, nothing.
 */
export function showProgress(count: () => { sent: number; received: number }): Progress {
  const { stderr } = process;
  if (!stderr.isTTY) return { clear: () => undefined, done: () => undefined };
  const startedAt = Date.now();
  const line = (bytes: { sent: number; received: number }, rate: number): string => {
    const text = `sent ${formatBytes(bytes.sent)}, received ${formatBytes(bytes.received)}, ${formatBytes(Math.round(rate))}/s, ${formatDuration(Date.now() - startedAt)}`;
    return text.slice(0, (stderr.columns || 80) - 1);
  };
  // The rate of the last seconds shows when nothing moves.
  const samples: { readonly at: number; readonly total: number }[] = [];
  const recentRate = (total: number): number => {
    samples.push({ at: Date.now(), total });
    if (samples.length > RATE_SAMPLES) samples.shift();
    const [first] = samples;
    return ((total - first!.total) * 1000) / Math.max(Date.now() - first!.at, 1);
  };
  let shown = false;
  let cleared = false;
  const timer = setInterval(() => {
    const bytes = count();
    stderr.write(`\r\u001B[K${line(bytes, recentRate(bytes.sent + bytes.received))}`);
    shown = true;
  }, INTERVAL_MS);
  const clear = (): void => {
    clearInterval(timer);
    if (shown && !cleared) stderr.write('\r\u001B[K');
    cleared = true;
  };
  const done = (): void => {
    const silent = cleared;
    clear();
    if (silent) return;
    const bytes = count();
    const average = ((bytes.sent + bytes.received) * 1000) / Math.max(Date.now() - startedAt, 1);
    stderr.write(`${line(bytes, average)}\n`);
  };
  return { clear, done };
}
