import net from 'node:net';

/**
 * Receives what a socket has read. The bytes are lent for the call, unless `dst` is still writing them: then the reader
 * must return `false` and is not called again before `resume`.
 */
export type OnChunk = (chunk: Buffer) => boolean;

export interface RelayReader {
  /** The socket to write to, resume and listen on: it may be another object than the one handed in. */
  readonly socket: net.Socket;
  /** Gives the buffer back to the budget; called once, when the socket has closed. */
  release(): void;
}

const SMALLEST_BUFFER = 16 * 1024;
const LARGEST_BUFFER = 1024 * 1024;
const GROWTH = 8;
/** After this many reads in a row that would have fitted the next smaller buffer, the buffer shrinks. */
const SMALL_READS_TO_SHRINK = 64;
/** What all channels of the process may hold in buffers above the smallest size. */
const BUFFER_BUDGET = 128 * 1024 * 1024;

let budgetUsed = 0;

/** The parts of an accepted socket's handle that the fast path touches; none of them is public. */
interface StreamHandle {
  reading?: boolean;
  readStop?: () => number;
  useUserBuffer?: (buffer: Uint8Array) => void;
}
type HandleOwner = { _handle?: StreamHandle | null };

/** Reads through the stream of the socket, a fresh buffer each time: works everywhere. */
export function readByStream(socket: net.Socket, onChunk: OnChunk): RelayReader {
  socket.on('data', (chunk: Buffer) => {
    if (!onChunk(chunk)) socket.pause();
  });
  return { socket, release: () => undefined };
}

/**
 * Reads into one buffer that is used again and again. An accepted socket has no public way to do so; a new `net.Socket`
 * made for its handle has (`onread`). Returns `undefined` where this Node offers no such handle: nothing was changed.
 *
 * The buffer begins small, so that idle channels cost little, grows when reads fill it, and shrinks when they do not.
 */
export function readIntoReusedBuffer(socket: net.Socket, onChunk: OnChunk): RelayReader | undefined {
  const owner = socket as unknown as HandleOwner;
  const handle = owner._handle;
  if (!handle || typeof handle.readStop !== 'function' || typeof handle.useUserBuffer !== 'function') return undefined;

  handle.readStop();
  handle.reading = false;
  owner._handle = null;
  socket.destroy();

  let buffer = Buffer.allocUnsafeSlow(SMALLEST_BUFFER);
  let smallReads = 0;
  const resize = (size: number): void => {
    budgetUsed += size - buffer.length;
    buffer = Buffer.allocUnsafeSlow(size);
    smallReads = 0;
  };
  const onread: net.OnReadOpts = {
    // Called once at the start, and after each read for the buffer of the next one.
    buffer: () => buffer,
    callback: (bytesRead, read) => {
      const chunk = (read as Buffer).subarray(0, bytesRead);
      const size = buffer.length;
      if (bytesRead === size) {
        const larger = size * GROWTH;
        if (larger <= LARGEST_BUFFER && budgetUsed + larger - size <= BUFFER_BUDGET) resize(larger);
      } else if (size > SMALLEST_BUFFER && bytesRead <= size / GROWTH) {
        smallReads += 1;
        if (smallReads > SMALL_READS_TO_SHRINK) resize(size / GROWTH);
      } else {
        smallReads = 0;
      }
      return onChunk(chunk);
    },
  };
  const options = { handle, onread, allowHalfOpen: true } as unknown as net.SocketConstructorOpts;
  return { socket: new net.Socket(options), release: () => resize(SMALLEST_BUFFER) };
}
