import net from 'node:net';
import type { OnChunk } from './transport.ts';

const SMALLEST_BUFFER = 16 * 1024;
const LARGEST_BUFFER = 1024 * 1024;
const GROWTH = 8;
/** After this many reads in a row that would have fitted the next smaller buffer, the buffer shrinks. */
const SMALL_READS_TO_SHRINK = 64;
/** What all connections of the process may hold in buffers above the smallest size. */
const BUFFER_BUDGET = 128 * 1024 * 1024;

let budgetUsed = 0;

/** The parts of a socket's handle that are touched here; none of them is public. */
interface StreamHandle {
  reading?: boolean;
  readStop?: () => number;
  useUserBuffer?: (buffer: Uint8Array) => void;
}
type HandleOwner = { _handle?: StreamHandle | null };

/**
 * Reads into one buffer that is used again and again. An accepted socket has no public way to do so; a new `net.Socket`
 * made for its handle has (`onread`): it is returned, with `onChunk` called for what it reads, and the one given is of no
 * use any more. Returns `undefined` where there is no such handle: nothing was changed.
 *
 * The buffer begins small, so that idle channels cost little, grows when reads fill it, and shrinks when they do not.
 */
export function reuseBuffer(socket: net.Socket, onChunk: OnChunk): net.Socket | undefined {
  const owner = socket as unknown as HandleOwner;
  const handle = owner._handle;
  if (!handle || !isTcp(handle)) return undefined;

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
  return new net.Socket(options).once('close', () => resize(SMALLEST_BUFFER));
}

/** The handle of a TLS connection has these methods too, and would give its bytes away undeciphered. */
function isTcp(handle: StreamHandle): handle is Required<StreamHandle> {
  return (
    handle.constructor.name === 'TCP' &&
    typeof handle.readStop === 'function' &&
    typeof handle.useUserBuffer === 'function'
  );
}
