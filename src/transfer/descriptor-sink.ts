import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { streamSink, type ByteSink } from './bytes.ts';
import {
  closedOutput,
  descriptorKind,
  isSameFile,
  outputWasClosed,
  reopen,
  socketOn,
  writeAllSync,
} from './descriptor.ts';

/**
 * Writes to standard output, where that is no terminal. Its end is handed on: what reads a pipe or a socket sees it while
 * this process goes on.
 *
 * @throws an `EPIPE` error where it is a pipe that nobody reads, `ESOCKTNOSUPPORT` as {@link socketOn}
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
      return socketSink(socketOf(1));
    default:
      return FILE_SINK;
  }
}

/**
 * A socket that is standard input too (of what a server starts for each connection) is shut down. Another one, which a
 * shell may use after us, is let go of.
 */
function socketSink(socket: Socket): ByteSink {
  const sink = streamSink(socket);
  if (isSameFile(0, 1)) return sink;
  const closed = new Promise((resolve) => void socket.once('close', resolve));
  return { ...sink, end: async () => (socket.destroy(), await closed, takePlaceOfOutput()) };
}

function socketOf(fd: number): Socket {
  return socketOn(fd, { readable: false, writable: true });
}

/** A file or a device. */
const FILE_SINK: ByteSink = {
  write: (chunk) => writeAllSync(1, chunk),
  end: closeOutput,
};

/** Lets go of standard output: some file systems report only now that what they took is lost. */
function closeOutput(): void {
  closeSync(1);
  takePlaceOfOutput();
}

/** Nothing else that is opened later may become standard output. */
function takePlaceOfOutput(): void {
  openSync('/dev/null', 'w');
}

const CLOSED_SINK: ByteSink = {
  write() {
    throw closedOutput();
  },
  end: () => undefined,
};
