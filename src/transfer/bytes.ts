import type { Readable, Writable } from 'node:stream';

/** Bytes that are read one chunk after the other. */
export interface ByteSource {
  /** How many there are, where that is known before. */
  readonly size?: number | undefined;
  /** The next bytes, `undefined` at the end. They are lent: valid until the next call. One call at a time. */
  read(): Promise<Buffer | undefined>;
  /** Reads no more: for where something else has failed. A call of `read` under way may stay without an answer. */
  close(): void;
}

/** Takes bytes, one chunk after the other. */
export interface ByteSink {
  /** Done when the bytes are taken: their buffer may be used again. One call at a time. */
  write(chunk: Buffer): void | Promise<void>;
  /** No more follow: done when everything is taken, and the end was handed on where there is a reader. */
  end(): void | Promise<void>;
}

/** No bytes at all. */
export const EMPTY_SOURCE: ByteSource = { size: 0, read: async () => undefined, close: () => undefined };

/** Takes all bytes, and keeps none. */
export const DISCARD_SINK: ByteSink = { write: () => undefined, end: () => undefined };

/** What a stream gives. */
export function streamSource(stream: Readable): ByteSource {
  const chunks = stream.iterator({ destroyOnReturn: false }) as NodeJS.AsyncIterator<Buffer | string>;
  return {
    async read() {
      const { done, value } = await chunks.next();
      return done ? undefined : Buffer.from(value);
    },
    close: () => stream.destroy(),
  };
}

/** Writes to a stream, and ends it. It must be one that keeps nothing of what it has taken, as sockets and terminals do. */
export function streamSink(stream: Writable): ByteSink {
  // A failure is that of the next write.
  stream.on('error', () => undefined);
  const taken = (give: (done: (error?: Error | null) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => give((error) => (error ? reject(error) : resolve())));
  return {
    write: (chunk) => taken((done) => void stream.write(chunk, done)),
    end: () => taken((done) => void stream.end(done)),
  };
}
