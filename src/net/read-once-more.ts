import type net from 'node:net';

/** The part of a socket that is touched here and is not public. */
interface Internals {
  _handle?: { readStart?: () => number } | null;
}

/**
 * When the last bytes and a RST come together, libuv reports the bytes and then an end of file: an abort that looks like
 * an end (it takes POLLHUP behind a partial read for one). The operating system knows better: read once more, it says
 * ECONNRESET, or end of file again. A socket that was not reset is still there when `then` is called.
 */
export function readOnceMore(socket: net.Socket, then: () => void): void {
  (socket as unknown as Internals)._handle?.readStart?.();
  // The socket is polled between these two: what it has to say has been said by then.
  setImmediate(() => setImmediate(then));
}
