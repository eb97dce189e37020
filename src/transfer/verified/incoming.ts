import { createHash } from 'node:crypto';
import { pluralize } from '../../util/printable.ts';
import type { ByteSink } from '../bytes.ts';
import { ByteRing } from './byte-ring.ts';
import { incomplete, ruleBroken } from './failures.ts';
import type { StreamEnd } from './outgoing.ts';

/** What is written at once: as each write is acknowledged, the peer sees a slow output move. */
const WRITE_BYTES = 64 * 1024;

/** The peer's stream on its way to our output, which may be slower than the connection: what has come waits here. */
export class Incoming {
  readonly #output: ByteSink;
  readonly #ring: ByteRing;
  readonly #onChange: () => void;
  readonly #hash = createHash('sha256');
  #onArrival: () => void = () => undefined;
  #end: StreamEnd | undefined;
  #isDone = false;

  constructor(output: ByteSink, windowBytes: number, onChange: () => void) {
    this.#output = output;
    this.#ring = new ByteRing(windowBytes);
    this.#onChange = onChange;
  }

  /** How many bytes have come. */
  get received(): number {
    return this.#ring.end;
  }

  /** How many bytes the output has taken. */
  get taken(): number {
    return this.#ring.start;
  }

  /** The output has taken everything, was ended, and the SHA-256 was right. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Takes bytes from the connection: they are copied. */
  receive(bytes: Buffer): void {
    if (this.#end) throw ruleBroken('it sends more behind the end of its stream');
    if (this.#ring.put(bytes) < bytes.length) throw ruleBroken('it sends more than the window allows');
    this.#onArrival();
  }

  /** The peer's stream ends here. A later connection may say it again; returns whether this is the first time. */
  receiveEnd({ length, digest }: StreamEnd): boolean {
    if (length !== this.received)
      throw ruleBroken(`its stream ends at ${length} of ${pluralize(this.received, 'byte')}`);
    const isFirst = this.#end === undefined;
    this.#end = { length, digest };
    this.#onArrival();
    return isFirst;
  }

  /**
   * Writes what comes to the output, to the end; throws what writing it throws.
   *
   * @throws {ChatosError} `DATA_INCOMPLETE` where the SHA-256 is wrong
   */
  async writeAll(): Promise<void> {
    for (;;) {
      const bytes = this.#ring.from(this.taken, WRITE_BYTES);
      if (bytes.length > 0) {
        this.#hash.update(bytes);
        await this.#output.write(bytes);
        this.#ring.dropBefore(this.taken + bytes.length);
        this.#onChange();
      } else if (this.#end) {
        break;
      } else {
        await new Promise<void>((resolve) => (this.#onArrival = resolve));
      }
    }
    if (!this.#hash.digest().equals(this.#end.digest)) {
      throw incomplete('what came is not what was sent: the SHA-256 is wrong');
    }
    await this.#output.end();
    this.#isDone = true;
    this.#onChange();
  }
}
