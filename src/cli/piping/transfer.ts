import process from 'node:process';
import { isatty } from 'node:tty';
import type { Channel } from '../../client/channel.ts';
import { ChatosError } from '../../errors.ts';
import { streamSink, type ByteSink } from '../../transfer/bytes.ts';
import { standardOutputSink } from '../../transfer/descriptor-sink.ts';
import { pipeChannel, type PipeResult } from '../../transfer/pipe.ts';
import { inputSource } from '../terminal/input.ts';
import { showProgress } from '../terminal/progress.ts';
import type { PipeFlags } from './flags.ts';

/** Joins a channel with standard input and output, until both directions have ended; the signal breaks it. */
export async function transfer(channel: Channel, flags: PipeFlags, signal: AbortSignal): Promise<PipeResult> {
  const abort = (): void => void channel.destroy(new ChatosError('ABORTED', 'interrupted'));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const hidden = flags.quiet === true || flags.json === true;
  const progress = hidden
    ? { clear: () => undefined, done: () => undefined }
    : showProgress(() => ({ sent: channel.bytesSent, received: channel.bytesReceived }));
  try {
    return await pipeChannel(channel, inputSource(), outputSink(progress.clear));
  } finally {
    progress.done();
    signal.removeEventListener('abort', abort);
  }
}

function outputSink(beforeFirst: () => void): ByteSink {
  if (!isatty(1)) return standardOutputSink();
  const terminal = streamSink(process.stdout);
  return {
    write(chunk) {
      beforeFirst();
      return terminal.write(chunk);
    },
    end: () => undefined,
  };
}
