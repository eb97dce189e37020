import { setTimeout as sleep } from 'node:timers/promises';
import type { ByteSink, ByteSource } from './bytes.ts';

/** Chunks are cut so that each is at most this share of a second's worth. */
const SLICES_PER_SECOND = 20;
/** A pause that was missed (a stalled peer, a suspended process) is made up for up to this long, not longer. */
const MAX_BEHIND_MS = 1000 / SLICES_PER_SECOND;

/** Keeps what goes through within a rate, of bytes per second. */
export class Pace {
  #bytesPerSecond: number;
  readonly #lifted = new AbortController();
  readonly sliceBytes: number;
  /** When what has gone through is paid for, as `performance.now()`. */
  #paidAt = -Infinity;

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.sliceBytes = Math.max(1, Math.floor(bytesPerSecond / SLICES_PER_SECOND));
  }

  /** Waits until so many bytes may go. */
  async admit(bytes: number): Promise<void> {
    const now = performance.now();
    const startsAt = Math.max(this.#paidAt, now - MAX_BEHIND_MS);
    this.#paidAt = startsAt + (bytes / this.#bytesPerSecond) * 1000;
    if (startsAt > now) await sleep(startsAt - now, undefined, { signal: this.#lifted.signal }).catch(() => undefined);
  }

  /** There is no rate any more. */
  lift(): void {
    this.#bytesPerSecond = Infinity;
    this.#paidAt = -Infinity;
    this.#lifted.abort();
  }
}

/** The same bytes, at most so many per second. */
export function limitSource(source: ByteSource, bytesPerSecond: number): ByteSource {
  const pace = new Pace(bytesPerSecond);
  let rest: Buffer | undefined;
  return {
    size: source.size,
    async read() {
      rest ??= await source.read();
      const slice = rest?.subarray(0, pace.sliceBytes);
      rest = rest && rest.length > pace.sliceBytes ? rest.subarray(pace.sliceBytes) : undefined;
      if (slice) await pace.admit(slice.length);
      return slice;
    },
    close: () => source.close(),
  };
}

/** Takes at most so many bytes per second. */
export function limitSink(sink: ByteSink, bytesPerSecond: number): ByteSink {
  const pace = new Pace(bytesPerSecond);
  return {
    async write(chunk) {
      for (let at = 0; at < chunk.length; at += pace.sliceBytes) {
        const slice = chunk.subarray(at, at + pace.sliceBytes);
        await pace.admit(slice.length);
        await sink.write(slice);
      }
    },
    end: () => sink.end(),
  };
}
