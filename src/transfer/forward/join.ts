import type { Socket } from 'node:net';
import process from 'node:process';
import { TcpTransport } from '../../net/tcp-transport.ts';
import { MAX_TIMER_MS } from '../../util/clock.ts';
import type { TunnelStream } from './tunnel-stream.ts';

/** So much waits to be written, each way, before nothing more is read: one piece at a time would be slow. */
const MAX_QUEUED_BYTES = 256 * 1024;

export interface JoinOptions {
  /** Breaks the connection when nothing moves through it for so long, in ms. @default Infinity */
  readonly idleTimeoutMs?: number;
}

/** What went through a connection. */
export interface Joined {
  /** From the socket into the tunnel, in bytes. */
  readonly sent: number;
  readonly received: number;
  /** How it ended: both sides had ended it, one has broken it off, or nothing moved any more. */
  readonly ending: 'ended' | 'reset' | 'timed-out';
}

/**
 * Joins a connection of this machine with a stream of the tunnel, until both are over. An end (FIN) becomes an end of that
 * direction, behind all bytes before it, and a reset (RST) becomes a reset. One that ends in any other way is reset.
 *
 * @param socket paused, made with `allowHalfOpen`
 */
export function joinConnection(socket: Socket, tunnel: TunnelStream, options: JoinOptions = {}): Promise<Joined> {
  const { stream } = tunnel;
  const { idleTimeoutMs = Infinity } = options;
  const transport = new TcpTransport(socket);
  let sent = 0;
  let received = 0;
  let ending: Joined['ending'] = 'ended';
  const breakOff = (how: 'reset' | 'timed-out'): void => {
    if (ending === 'ended') ending = how;
    tunnel.reset();
    transport.reset();
  };

  socket.on('data', (chunk: Buffer) => {
    sent += chunk.length;
    if (!stream.writable) return;
    stream.write(chunk);
    if (stream.writableLength >= MAX_QUEUED_BYTES) socket.pause();
  });
  stream.on('drain', () => socket.resume());
  transport.onEnd(() => tunnel.end());

  // HTTP/2 hands it out in pieces of 16 KiB, several a turn: the system gets them together.
  let isCorked = false;
  const uncork = (): void => {
    isCorked = false;
    socket.uncork();
  };
  stream.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (!isCorked) {
      isCorked = true;
      socket.cork();
      process.nextTick(uncork);
    }
    socket.write(chunk);
    if (socket.writableLength >= MAX_QUEUED_BYTES) stream.pause();
  });
  socket.on('drain', () => stream.resume());
  stream.once('end', () => {
    if (tunnel.endedByPeer) socket.end();
  });

  if (idleTimeoutMs <= MAX_TIMER_MS) socket.setTimeout(idleTimeoutMs, () => breakOff('timed-out'));
  return new Promise((resolve) => {
    let open = 2;
    const closed = (): void => {
      open -= 1;
      if (open === 0) resolve({ sent, received, ending });
    };
    socket.once('close', () => {
      if (transport.ending !== 'in order') breakOff('reset');
      closed();
    });
    stream.once('close', () => {
      // What came before its end may still be on the way to the socket.
      if (!tunnel.endedInOrder) breakOff('reset');
      closed();
    });
    stream.resume();
    socket.resume();
    if (!socket.destroyed && !stream.destroyed) return;
    // One of them had gone before.
    breakOff('reset');
    for (const gone of [socket, stream]) if (gone.closed) closed();
  });
}
