import type { Socket } from 'node:net';

/** Resets a connection, so that the other side sees no end. The system has no reset for Unix sockets: they are closed. */
export function resetSocket(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    // Node.js throws where it is no TCP connection, before it has done anything.
    socket.destroy();
  }
  // One that is being made is reset when it is: the system may have it already, which is heard of when it is polled.
  if (socket.connecting) setImmediate(() => setImmediate(() => socket.destroy()));
}
