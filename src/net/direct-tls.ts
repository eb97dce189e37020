import { readSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ConfirmedEnd } from './confirmed-end.ts';
import { lookAfter, type TcpTransport } from './tcp-transport.ts';
import type { Transport } from './transport.ts';

/** The parts of a socket that are touched here and are not public. */
interface Internals {
  _handle?: { bytesWritten?: number; fd?: number } | null;
}

/**
 * TLS right on the socket of a TCP connection, for those who say inside it what an end is: here, that of the connection
 * counts, and there is no close_notify. Node.js enciphers and deciphers without a call into JavaScript in between.
 */
export class DirectTls implements Pick<Transport, 'stream' | 'onEnd' | 'reset' | 'unsentBytes'> {
  readonly stream: TLSSocket;
  readonly #raw: TcpTransport;
  readonly #end: ConfirmedEnd;
  /** What had been read before. */
  readonly #bytesBefore: number;

  /** @param stream made on the socket of `raw`, of which nobody reads any more */
  constructor(stream: TLSSocket, raw: TcpTransport) {
    this.stream = stream;
    this.#raw = raw;
    this.#bytesBefore = raw.stream.bytesRead;
    this.#end = new ConfirmedEnd(stream, () => {
      const error = errorBehindEnd(raw.stream);
      if (error || (this.#end.confirm() && raw.stream.writableFinished)) {
        stream.destroy(error);
      } else if (!stream.destroyed) {
        raw.stream.once('finish', () => stream.destroy());
        lookAfter(raw.stream);
      }
    });
    stream.on('error', () => undefined);
    raw.stream.on('error', (error) => stream.destroy(error));
  }

  /** Bytes read, enciphered as they come. */
  get bytesRead(): number {
    return this.#raw.stream.bytesRead - this.#bytesBefore;
  }

  /** Bytes written, enciphered as they leave, whether the system has taken them or not. */
  get bytesWritten(): number {
    return internals(this.#raw.stream)._handle?.bytesWritten ?? 0;
  }

  get unsentBytes(): number {
    return this.#raw.unsentBytes;
  }

  onEnd(listener: (() => void) | undefined): void {
    this.#end.ask(listener);
  }

  /** Ends our side, once what was written has left. By the socket beneath: TLS would not look at what comes behind a close_notify. */
  end(done: (error?: Error | null) => void): void {
    this.#raw.stream.end(done);
  }

  /** Not by the TLS socket: that has no reset. */
  reset(): void {
    this.#raw.reset();
    this.stream.destroy();
  }
}

const ONE_BYTE = new Uint8Array(1);

/**
 * An abort may have come with the last bytes (see the same of TCP), and TLS does not look at what comes behind an end: the
 * system is asked, where that is possible. Nothing is there to be read: the end is, or the error.
 */
function errorBehindEnd(socket: Socket): Error | undefined {
  const fd = internals(socket)._handle?.fd ?? -1;
  if (fd < 0) return undefined;
  try {
    readSync(fd, ONE_BYTE);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function internals(socket: Socket): Internals {
  return socket as unknown as Internals;
}
