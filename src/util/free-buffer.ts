import { Buffer } from 'node:buffer';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

let nowhere: MessagePort | undefined;

/**
 * Gives the memory of large bytes back at once: the garbage collector would let 30 to 90 MiB of them wait. Nobody may use
 * them any more: they have no length then. Small ones, which may share their memory with others, are left to the collector.
 */
export function freeBuffer(bytes: Buffer): void {
  const { buffer } = bytes;
  // What is shared is little more than the size of Node.js's pool.
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < 2 * Buffer.poolSize) return;
  // What is handed over to a port that is closed is freed.
  if (!nowhere) {
    nowhere = new MessageChannel().port1;
    nowhere.close();
  }
  nowhere.postMessage(undefined, [buffer]);
}
