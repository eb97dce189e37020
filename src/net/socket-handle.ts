import net from 'node:net';
import { takeUnread } from './unread.ts';

/** The parts of a socket's handle that are touched here; none of them is public. */
interface TcpHandle {
  reading?: boolean;
  readStop(): number;
  close(): void;
  reset?(): number;
}
type HandleOwner = { _handle?: TcpHandle | null };

/** A TCP connection without its stream: it can be sent to another process, as `child.send(message, handle)`. */
export type SocketHandle = net.Socket & { readonly isHandle: true };

/** What was taken out of a socket. */
export interface TakenSocket {
  readonly handle: SocketHandle;
  /** What had been read, and nobody has taken. */
  readonly read: Buffer;
}

/**
 * Takes the connection out of a socket, which is of no use any more. Nobody may listen on it. Returns `undefined`, with
 * nothing changed, where there is none that could be sent: it is not TCP, is closed, or has written what has not left.
 */
export function takeHandle(socket: net.Socket): TakenSocket | undefined {
  const owner = socket as unknown as HandleOwner;
  const handle = owner._handle;
  if (!handle || handle.constructor.name !== 'TCP' || socket.destroyed || socket.writableLength > 0) return undefined;
  // To pause the stream is not enough: it would go on reading for its buffer, and what it reads would be lost.
  handle.readStop();
  handle.reading = false;
  owner._handle = null;
  const read = takeUnread(socket);
  socket.destroy();
  return { handle: handle as unknown as SocketHandle, read };
}

/** The connection of a socket that stays in use, to be sent to a process that keeps it open as well. */
export function handleOf(socket: net.Socket): SocketHandle | undefined {
  const { _handle: handle } = socket as unknown as HandleOwner;
  return handle?.constructor.name === 'TCP' ? (handle as unknown as SocketHandle) : undefined;
}

/** A socket of a connection that was received, or taken out of another one. It begins to read. */
export function socketOf(handle: SocketHandle, highWaterMark?: number): net.Socket {
  const options = { handle, allowHalfOpen: true, readable: true, writable: true, highWaterMark };
  return new net.Socket(options);
}

/** Closes what this process has of a connection; other processes may have it, too. */
export function closeHandle(handle: SocketHandle): void {
  (handle as unknown as TcpHandle).close();
}

/** Breaks a connection, if no other process has it any more. */
export function resetHandle(handle: SocketHandle): void {
  const tcp = handle as unknown as TcpHandle;
  if (!tcp.reset || tcp.reset() !== 0) tcp.close();
}
