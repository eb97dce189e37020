import type { Readable, Writable } from 'node:stream';
import { streamSink, streamSource } from '../../src/transfer/bytes.ts';
import { pipeChannel, type PipedChannel, type PipeResult } from '../../src/transfer/pipe.ts';

/** Joins a channel with two streams, which may keep what they are given. */
export function pipeStreams(channel: PipedChannel, input: Readable, output: Writable): Promise<PipeResult> {
  const sink = streamSink(output);
  return pipeChannel(channel, streamSource(input), { ...sink, write: (chunk) => sink.write(Buffer.from(chunk)) });
}
