import process from 'node:process';
import { formatBytes, formatDuration } from '../util/printable.ts';

const INTERVAL_MS = 200;

/**
 * A line on a terminal that shows bytes, rate and time while something runs; elsewhere, nothing. Returns what takes the
 * line away and tells the final figures.
 */
export function showProgress(count: () => { sent: number; received: number }): () => void {
  const { stderr } = process;
  if (!stderr.isTTY) return () => undefined;
  const startedAt = Date.now();
  const line = (): string => {
    const { sent, received } = count();
    const elapsedMs = Date.now() - startedAt;
    const rate = ((sent + received) * 1000) / Math.max(elapsedMs, 1);
    return `sent ${formatBytes(sent)}, received ${formatBytes(received)}, ${formatBytes(Math.round(rate))}/s, ${formatDuration(elapsedMs)}`;
  };
  // Where the data goes to the terminal too, it has the screen for itself as soon as some comes.
  const hidden = (): boolean => process.stdout.isTTY && count().received > 0;
  let shown = false;
  const timer = setInterval(() => {
    if (hidden()) {
      if (shown) stderr.write('\r\u001B[K');
      clearInterval(timer);
    } else {
      stderr.write(`\r\u001B[K${line()}`);
      shown = true;
    }
  }, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    if (!hidden()) stderr.write(`\r\u001B[K${line()}\n`);
  };
}
