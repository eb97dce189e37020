import process from 'node:process';
import { isatty, WriteStream } from 'node:tty';
import { ChatosError } from '../../errors.ts';
import { DISCARD_SINK, EMPTY_SOURCE, streamSink, type ByteSink, type ByteSource } from '../../transfer/bytes.ts';
import { reopen } from '../../transfer/descriptor.ts';
import { standardOutputSink } from '../../transfer/descriptor-sink.ts';
import { limitIdleTime, type Movement } from '../../transfer/idle-timeout.ts';
import { pipeChannel, type PipedChannel, type PipeResult } from '../../transfer/pipe.ts';
import { limitSink, limitSource } from '../../transfer/rate-limit.ts';
import type { VerifiedPipe } from '../../transfer/verified/verified-pipe.ts';
import { inputSource } from '../terminal/input.ts';
import { SafeText } from '../terminal/safe-text.ts';
import { showProgress } from '../terminal/progress.ts';
import type { PipeFlags } from './flags.ts';

const STEP_BYTES = 16 * 1024;

/** What is joined with a channel. */
export interface TransferEnds {
  readonly input: ByteSource;
  readonly output: ByteSink;
}

/**
 * Opens standard input and output, as far as the flags have use for them, before anybody is asked.
 *
 * @throws an `EISDIR` error where the input is a directory, an `EPIPE` error where nobody reads the output
 */
export function standardEnds({ exec, keep, sendOnly, recvOnly, raw = false }: PipeFlags): TransferEnds {
  const isRead = exec === undefined && !keep && !recvOnly;
  const isWritten = exec === undefined && !sendOnly;
  return {
    input: isRead ? inputSource() : EMPTY_SOURCE,
    output: isWritten ? standardOutput(raw) : DISCARD_SINK,
  };
}

/** Standard output; on a terminal, nothing can control it unless bytes are passed on raw. */
export function standardOutput(raw: boolean): ByteSink {
  return isatty(1) ? terminalSink(raw) : standardOutputSink();
}

/**
 * Joins a channel with an input and an output, until both directions have ended; the signal breaks it.
 *
 * @param verified with --verify: makes the pipe
 */
export async function transfer(
  channel: PipedChannel,
  ends: TransferEnds,
  flags: PipeFlags,
  signal: AbortSignal,
  verified?: (ends: TransferEnds) => VerifiedPipe,
): Promise<PipeResult> {
  let written = 0;
  if (flags.idleTimeout !== undefined) {
    ends = { ...ends, output: inSteps(ends.output, (bytes) => (written += bytes)) };
  }
  const { idleTimeout, limitRate, quiet = false, json = false, keep = false } = flags;
  const isTyped = ends.input !== EMPTY_SOURCE && isatty(0);
  if (limitRate !== undefined) {
    ends = { input: limitSource(ends.input, limitRate), output: limitSink(ends.output, limitRate) };
  }
  const total = ends.input.size;
  if (isatty(1)) ends = { ...ends, output: beforeEach(ends.output, () => progress.clear()) };
  const pipe = verified?.(ends);
  const moving: Movement = pipe ?? channel;
  const count = () => ({ sent: moving.bytesSent, received: moving.bytesReceived });
  const progress = showProgress(count, { total, quiet, json, isMoving: !keep && !isTyped });
  const abort = (): void => void moving.destroy(new ChatosError('ABORTED', 'interrupted'));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  // Waiting for another connection has a time limit of its own: NaN equals nothing, and counts as movement.
  const movedBytes = (): number =>
    pipe?.isLost
      ? Number.NaN
      : moving.bytesSent + moving.bytesReceived + channel.bytesMoved + channel.bytesReceived + written;
  const stopIdleTimer = idleTimeout === undefined ? undefined : limitIdleTime(moving, idleTimeout * 1000, movedBytes);
  try {
    return await (pipe ? pipe.run() : pipeChannel(channel, ends.input, ends.output));
  } finally {
    progress.done();
    stopIdleTimer?.();
    signal.removeEventListener('abort', abort);
  }
}

/** A terminal stays open: what comes after us writes to it too. Unless bytes are passed on raw, none can control it. */
function terminalSink(raw: boolean): ByteSink {
  const terminal = streamSink(terminalStream());
  if (raw) return { ...terminal, end: () => undefined };
  const safe = new SafeText();
  return {
    write: (chunk) => terminal.write(Buffer.from(safe.write(chunk))),
    end: () => terminal.write(Buffer.from(safe.end())),
  };
}

/** Where output is stopped (Ctrl-S), Node's own stream would stop all of this process. */
function terminalStream(): WriteStream {
  const fd = reopen(1, 'write');
  if (fd === undefined) return process.stdout;
  const stream: WriteStream & { _handle?: { setBlocking?(isBlocking: boolean): unknown } } = new WriteStream(fd);
  stream._handle?.setBlocking?.(false);
  return stream;
}

/** In steps, each of which is counted: what takes large chunks slowly still moves. */
function inSteps(sink: ByteSink, count: (bytes: number) => void): ByteSink {
  return {
    async write(chunk) {
      for (let at = 0; at < chunk.length; at += STEP_BYTES) {
        const step = chunk.subarray(at, at + STEP_BYTES);
        await sink.write(step);
        count(step.length);
      }
    },
    end: () => sink.end(),
  };
}

function beforeEach(sink: ByteSink, act: () => void): ByteSink {
  return {
    write(chunk) {
      act();
      return sink.write(chunk);
    },
    end: () => sink.end(),
  };
}
