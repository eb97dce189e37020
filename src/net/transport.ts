import type { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';

/** How a connection ended: both sides had ended it, or it broke. */
export type Ending = 'in order' | 'aborted';

/**
 * Receives what a transport has read. The bytes are lent for the call, unless they are still being written somewhere:
 * then it must return `false`, and is not called again before the stream is resumed.
 */
export type OnChunk = (chunk: Buffer) => boolean;

/** The sizes of a buffer that is used again and again, in bytes: it begins with the first. */
export interface BufferSizes {
  readonly sizes: readonly number[];
  /** How large it may be at this moment; asked after each read. */
  readonly largest?: () => number;
}

/**
 * A connection, whatever carries it. Everything above this folder knows a connection as this; only what makes one
 * (`dial`, `listen`) knows sockets.
 *
 * It is half-open by default (the peer's end does not end our side), and paused until somebody reads. Nobody needs to
 * listen for its errors: `close` follows, and `ending` says how it went.
 */
export interface Transport {
  /**
   * The bytes, both ways: the socket's own stream, so that nothing stands in between. `end()` ends our side in order;
   * `destroy()` is for where it does not matter what the peer makes of it, `reset` for where it does. Its event `end` may
   * turn out to be an abort: see `onEnd`.
   */
  readonly stream: Duplex;
  /** Where the peer is, as a text of its IP address; `undefined` where that is not known any more. */
  readonly remoteAddress: string | undefined;
  /** Whether nobody on the way can read it. */
  readonly encrypted: boolean;
  /** The certificate that the peer has shown, and whose key it has; `undefined` on TCP, or where none was shown. */
  readonly certificate: X509Certificate | undefined;
  /** How it ended; `undefined` while it has not. */
  readonly ending: Ending | undefined;
  /** Bytes written that the operating system has not taken yet, those of a write under way included. */
  readonly unsentBytes: number;
  /** The memory of what was written and has not left, in bytes: over TLS, what is enciphered counts beside what it was. */
  readonly queuedBytes: number;
  /**
   * Calls back once when the peer has ended its side and really ended it: no error follows. That takes two turns of the
   * event loop more than the stream's own `end`. Replaces the listener set before: a connection has one owner at a time.
   */
  onEnd(listener: (() => void) | undefined): void;
  /** Breaks the connection off: the peer sees an abort, never an end. */
  reset(): void;
  /** The same; what relays at the other end learns, where it can, that too much waited here. Missing where nothing does. */
  shed?(): void;
  /** Whether the other end has broken it off for that. */
  readonly isShed?: boolean;
  /** Reads nothing more before `readOn`, not even what has been reported as readable; the stream does not notice. */
  stopReading?(): void;
  readOn?(): void;
  /**
   * Reads into one buffer that is used again and again: faster, where there is such a way. Returns the same connection as
   * another transport, paused; this one is of no use any more. To be called while nobody listens. Returns `undefined`,
   * with nothing changed, where it is not possible after all.
   */
  readIntoReusedBuffer?(onChunk: OnChunk, sizes: BufferSizes): Transport | undefined;
}

/** Reads through the stream, a fresh buffer each time: works everywhere. */
export function readByStream(transport: Transport, onChunk: OnChunk): Transport {
  const { stream } = transport;
  stream.on('data', (chunk: Buffer) => {
    if (!onChunk(chunk)) stream.pause();
  });
  return transport;
}
