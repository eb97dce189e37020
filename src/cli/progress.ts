import process from 'node:process';
import { formatBytes, formatDuration } from '../util/printable.ts';

const INTERVAL_MS = 200;
/** Three seconds' worth. */
const RATE_SAMPLES = 15;

/**
 * A line on a terminal that shows bytes, rate and time while something runs; elsewhere, nothing. Returns what takes the
 * line away and tells the final figures.
 */
export function showProgress(count: () => { sent: number; received: number }): () => void {
  const { stderr } = process;
  if (!stderr.isTTY) return () => undefined;
  const startedAt = Date.now();
  const line = (bytes: { sent: number; received: number }, rate: number): string => {
    const text = `sent ${formatBytes(bytes.sent)}, received ${formatBytes(bytes.received)}, ${formatBytes(Math.round(rate))}/s, ${formatDuration(Date.now() - startedAt)}`;
    return text.slice(0, (stderr.columns || 80) - 1);
  };
  // The rate of the last seconds, so that one sees when nothing moves.
  const samples: { readonly at: number; readonly total: number }[] = [];
  const recentRate = (total: number): number => {
    samples.push({ at: Date.now(), total });
    if (samples.length > RATE_SAMPLES) samples.shift();
    const [first] = samples;
    return ((total - first!.total) * 1000) / Math.max(Date.now() - first!.at, 1);
  };
  // Where the data goes to the terminal too, it has the screen for itself as soon as some comes.
  const hidden = (): boolean => process.stdout.isTTY && count().received > 0;
  let shown = false;
  const timer = setInterval(() => {
    if (hidden()) {
      if (shown) stderr.write('\r\u001B[K');
      clearInterval(timer);
    } else {
      const bytes = count();
      stderr.write(`\r\u001B[K${line(bytes, recentRate(bytes.sent + bytes.received))}`);
      shown = true;
    }
  }, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    if (hidden()) return;
    const bytes = count();
    const average = ((bytes.sent + bytes.received) * 1000) / Math.max(Date.now() - startedAt, 1);
    stderr.write(`\r\u001B[K${line(bytes, average)}\n`);
  };
}
