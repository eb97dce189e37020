import process from 'node:process';

/** What may wait for the reader of standard error, in bytes; each line counts for what holds it, too. */
const MAX_WAITING_BYTES = 1024 * 1024;
const LINE_BYTES = 256;

let waitingLines = 0;
let lostLines = 0;

/**
 * Writes a line on standard error. Where its reader stalls, what is beyond a megabyte is lost, and when it reads again,
 * `report` gives the line that says how many lines were.
 */
export function writeErrorLine(line: string, report: (lines: number) => string): void {
  if (waitingBytes() > MAX_WAITING_BYTES) {
    lostLines += 1;
    return;
  }
  waitingLines += 1;
  process.stderr.write(line, () => {
    waitingLines = Math.max(waitingLines - 1, 0);
    if (lostLines === 0 || waitingBytes() > MAX_WAITING_BYTES / 2) return;
    const lines = lostLines;
    lostLines = 0;
    writeErrorLine(report(lines), report);
  });
}

function waitingBytes(): number {
  const { writableLength } = process.stderr;
  // Another function in the place of `write` may call nobody back.
  if (writableLength === 0) waitingLines = 0;
  return writableLength + waitingLines * LINE_BYTES;
}
