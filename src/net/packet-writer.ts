import { ChatosError } from '../errors.ts';
import type { Transport } from './transport.ts';

/** Called when the operating system has taken the bytes, or, with an error, when it never will. */
export type Written = (error?: ChatosError) => void;

/** Within one turn of the event loop, more than this is handed to the transport without waiting for the turn's end. */
const FLUSH_EARLY_BYTES = 256 * 1024;

const dirty = new Set<PacketWriter>();

function flushDirty(): void {
  const writers = [...dirty];
  dirty.clear();
  for (const writer of writers) writer.flush();
}

/** Puts together what is written during one turn of the event loop: it leaves in one write at the turn's end. */
export class PacketWriter {
  readonly #transport: Transport;
  readonly #maxQueuedBytes: number;
  readonly #owner: { destroy(error: ChatosError): void };
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  readonly #written: Written[] = [];
  #closed = false;

  /** @param owner destroyed where more than `maxQueuedBytes` wait for a peer that does not read */
  constructor(transport: Transport, maxQueuedBytes: number, owner: { destroy(error: ChatosError): void }) {
    this.#transport = transport;
    this.#maxQueuedBytes = maxQueuedBytes;
    this.#owner = owner;
  }

  /** Whether anything can still be written. */
  get open(): boolean {
    return !this.#closed;
  }

  /** Queues bytes that are whole packets. They must not change afterwards. */
  write(bytes: Buffer, written?: Written): void {
    this.queue(bytes, written);
    if (this.#queuedBytes > FLUSH_EARLY_BYTES) this.flush();
  }

  /** The same, and sure not to destroy the owner before this turn's end. */
  queue(bytes: Buffer, written?: Written): void {
    if (this.#closed) {
      written?.(neverWritten());
      return;
    }
    if (this.#queue.length === 0) {
      if (dirty.size === 0) setImmediate(flushDirty);
      dirty.add(this);
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (written) this.#written.push(written);
  }

  /** Hands everything queued to the transport now. */
  flush(): void {
    if (this.#closed || this.#queue.length === 0) return;
    const { stream } = this.#transport;
    const waiting = stream.writableLength;
    if (waiting > this.#maxQueuedBytes) {
      const message = `the peer does not read: ${waiting} bytes were waiting for it`;
      const fields = { waiting, limit: this.#maxQueuedBytes };
      this.#owner.destroy(new ChatosError('QUEUE_FULL', message, { fields }));
      return;
    }
    const bytes = this.#queue.length === 1 ? this.#queue[0]! : Buffer.concat(this.#queue, this.#queuedBytes);
    const written = this.#written.splice(0);
    this.#queue = [];
    this.#queuedBytes = 0;
    const onWritten = (error?: Error | null): void => {
      // For a write that was under way when the stream was destroyed, Node 20 reports no error, later ones ECANCELED.
      const lost = stream.errored ?? error ?? undefined;
      const failure = lost || stream.destroyed ? neverWritten(lost) : undefined;
      for (const done of written) done(failure);
    };
    stream.write(bytes, written.length > 0 ? onWritten : undefined);
  }

  /** Takes no more; what is still queued is never written. */
  close(): void {
    this.#closed = true;
    for (const written of this.#written.splice(0)) written(neverWritten());
  }
}

function neverWritten(cause?: Error): ChatosError {
  return new ChatosError('CONNECTION_LOST', 'the connection was lost before everything was sent', { cause });
}
