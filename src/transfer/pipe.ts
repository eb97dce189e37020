import type { Duplex, Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ChatosError } from '../errors.ts';

/** What a pipe needs to know of a channel. */
export interface PipedChannel extends Duplex {
  readonly peer: string;
  readonly closedByPeer: boolean;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** What went through a channel, in bytes. */
export interface PipeResult {
  readonly sent: number;
  readonly received: number;
}

/**
 * Joins a channel with an input and an output, as netcat does: the end of the input ends our direction only; resolves
 * when both directions have ended and the output has taken everything. Memory is constant, whatever the speeds.
 *
 * @throws what failed: the input's or the output's own error (the peer then sees an abort), or a {@link ChatosError}:
 *   `CHANNEL_ABORTED` where the channel broke, `CHANNEL_CLOSED` where the peer closed it before its stream had ended
 */
export async function pipeChannel(channel: PipedChannel, input: Readable, output: Writable): Promise<PipeResult> {
  const closedEarly = new Promise<never>((_, reject) => {
    channel.once('inputEnd', () => {
      if (channel.closedByPeer) reject(closedBeforeEnd(channel.peer));
    });
  });
  const outputFailed = new Promise<never>((_, reject) => output.once('error', reject));
  try {
    await Promise.race([Promise.all([send(input, channel), receive(channel, output)]), closedEarly, outputFailed]);
  } catch (error) {
    channel.destroy();
    throw error;
  } finally {
    closedEarly.catch(() => undefined);
    outputFailed.catch(() => undefined);
  }
  return { sent: channel.bytesSent, received: channel.bytesReceived };
}

async function send(input: Readable, channel: PipedChannel): Promise<void> {
  input.pipe(channel);
  try {
    // An input that fails does not end its destination: our direction stays open until the channel is destroyed.
    await Promise.all([finished(input, { writable: false }), finished(channel, { readable: false })]);
  } finally {
    input.unpipe(channel);
  }
}

async function receive(channel: PipedChannel, output: Writable): Promise<void> {
  channel.pipe(output, { end: false });
  await finished(channel, { writable: false });
  // What was written before has left when this has: the output itself stays open, as standard output must.
  await new Promise<void>((resolve, reject) => output.write('', (error) => (error ? reject(error) : resolve())));
}

function closedBeforeEnd(peer: string): ChatosError {
  return new ChatosError(
    'CHANNEL_CLOSED',
    `${peer} closed the private connection before the end of its stream; what came may be incomplete`,
    { fields: { peer } },
  );
}
