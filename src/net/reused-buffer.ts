import net from 'node:net';
import type { BufferSizes, OnChunk } from './transport.ts';

/** For a client: more is no faster, and what it leaves behind takes memory until it is collected. */
export const CLIENT_BUFFER: BufferSizes = { sizes: [64 * 1024, 512 * 1024] };
/** After this many reads in a row that would have fitted the next smaller buffer, the buffer shrinks. */
const SMALL_READS_TO_SHRINK = 1_000;
/** What all connections of the process may hold in buffers above the smallest of their sizes. */
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
 * use any more. Returns `undefined` where there is no such handle, or bytes wait in the stream: nothing was changed.
 *
 * The buffer begins small, so that idle channels cost little, grows when reads fill it, and shrinks when they do not.
 */
export function reuseBuffer(
  socket: net.Socket,
  onChunk: OnChunk,
  { sizes, largest }: BufferSizes,
): net.Socket | undefined {
  const owner = socket as unknown as HandleOwner;
  const handle = owner._handle;
  if (!handle || !isTcp(handle) || socket.readableLength > 0) return undefined;

  handle.readStop();
  handle.reading = false;
  owner._handle = null;
  socket.destroy();

  let step = 0;
  let buffer = Buffer.allocUnsafeSlow(sizes[0]!);
  let smallReads = 0;
  const resize = (to: number): void => {
    step = to;
    budgetUsed += sizes[step]! - buffer.length;
    buffer = Buffer.allocUnsafeSlow(sizes[step]!);
    smallReads = 0;
  };
  const onread: net.OnReadOpts = {
    // Called once at the start, and after each read for the buffer of the next one.
    buffer: () => buffer,
    callback: (bytesRead, read) => {
      const chunk = (read as Buffer).subarray(0, bytesRead);
      const [smaller, size, larger = Infinity] = [sizes[step - 1], buffer.length, sizes[step + 1]];
      const most = Math.min(largest?.() ?? Infinity, size + BUFFER_BUDGET - budgetUsed);
      if (size > most && step > 0) {
        resize(step - 1);
      } else if (bytesRead === size) {
        if (larger <= most) resize(step + 1);
      } else if (smaller !== undefined && bytesRead <= smaller) {
        smallReads += 1;
        if (smallReads > SMALL_READS_TO_SHRINK) resize(step - 1);
      } else {
        smallReads = 0;
      }
      return onChunk(chunk);
    },
  };
  const options = { handle, onread, allowHalfOpen: true } as unknown as net.SocketConstructorOpts;
  return new net.Socket(options).once('close', () => resize(0));
}

/** The handle of a TLS connection has these methods too, and would give its bytes away undeciphered. */
function isTcp(handle: StreamHandle): handle is Required<StreamHandle> {
  return (
    handle.constructor.name === 'TCP' &&
    typeof handle.readStop === 'function' &&
    typeof handle.useUserBuffer === 'function'
  );
}
