import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { ConfirmedEnd } from './confirmed-end.ts';
import { dribblers, dribblingHalves } from './dribblers.ts';
import { GatheredChunks } from './gathered-chunks.ts';
import { TcpTransport } from './tcp-transport.ts';
import type { TlsTap } from './tls-tap.ts';
import type { BufferSizes, Ending, OnChunk, Transport } from './transport.ts';

/** The parts of a TLS socket that are touched here and are not public. */
interface Internals {
  _handle?: { writeQueueSize?: number } | null;
  _readableState: { ended: boolean };
  _writableState: { writelen?: number };
}

/**
 * What TLS says by itself (that it has new keys, too; that it does not renegotiate) may wait for a peer that does not read: so
 * many bytes of it. A peer may ask for 26 of them by as many, and nobody has written what a limit could count.
 */
const MAX_ANSWER_BYTES = 56 * 1024;

/**
 * What TLS has had that has no bytes for anybody, as new keys without end, takes time that no rate counts (P17): beyond a
 * burst, it is read at a rate, in bytes a second. Bytes that come one by one, in 23 each, or 30 of TLS 1.2, are no such thing.
 */
const IDLE_BURST_BYTES = 32 * 1024;
const IDLE_BYTES_PER_SECOND = 4 * 1024;
const MOST_BYTES_FOR_ONE = 32;
const MAX_DELAY_MS = 1_000;

/** A TLS connection: its stream is the deciphered one. An end is close_notify; a FIN without it is an abort (P14a). */
export class TlsTransport implements Transport {
  readonly stream: TLSSocket;
  readonly encrypted = true;
  #raw: TcpTransport;
  readonly #tap: TlsTap;
  readonly #end: ConfirmedEnd;
  #truncated = false;
  /** What comes of the socket beneath: its FIN has come, and it is known whether an abort came with it. */
  #fin: 'open' | 'come' | 'confirmed' = 'open';
  #onFinConfirmed: (() => void) | undefined;
  readonly certificate: X509Certificate | undefined;
  /** What TLS has taken and deciphered when it was last looked at, and what of it was for nobody. */
  #taken: number;
  #deciphered: number;
  /** It is a half of a channel, and waits for those alone. */
  #isRelayed = false;
  #idleBytes = 0;
  #idleAt = performance.now();

  /** @param stream over the tap, which is over the socket of the raw transport */
  constructor(stream: TLSSocket, tap: TlsTap, raw: TcpTransport) {
    this.stream = stream;
    this.#end = new ConfirmedEnd(stream, () => this.#confirmEnd());
    this.#tap = tap;
    this.#raw = raw;
    this.certificate = stream.getPeerX509Certificate();
    this.#taken = tap.givenBytes;
    this.#deciphered = stream.bytesRead;
    stream.on('error', this.#break).once('close', () => dribblers.delete(this));
    tap.on('error', this.#break);
    tap.onGiven = () => {
      this.#boundAnswers();
      return this.#delayMs();
    };
    this.#awaitFin();
  }

  get remoteAddress(): string | undefined {
    return this.#raw.remoteAddress;
  }

  get ending(): Ending | undefined {
    return this.stream.destroyed && this.#truncated ? 'aborted' : this.#end.ending;
  }

  /**
   * What TLS holds of a write is counted as it leaves, and not when all of it has left: a peer that takes some of a large
   * one is making progress.
   */
  get unsentBytes(): number {
    const { writableLength } = this.stream;
    const underWay = internals(this.stream)._writableState.writelen ?? 0;
    if (writableLength === 0 || underWay > writableLength) return writableLength;
    return writableLength - underWay + Math.min(underWay, this.#encipheredBytes);
  }

  /** What TLS sends by itself (a handshake, tickets) is nobody's: nobody would be called back when it has left. */
  get queuedBytes(): number {
    const { writableLength } = this.stream;
    return writableLength === 0 ? 0 : writableLength + this.#encipheredBytes;
  }

  /** Bytes that TLS has enciphered, and the system has not taken. */
  get #encipheredBytes(): number {
    const pending = internals(this.stream)._handle?.writeQueueSize ?? 0;
    // TLS counts what it has given to the tap until all of that has left.
    return Math.max(pending - this.#tap.writableLength, 0) + this.#raw.unsentBytes;
  }

  onEnd(listener: (() => void) | undefined): void {
    this.#end.ask(listener);
  }

  /** Not by the TLS socket: that throws, or looks like an end to a peer that does not know P14a. */
  reset(): void {
    if (this.stream.destroyed) return;
    this.#tap.leaveSocket();
    this.#raw.reset();
    this.stream.destroy();
  }

  stopReading(): void {
    this.#raw.stopReading();
  }

  readOn(): void {
    this.#raw.readOn();
  }

  /** What comes in one read of the socket is handed on as one. */
  readIntoReusedBuffer(onChunk: OnChunk, sizes: BufferSizes): Transport | undefined {
    const { stream } = this;
    const tap = this.#tap;
    const gathered = new GatheredChunks(onChunk);
    let isTaking = false;
    const deliver = (): boolean => {
      const more = gathered.deliver();
      if (!more) stream.pause();
      return more;
    };
    const take: OnChunk = (chunk) => {
      isTaking = true;
      const more = tap.feed(chunk);
      isTaking = false;
      return deliver() && more;
    };
    const swapped = tap.swap(() => {
      const raw = this.#raw.readIntoReusedBuffer(take, sizes);
      if (!(raw instanceof TcpTransport)) return undefined;
      this.#raw = raw;
      this.#awaitFin();
      return raw.stream;
    });
    if (!swapped) return undefined;
    this.#isRelayed = true;
    dribblers.delete(this);
    stream.on('data', (chunk: Buffer) => {
      // What had been read before waits for no read: it comes out at once.
      if (!isTaking && gathered.isEmpty) process.nextTick(deliver);
      gathered.add(chunk);
    });
    // Reading was stopped beneath, where TLS does not know of it.
    stream.on('resume', () => tap.resume());
    stream.pause();
    return this;
  }

  #awaitFin(): void {
    this.#raw.onEnd(() => {
      this.#fin = 'confirmed';
      this.#onFinConfirmed?.();
    });
  }

  /** The peer has sent FIN, and everything before it has been deciphered. */
  onFin(): void {
    if (this.#fin === 'open') this.#fin = 'come';
    if (internals(this.stream)._readableState.ended) return;
    this.#truncated = true;
    this.#break(new Error('the connection ended without close_notify'));
  }

  /** For how long it is not to be read. */
  #delayMs(): number {
    const now = performance.now();
    const taken = this.#tap.givenBytes - this.#tap.readableLength;
    const { bytesRead } = this.stream;
    if (bytesRead === this.#deciphered) (this.#isRelayed ? dribblingHalves : dribblers).hasRead(this);
    const come = taken - this.#taken - MOST_BYTES_FOR_ONE * (bytesRead - this.#deciphered);
    const paid = ((now - this.#idleAt) * IDLE_BYTES_PER_SECOND) / 1000;
    this.#idleBytes = Math.max(this.#idleBytes + come - paid, 0);
    this.#taken = taken;
    this.#deciphered = bytesRead;
    this.#idleAt = now;
    const over = this.#idleBytes - IDLE_BURST_BYTES;
    return over > 0 ? Math.min((over / IDLE_BYTES_PER_SECOND) * 1000, MAX_DELAY_MS) : 0;
  }

  #boundAnswers(): void {
    const pending = internals(this.stream)._handle?.writeQueueSize ?? 0;
    if (pending <= MAX_ANSWER_BYTES) return;
    // What was written grows by less than a tenth.
    const answers = pending - 1.1 * this.stream.writableLength;
    if (answers > MAX_ANSWER_BYTES) this.#break(new Error('the peer does not read what TLS answers'));
  }

  /** An error of one side is an abort for the other. */
  readonly #break = (error: Error): void => {
    if (this.stream.destroyed) return;
    this.#tap.leaveSocket();
    this.#raw.reset();
    this.stream.destroy(error);
  };

  /** An abort may have come with the last bytes (see the same of TCP): the socket knows, if it is read once more. */
  #confirmEnd(): void {
    const { stream } = this;
    this.#tap.resume();
    setImmediate(() => {
      setImmediate(() => {
        if (stream.destroyed) return;
        if (this.#fin === 'come') this.#onFinConfirmed = () => void this.#end.confirm();
        else this.#end.confirm();
      });
    });
  }
}

function internals(stream: TLSSocket): Internals {
  return stream as unknown as Internals;
}
