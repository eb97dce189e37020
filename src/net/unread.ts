import type { Duplex } from 'node:stream';

/** Takes what a stream has read ahead, and nobody has taken; it is paused, with nobody listening. */
export function takeUnread(stream: Duplex): Buffer {
  const chunks: Buffer[] = [];
  for (let left = stream.read() as Buffer | null; left !== null; left = stream.read() as Buffer | null) {
    chunks.push(left);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
