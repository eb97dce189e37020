import { closeSync, openSync, writeSync } from 'node:fs';
import net from 'node:net';
import { streamSink, type ByteSink } from './bytes.ts';
import { descriptorKind, outputWasClosed, reopen } from './descriptor.ts';

/**
 * Writes to standard output, where that is no terminal. Its end is handed on: what reads a pipe or a socket sees it while
 * this process goes on.
 *
 * @throws an `EPIPE` error where it is a pipe that nobody reads
 */
export function standardOutputSink(): ByteSink {
  if (outputWasClosed()) return CLOSED_SINK;
  switch (descriptorKind(1)) {
    case 'pipe': {
      const fd = reopen(1, 'write');
      const sink = streamSink(socketOf(fd ?? 1));
      return fd === undefined ? sink : { ...sink, end: async () => (await sink.end(), closeOutput()) };
    }
    case 'socket':
      return streamSink(socketOf(1));
    default:
      return FILE_SINK;
  }
}

function socketOf(fd: number): net.Socket {
  return new net.Socket({ fd, readable: false, writable: true });
}

/**
 * A file or a device. Writing waits for the disk; a write that is cut short (on a disk that fills, at a limit of the file's
 * size) is followed by another one, which says why.
 */
const FILE_SINK: ByteSink = {
  write(chunk) {
    for (let done = 0; done < chunk.length;) done += writeSync(1, chunk, done);
  },
  end: closeOutput,
};

/** Lets go of standard output: some file systems report only now that what they took is lost. */
function closeOutput(): void {
  closeSync(1);
  // Nothing else that is opened later may become standard output.
  openSync('/dev/null', 'w');
}

const CLOSED_SINK: ByteSink = {
  write() {
    const hint = '; to discard what comes, use > /dev/null or --send-only';
    throw Object.assign(new Error(`standard output is closed${hint}`), { code: 'EBADF', syscall: 'write' });
  },
  end: () => undefined,
};
