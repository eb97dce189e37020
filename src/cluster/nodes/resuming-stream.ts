import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

type Done = (error?: Error | null) => void;

/** Times of a link, in milliseconds. */
export interface LinkTimes {
  /** Each side says so often how much it has heard. */
  readonly heartbeatMs: number;
  /** A connection on which nothing has come for so long is dead. */
  readonly silentMs: number;
  /** A link that has lost its connection, and has none for so long, has ended. */
  readonly maxCutMs: number;
}

/** Kinds of frames: a byte for the kind, six for a number. DATA has so many bytes behind it, HEARD says how many have come in all. */
const DATA = 1;
const HEARD = 2;
const HEAD_BYTES = 7;

/** Says how much has come after so many bytes at the latest, so that the other side need not keep them. */
const SAY_AFTER_BYTES = 64 * 1024;
/** A side that has said nothing for so many of its heartbeats was cut off, though the connection is still there. */
const MISSED_HEARTBEATS = 3;
/** After a cut, what waited may come for so long: 8 MiB where readers are waited for, with the default limits. */
const LATE_MS = 60_000;
/** What is kept until the other side has it: with more, what is written waits. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;

/**
 * A stream between two processes that goes on over another connection where one breaks. Each byte has a number: both sides
 * say how many have come, keep those that have not at the other side, and begin there when they meet again. So nothing is
 * missing and nothing comes twice; a process that ends, or stays away for too long, ends the stream.
 */
export class ResumingStream extends Duplex {
  readonly id: string;
  readonly #times: LinkTimes;
  /** Called when a connection is lost, and another one is needed. */
  readonly #onCut: () => void;
  #socket: Socket | undefined;
  #cutAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  /** What was written and is not at the other side for sure, and the numbers of its first byte and of the one behind it. */
  #kept: Buffer[] = [];
  #keptFrom = 0;
  #written = 0;
  /** For what was written last: it waits until there is room, and until it has left where it can. */
  #done: Done | undefined;
  #hasLeft = false;
  /** Bytes that have come, and so many of them the other side knows of. */
  #heard = 0;
  #said = 0;
  #head: Buffer = Buffer.alloc(0);
  /** What is left of the frame that is being read. */
  #left = 0;
  #isPaused = false;
  #heardAt = 0;
  #lateUntil = 0;

  constructor(id: string, times: LinkTimes, onCut: () => void) {
    super({ allowHalfOpen: false, emitClose: true });
    this.id = id;
    this.#times = times;
    this.#onCut = onCut;
    this.#timer = setInterval(() => this.#onHeartbeat(), times.heartbeatMs).unref();
    this.on('error', () => undefined);
  }

  /** How many bytes have come: the other side is to go on behind them. */
  get heard(): number {
    return this.#heard;
  }

  /** Bytes that the other side may not have. */
  get keptBytes(): number {
    return this.#written - this.#keptFrom;
  }

  get isCut(): boolean {
    return this.#socket === undefined;
  }

  /** Whether there was a cut lately: what comes may have waited for long, and comes at once. */
  get isLate(): boolean {
    return performance.now() < this.#lateUntil;
  }

  /** The connection is of no use any more: from now on, {@link ResumingStream.heard} stays as it is. */
  detach(): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    this.#cutAt = performance.now();
    this.#head = Buffer.alloc(0);
    this.#left = 0;
    socket.off('data', this.#onData);
    socket.destroy();
    this.#settle();
  }

  /**
   * Goes on over a connection. Returns `false`, with nothing done, where the other side needs bytes that are not kept.
   *
   * @param theirHeard how many bytes have come at the other side
   */
  attach(socket: Socket, theirHeard: number): boolean {
    if (this.destroyed || theirHeard < this.#keptFrom || theirHeard > this.#written) return false;
    this.detach();
    // Before there is a socket: what this makes room for is said behind what is said again.
    this.#onHeard(theirHeard);
    this.#socket = socket;
    const now = performance.now();
    const isFirst = this.#heardAt === 0;
    this.#heardAt = now;
    if (!isFirst) this.#lateUntil = now + LATE_MS;
    const onLost = (): void => {
      if (this.#socket !== socket) return;
      this.detach();
      this.#onCut();
    };
    socket.on('data', this.#onData).on('error', () => undefined);
    socket.once('end', () => socket.destroy()).once('close', onLost);
    socket.cork();
    for (const each of this.#kept) this.#frame(socket, each);
    this.#sayHeard(socket, this.#onLeft());
    socket.uncork();
    if (this.#isPaused) socket.pause();
    else socket.resume();
    // What it has had in its handshake is not said again.
    if (socket.readableEnded) socket.destroy();
    if (socket.closed) setImmediate(onLost);
    return true;
  }

  override _read(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#heardAt = performance.now();
    this.#socket?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    const socket = this.#socket;
    this.#done = done;
    this.#hasLeft = false;
    this.#kept.push(chunk);
    this.#written += chunk.length;
    if (!socket) return this.#settle();
    socket.cork();
    this.#frame(socket, chunk, this.#onLeft());
    if (this.#heard > this.#said) this.#sayHeard(socket);
    socket.uncork();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
    this.#done?.(error);
    this.#done = undefined;
    done(null);
  }

  #frame(socket: Socket, chunk: Buffer, onLeft?: () => void): void {
    socket.write(headOf(DATA, chunk.length));
    socket.write(chunk, onLeft);
  }

  /** Lets more be written, where there is room; while there is no connection, up to what may be kept. */
  #settle(): void {
    const done = this.#done;
    if (!done || (this.#socket && !this.#hasLeft) || this.keptBytes > MAX_KEPT_BYTES) return;
    this.#done = undefined;
    done();
  }

  /** To be called when what was written last has left. */
  #onLeft(): () => void {
    const done = this.#done;
    return () => {
      if (this.#done !== done) return;
      this.#hasLeft = true;
      this.#settle();
    };
  }

  #sayHeard(socket: Socket, onLeft?: () => void): void {
    this.#said = this.#heard;
    socket.write(headOf(HEARD, this.#heard), onLeft);
  }

  #onHeartbeat(): void {
    const socket = this.#socket;
    const now = performance.now();
    if (!socket) {
      const { maxCutMs } = this.#times;
      // Without a first connection, nothing is lost by waiting, and its call may just be answered.
      if (this.#heardAt > 0 && now - this.#cutAt > maxCutMs)
        this.destroy(new Error(`no connection for ${Math.round(maxCutMs / 1000)} s`));
    } else if (!this.#isPaused && now - this.#heardAt > this.#times.silentMs) {
      socket.destroy();
    } else {
      this.#sayHeard(socket);
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    const now = performance.now();
    if (now - this.#heardAt > MISSED_HEARTBEATS * this.#times.heartbeatMs) this.#lateUntil = now + LATE_MS;
    this.#heardAt = now;
    let at = 0;
    let more = true;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const piece = chunk.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        this.#heard += piece.length;
        more = this.push(piece);
        if (this.destroyed) return;
        continue;
      }
      const needed = HEAD_BYTES - this.#head.length;
      this.#head = Buffer.concat([this.#head, chunk.subarray(at, at + needed)]);
      at += needed;
      if (this.#head.length < HEAD_BYTES) break;
      const head = this.#head;
      this.#head = Buffer.alloc(0);
      if (head[0] === DATA) this.#left = head.readUIntBE(1, 6);
      else this.#onHeard(head.readUIntBE(1, 6));
    }
    const socket = this.#socket;
    // Where it is already: a socket that was in its handshake a moment ago reads on by itself.
    if (!more) {
      this.#isPaused = true;
      socket?.pause();
    }
    if (socket && this.#heard - this.#said >= SAY_AFTER_BYTES) this.#sayHeard(socket);
  };

  /** The other side has so many bytes: they need not be kept any more. */
  #onHeard(count: number): void {
    if (count <= this.#keptFrom || count > this.#written) return;
    let over = count - this.#keptFrom;
    this.#keptFrom = count;
    let whole = 0;
    while (whole < this.#kept.length && this.#kept[whole]!.length <= over) over -= this.#kept[whole++]!.length;
    this.#kept.splice(0, whole);
    if (over > 0) this.#kept[0] = this.#kept[0]!.subarray(over);
    this.#settle();
  }
}

function headOf(kind: number, count: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = kind;
  head.writeUIntBE(count, 1, 6);
  return head;
}
