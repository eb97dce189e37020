import type net from 'node:net';
import { ConfirmedEnd } from './confirmed-end.ts';
import { readOnceMore } from './read-once-more.ts';
import { resetSocket } from './reset-socket.ts';
import { reuseBuffer } from './reused-buffer.ts';
import type { BufferSizes, Ending, OnChunk, Transport } from './transport.ts';
import { TurnQueue } from './turn-queue.ts';

/** The parts of a socket that are touched here and are not public. */
interface Internals {
  _handle?: { reading?: boolean; readStart?: () => number; readStop?: () => number; writeQueueSize?: number } | null;
}

const ignore = (): void => undefined;

/** How often connections whose peer has ended its side are looked at. */
const LOOK_MS = 1_000;
const halfClosed = new Set<net.Socket>();
const looked = new TurnQueue<net.Socket>((socket) => {
  if (!socket.destroyed && !socket.writableEnded && socket.writableLength === 0) socket.write('');
});
let looking: NodeJS.Timeout | undefined;

/**
 * The system reports that a connection has broken only to those who read or write. Behind an end there is nothing to read:
 * so nothing is written, now and then, which fails where the connection has broken.
 */
export function lookAfter(socket: net.Socket): void {
  halfClosed.add(socket);
  looking ??= setInterval(() => {
    for (const each of halfClosed) looked.add(each);
  }, LOOK_MS).unref();
  socket.once('close', () => {
    halfClosed.delete(socket);
    looked.delete(socket);
    if (halfClosed.size > 0) return;
    clearInterval(looking);
    looking = undefined;
  });
}

/** A TCP connection: its stream is the socket. */
export class TcpTransport implements Transport {
  readonly stream: net.Socket;
  readonly #from: string | undefined;
  readonly #end: ConfirmedEnd;

  /**
   * @param socket made with `allowHalfOpen`, with nobody listening yet
   * @param from where the peer is, if that is not the other end of the socket: a proxy is in between (P20)
   */
  constructor(socket: net.Socket, from?: string) {
    this.stream = socket;
    this.#from = from;
    const confirm = (): void => {
      if (this.#end.confirm()) lookAfter(socket);
    };
    this.#end = new ConfirmedEnd(socket, () => readOnceMore(socket, confirm));
    socket.on('error', ignore);
  }

  get encrypted(): boolean {
    return false;
  }

  get certificate(): undefined {
    return undefined;
  }

  get remoteAddress(): string | undefined {
    return this.#from ?? this.stream.remoteAddress;
  }

  get ending(): Ending | undefined {
    return this.#end.ending;
  }

  get unsentBytes(): number {
    return internals(this.stream)._handle?.writeQueueSize ?? this.stream.writableLength;
  }

  get queuedBytes(): number {
    return this.stream.writableLength;
  }

  onEnd(listener: (() => void) | undefined): void {
    this.#end.ask(listener);
  }

  reset(): void {
    const { stream } = this;
    if (stream.destroyed) return;
    // While its FIN is on the way out (one turn of the event loop), a socket cannot be reset.
    if (stream.writableEnded && !stream.writableFinished && stream.writableLength === 0) {
      stream.once('finish', () => this.reset());
    } else {
      resetSocket(stream);
    }
  }

  stopReading(): void {
    internals(this.stream)._handle?.readStop?.();
  }

  readOn(): void {
    const handle = internals(this.stream)._handle;
    if (handle?.reading) handle.readStart?.();
  }

  readIntoReusedBuffer(onChunk: OnChunk, sizes: BufferSizes): Transport | undefined {
    // Node.js reads from it at once: what comes could overtake what its new owner has of the old one.
    const socket = reuseBuffer(this.stream, onChunk, sizes)?.pause();
    return socket && new TcpTransport(socket, this.#from);
  }
}

function internals(socket: net.Socket): Internals {
  return socket as unknown as Internals;
}
