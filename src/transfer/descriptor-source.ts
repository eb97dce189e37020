import { fstatSync, readSync } from 'node:fs';
import type { OnReadOpts, Socket } from 'node:net';
import { ConfirmedEnd } from '../net/confirmed-end.ts';
import { readOnceMore } from '../net/read-once-more.ts';
import { withResolvers } from '../util/deferred.ts';
import { EMPTY_SOURCE, type ByteSource } from './bytes.ts';
import { deviceSource, isDeviceLike } from './device-source.ts';
import { isListening } from './listening-socket.ts';
import { descriptorInfo, descriptorKind, isReadable, reopen, socketOn } from './descriptor.ts';

/** Larger reads are no faster. */
const FILE_CHUNK_BYTES = 512 * 1024;
/** What a pipe of Linux holds. */
const PIPE_CHUNK_BYTES = 64 * 1024;

/** A socket that no connection has: the way of inetd with `wait`, and of systemd without `Accept=yes`. */
const LISTENS = { code: 'ELISTENS', syscall: 'read' };
/** A file that somebody has cut while it was read. */
const SHORTER = { code: 'ESHORTER', syscall: 'read' };

/**
 * What an open descriptor gives, terminals excepted. What cannot be read (closed, or open for writing only) is an empty
 * input.
 *
 * @throws an `EISDIR` error where it is a directory, `ELISTENS` where it is a socket that listens, `ESOCKTNOSUPPORT` as
 *   {@link socketOn}
 */
export function descriptorSource(fd: number): ByteSource {
  const kind = descriptorKind(fd);
  if (kind === 'directory') throw Object.assign(new Error('is a directory'), { code: 'EISDIR', syscall: 'read' });
  if (kind === 'socket' && isListening(fd)) throw Object.assign(new Error('is a socket that listens'), LISTENS);
  if (kind === 'closed' || !isReadable(fd)) return EMPTY_SOURCE;
  if (kind === 'pipe' || kind === 'socket') return new StreamReader(reopen(fd, 'read') ?? fd, kind);
  return kind === 'file' && !isDeviceLike(fd) ? fileSource(fd) : deviceSource(fd);
}

/**
 * Reads a file. The thread pool would read ahead, but what another processor has read costs more than that gains. Between
 * two reads, everything else has its turn.
 */
function fileSource(fd: number): ByteSource {
  const buffer = Buffer.allocUnsafeSlow(FILE_CHUNK_BYTES);
  const { size: firstSize } = fstatSync(fd);
  return {
    size: remainingSize(fd),
    async read() {
      await new Promise(setImmediate);
      const count = readSync(fd, buffer);
      if (count > 0) return buffer.subarray(0, count);
      // What is gone would be missing at the other side.
      if (fstatSync(fd).size < firstSize) throw Object.assign(new Error('is shorter now'), SHORTER);
      return undefined;
    },
    close: () => undefined,
  };
}

/** What is left of a file, from where its reader is; `undefined` where that is not known. */
function remainingSize(fd: number): number | undefined {
  const stats = fstatSync(fd);
  const position = descriptorInfo(fd)?.position;
  return stats.isFile() && position !== undefined ? Math.max(stats.size - position, 0) : undefined;
}

/** Reads a pipe or a socket into one buffer, that is given out and read into again with the next call. */
class StreamReader implements ByteSource {
  readonly #socket: Socket;
  #waiting: { resolve: (chunk: Buffer | undefined) => void; reject: (error: unknown) => void } | undefined;
  #ended = false;
  #error: Error | undefined;

  constructor(fd: number, kind: 'pipe' | 'socket') {
    const onread: OnReadOpts = {
      buffer: Buffer.allocUnsafeSlow(PIPE_CHUNK_BYTES),
      callback: (count, buffer) => {
        this.#answer((buffer as Buffer).subarray(0, count));
        return false;
      },
    };
    const options = { onread, readable: true, writable: false, manualStart: true };
    this.#socket = socketOn(fd, options);
    this.#socket.on('error', (error) => this.#end(error));
    if (kind === 'pipe') this.#socket.on('end', () => this.#end());
    else this.#confirmEnd();
  }

  read(): Promise<Buffer | undefined> {
    if (this.#error) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(undefined);
    const { promise, resolve, reject } = withResolvers<Buffer | undefined>();
    this.#waiting = { resolve, reject };
    this.#socket.resume();
    return promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** A socket may have been reset by its peer, which is an error and not an end. */
  #confirmEnd(): void {
    const end = new ConfirmedEnd(this.#socket, () => readOnceMore(this.#socket, () => end.confirm()));
    end.ask(() => this.#end());
  }

  #answer(chunk: Buffer | undefined): void {
    this.#waiting?.resolve(chunk);
    this.#waiting = undefined;
  }

  #end(error?: Error): void {
    this.#ended = true;
    this.#error = error;
    if (error) this.#waiting?.reject(error);
    else this.#answer(undefined);
  }
}
