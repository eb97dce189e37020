import { finished, type Duplex, type Readable, type Writable } from 'node:stream';
import { ChatosError } from '../errors.ts';

/** What a pipe needs to know of a channel. */
export interface PipedChannel extends Duplex {
  readonly peer: string;
  readonly closedByPeer: boolean;
  readonly inputEnded: boolean;
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
export function pipeChannel(channel: PipedChannel, input: Readable, output: Writable): Promise<PipeResult> {
  return new Promise((resolve, reject) => {
    let open = 3;
    const settle = (): void => {
      for (const cleanUp of cleanUps) cleanUp();
      channel.off('inputEnd', onInputEnd);
      input.unpipe(channel);
      channel.unpipe(output);
    };
    const fail = (error: unknown): void => {
      settle();
      channel.on('error', () => undefined);
      channel.destroy();
      reject(error);
    };
    const onChannelEnd = (error?: Error | null): void => (error ? fail(channelError(channel, error)) : onEnd());
    const onInputEnd = (): void => {
      if (channel.closedByPeer) fail(closedBeforeEnd(channel.peer));
    };
    const onEnd = (): void => {
      open -= 1;
      if (open > 0) return;
      // What was written before has left when this has: the output itself stays open, as standard output must.
      output.write('', (error) => {
        if (error) return;
        settle();
        resolve({ sent: channel.bytesSent, received: channel.bytesReceived });
      });
    };
    const cleanUps = [
      finished(input, { writable: false }, (error) => (error ? fail(error) : onEnd())),
      finished(channel, { readable: false }, onChannelEnd),
      finished(channel, { writable: false }, onChannelEnd),
      finished(output, { readable: false }, (error) => fail(error ?? new Error('the output was ended'))),
    ];
    if (channel.inputEnded && channel.closedByPeer) {
      fail(closedBeforeEnd(channel.peer));
      return;
    }
    channel.once('inputEnd', onInputEnd);
    input.pipe(channel);
    channel.pipe(output, { end: false });
  });
}

function channelError(channel: PipedChannel, cause: Error): ChatosError {
  if (cause instanceof ChatosError) return cause;
  if (channel.closedByPeer) return closedBeforeEnd(channel.peer);
  return new ChatosError('CHANNEL_ABORTED', `the private connection with ${channel.peer} broke`, { cause });
}

function closedBeforeEnd(peer: string): ChatosError {
  return new ChatosError(
    'CHANNEL_CLOSED',
    `${peer} closed the private connection before the end of its stream; what came may be incomplete`,
    { fields: { peer } },
  );
}
