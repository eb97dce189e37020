import type { Duplex } from 'node:stream';
import { GatheredChunks } from '../../net/gathered-chunks.ts';
import type { Tunnel } from './tunnel.ts';

/** As `readLent` takes it. */
type LentBytesTaker = (chunk: Buffer) => void | Promise<void>;

/** What TLS on a socket has deciphered in one turn is handed on as one, or as soon as it is so much. */
const GATHERED_BYTES = 512 * 1024;

/** Hands on what was deciphered, in order: to the readers of a stream, or to the one who reads lent bytes instead. */
export class Deliveries {
  readonly #stream: Duplex;
  readonly #tunnel: () => Tunnel;
  /** What is not handed on yet. */
  #pieces: Buffer[] = [];
  /** Of TLS on a socket: bytes of pieces, and whether they are handed on at the end of this turn. */
  #gatheredBytes = 0;
  #willDeliver = false;
  #current: Promise<void> | undefined;
  #take: LentBytesTaker | undefined;
  #failTaking: (error: unknown) => void = () => undefined;
  /** The last call of the taker. */
  #taken: void | Promise<void> = undefined;
  /** So much was handed on. */
  bytes = 0;
  /** The stream wants more. */
  onRead: () => void = () => undefined;
  readonly #gathered = new GatheredChunks((chunk) => {
    this.bytes += chunk.length;
    this.#taken = this.#take!(chunk);
    return true;
  });

  /** @param tunnel what gathered bytes come from */
  constructor(stream: Duplex, tunnel: () => Tunnel) {
    this.#stream = stream;
    this.#tunnel = tunnel;
  }

  /** What is being handed on and is not taken yet. */
  get current(): Promise<void> | undefined {
    return this.#current;
  }

  /** Whether somebody reads lent bytes. */
  get areLent(): boolean {
    return this.#take !== undefined;
  }

  /** @param fail gets what `take` threw: nothing more is handed on then */
  lend(take: LentBytesTaker, fail: (error: unknown) => void): void {
    this.#take = take;
    this.#failTaking = fail;
  }

  readonly add = (bytes: Buffer): void => void this.#pieces.push(bytes);

  /** So much has come that is not delivered by {@link Deliveries.deliver}: it is handed on soon. */
  gather(bytes: number): void {
    this.#gatheredBytes += bytes;
    if (this.#gatheredBytes >= GATHERED_BYTES) {
      this.deliverGathered();
    } else if (!this.#willDeliver) {
      this.#willDeliver = true;
      setImmediate(() => this.deliverGathered());
    }
  }

  /** Hands on what was gathered. Until it is taken, nothing more is deciphered. */
  deliverGathered(): void {
    this.#willDeliver = false;
    if (this.#current) return;
    this.#gatheredBytes = 0;
    const taken = this.deliver();
    if (!taken) return;
    const tunnel = this.#tunnel();
    tunnel.pause();
    void taken.then(() => tunnel.resume());
  }

  /** Hands on what was added. Returns a promise while nothing more is to be read from the channel. */
  deliver(): void | Promise<void> {
    if (this.#pieces.length === 0 || this.#stream.destroyed) return;
    const handed = this.#handOn();
    if (!handed) return;
    const current = handed.then(
      () => {
        this.#current = undefined;
        return this.deliver();
      },
      (error: unknown) => {
        this.#failTaking(error);
        // Is not read any more.
        return new Promise<void>(() => undefined);
      },
    );
    this.#current = current;
    return current;
  }

  /** Hands on all of it, in the way that it is read. */
  #handOn(): void | Promise<void> {
    const pieces = this.#pieces;
    this.#pieces = [];
    if (!this.#take) return this.#pushAll(pieces);
    for (const piece of pieces) this.#gathered.add(piece);
    try {
      this.#gathered.deliver();
      return this.#taken;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #pushAll(pieces: readonly Buffer[]): void | Promise<void> {
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    this.bytes += bytes.length;
    if (!this.#stream.push(bytes)) return new Promise((resolve) => (this.onRead = resolve));
  }
}
