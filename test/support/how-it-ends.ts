import type { Duplex } from 'node:stream';

/**
 * How the other side ends a connection; whatever still comes is thrown away.
 *
 * Node reports RST as `end` where it comes together with the last bytes (libuv takes POLLHUP behind a short read for the
 * end of the file), but a write then fails, even an empty one, which sends nothing.
 */
export function howItEnds(socket: Duplex): Promise<'FIN' | 'RST'> {
  return new Promise((resolve) => {
    const onEnd = (): void => {
      if (socket.writable) socket.write(Buffer.alloc(0), (error) => resolve(error ? 'RST' : 'FIN'));
      else resolve(socket.errored ? 'RST' : 'FIN');
    };
    if (socket.errored) resolve('RST');
    else if (socket.readableEnded) onEnd();
    socket.once('end', onEnd).once('error', () => resolve('RST'));
    socket.once('close', () => resolve(socket.errored ? 'RST' : 'FIN'));
    socket.resume();
  });
}
