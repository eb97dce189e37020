import { constants, createReadStream, openSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import net from 'node:net';

/** Who starts a command and what writes to its pipe may start the other first. */
const WRITER_MS = 5_000;
/** What a pipe of Linux holds. */
const PIPE_CHUNK_BYTES = 64 * 1024;

export interface InputOptions {
  /** How long a named pipe may have no writer, in milliseconds. @default 5000 */
  readonly writerMs?: number;
}

/**
 * The bytes of a file that a user named, as they come. It may be a pipe, as a shell makes of `<(pass show backup)`. To open
 * a named pipe keeps a thread until somebody writes to it, and a process whose thread is kept cannot exit: here, no thread
 * waits, and what nobody writes to is an error.
 *
 * @throws {NodeJS.ErrnoException} of the file system; an `Error` where nobody writes to a named pipe
 */
export async function* readChunks(file: string, { writerMs = WRITER_MS }: InputOptions = {}): AsyncIterable<Buffer> {
  const isPipe = (await stat(file)).isFIFO();
  yield* (isPipe ? pipeChunks(file, writerMs) : createReadStream(file)) as AsyncIterable<Buffer>;
}

/**
 * The first `maxBytes` of a file that a user named: what is no regular file may have no end.
 *
 * @throws as {@link readChunks}
 */
export async function readInput(file: string, maxBytes: number, options?: InputOptions): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of readChunks(file, options)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}

function pipeChunks(file: string, writerMs: number): net.Socket {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const pipe = new net.Socket({ fd, readable: true, writable: false });
  const timer = setTimeout(() => {
    if (pipe.bytesRead > 0) return;
    const chunk = Buffer.alloc(PIPE_CHUNK_BYTES);
    const count = readNow(fd, chunk);
    if (count === 0) pipe.destroy(new Error('it is a named pipe, and nobody writes to it'));
    // A writer that is there may take its time.
    else if (count !== undefined) pipe.unshift(chunk.subarray(0, count));
  }, writerMs);
  return pipe.once('close', () => clearTimeout(timer));
}

/** How much could be read; 0 where nobody has the pipe open for writing, `undefined` where who has it has written nothing. */
function readNow(fd: number, chunk: Buffer): number | undefined {
  try {
    return readSync(fd, chunk);
  } catch {
    return undefined;
  }
}
