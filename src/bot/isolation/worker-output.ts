import process from 'node:process';
import { withinTime } from '../../util/timeout.ts';

/** The most that the main thread has not read, in bytes: what a plugin prints beyond waits in its own thread. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** A reader of standard error that takes longer has stalled. */
const STALLED_MS = 1_000;

type WriteChunks = NonNullable<NodeJS.WriteStream['_writev']>;

/**
 * Sends what a worker thread prints to the main thread at once, on standard error: standard output carries data only. By
 * itself, Node.js sends one write, and keeps the next ones until that is read; they are lost if the thread ends before.
 */
export function printAtOnce(): void {
  const { stderr } = process;
  const send = stderr._writev!.bind(stderr);
  let unread = 0;
  const write: WriteChunks = (chunks, done) => {
    const bytes = chunks.reduce((sum, { chunk }) => sum + (chunk as string | Uint8Array).length, 0);
    unread += bytes;
    const isFull = unread > MAX_UNREAD_BYTES;
    send(chunks, (error) => {
      unread -= bytes;
      if (isFull) done(error);
    });
    if (!isFull) done();
  };
  stderr._writev = write;
  process.stdout.write = stderr.write.bind(stderr);
}

/** Resolves when all that was printed is on its way, or its reader has stalled. */
export async function flushPrinted(): Promise<void> {
  const { stderr } = process;
  if (stderr.writableLength === 0) return;
  const sent = new Promise<void>((resolve) => void stderr.write('', () => resolve()));
  await withinTime(sent, STALLED_MS, 'printing').catch(() => undefined);
}
