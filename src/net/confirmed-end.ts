import type { Duplex } from 'node:stream';

/** The parts of a socket that are touched here and are not public. */
interface Internals {
  _handle?: { readStart?: () => number } | null;
  _readableState: { autoDestroy: boolean };
}

/**
 * Calls back when the peer has ended its side of a socket, and really ended it.
 *
 * When the last bytes and a RST come together, libuv reports the bytes and then an end of file: an abort that looks like
 * an end (it takes POLLHUP behind a partial read for one). The operating system knows better: read once more, it says
 * ECONNRESET, or end of file again. In the first case the socket emits 'error', and nothing is called back.
 *
 * The socket is kept until that is known; afterwards, as soon as our side has ended too, it is destroyed.
 */
export function onConfirmedEnd(socket: Duplex, ended: () => void): void {
  (socket as unknown as Internals)._readableState.autoDestroy = false;
  const confirm = (): void => {
    readOnceMore(socket, () => {
      ended();
      if (socket.writableFinished) socket.destroy();
      else socket.once('finish', () => socket.destroy());
    });
  };
  if (socket.readableEnded) confirm();
  else socket.once('end', confirm);
}

/** Reads from a socket that has reported its end; calls back unless that brings an error. */
export function readOnceMore(socket: Duplex, stillEnded: () => void): void {
  (socket as unknown as Internals)._handle?.readStart?.();
  // The socket is polled between these two: what it has to say has been said by then.
  setImmediate(() => {
    setImmediate(() => {
      if (!socket.errored && !socket.destroyed) stillEnded();
    });
  });
}
