import type { Duplex } from 'node:stream';
import type { Ending } from './transport.ts';

/** The part of a stream that is touched here and is not public. */
interface Internals {
  _readableState: { autoDestroy: boolean };
}

/**
 * The end of what a connection's peer sends, where somebody asks for it: what looks like an end may be an abort, and its
 * transport finds out. Until it is known, the stream is kept.
 */
export class ConfirmedEnd {
  readonly #stream: Duplex;
  readonly #findOut: () => void;
  #listener: (() => void) | undefined;
  #state: 'unasked' | 'awaited' | 'confirmed' = 'unasked';

  /** @param findOut called when the stream has ended, and somebody asks; it calls {@link ConfirmedEnd.confirm} */
  constructor(stream: Duplex, findOut: () => void) {
    this.#stream = stream;
    this.#findOut = findOut;
  }

  /** How the connection ended, as its transport says; `undefined` while it is open. */
  get ending(): Ending | undefined {
    const { destroyed, errored, readableEnded, writableFinished } = this.#stream;
    if (!destroyed) return undefined;
    return readableEnded && writableFinished && !errored && this.#state !== 'awaited' ? 'in order' : 'aborted';
  }

  /** Asks for it; once it is known, the listener that was given last is called. */
  ask(listener: (() => void) | undefined): void {
    this.#listener = listener;
    if (this.#state === 'confirmed') {
      process.nextTick(() => this.#report());
    } else if (this.#state === 'unasked' && listener) {
      this.#state = 'awaited';
      (this.#stream as unknown as Internals)._readableState.autoDestroy = false;
      if (this.#stream.readableEnded) this.#findOut();
      else this.#stream.once('end', () => this.#findOut());
    }
  }

  /** It is one: reports it, and lets the stream go when our side has ended, too. Returns whether that is still open. */
  confirm(): boolean {
    const stream = this.#stream;
    if (stream.destroyed) return false;
    this.#state = 'confirmed';
    this.#report();
    if (stream.writableFinished) {
      stream.destroy();
      return false;
    }
    stream.once('finish', () => stream.destroy());
    return true;
  }

  #report(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.();
  }
}
