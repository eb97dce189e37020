import type { Socket } from 'node:net';
import { finished, type Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { ChatosError } from '../errors.ts';
import { withResolvers } from '../util/deferred.ts';
import type { ByteSink, ByteSource } from './bytes.ts';
import { plainOutput } from './plain-output.ts';

/** What is needed of a private connection to send files, pipes or encrypted bytes through it; a `Channel` has all of it. */
export interface PipedChannel extends Duplex {
  /** Our own login. */
  readonly login: string;
  /** The login at the other end. */
  readonly peer: string;
  /** Whether we asked for the private connection, or the peer did. */
  readonly role: 'requester' | 'target';
  /** The connect id. */
  readonly connectId: bigint;
  /** Whether the peer closed it (packet 11) before its stream had ended. */
  readonly closedByPeer: boolean;
  /** Whether the peer's direction has ended. */
  readonly inputEnded: boolean;
  /** Bytes sent: those that the system has taken. */
  readonly bytesSent: number;
  /** Bytes received. */
  readonly bytesReceived: number;
  /** Bytes that the system has taken, those of a write under way too. */
  readonly bytesMoved: number;
  /** Hands what comes to `take`, chunk by chunk, in a buffer that is used again: see `Channel`. */
  readLent(take: (chunk: Buffer) => void | Promise<void>): Promise<void>;
  /** The socket of its connection, for TLS to run on: see `Channel`. */
  lendSocket?(): Socket | undefined;
  /** TLS runs on the socket that was lent. */
  secured?(tls: TLSSocket): void;
}

/** What went through a channel, in bytes. */
export interface PipeResult {
  readonly sent: number;
  readonly received: number;
}

/**
 * Joins a channel with an input and an output, as netcat does: the end of the input ends our direction only, and the
 * peer's end is handed on to the output; resolves when both directions have ended and the output has taken everything.
 * Where the input of the side that was asked is empty, its end comes last. Memory is constant, whatever the speeds.
 *
 * @throws what failed: the input's or the output's own error (the peer then sees an abort), or a {@link ChatosError}:
 *   `CHANNEL_ABORTED` where the channel broke, `CHANNEL_CLOSED` where the peer closed it before its stream had ended
 */
export async function pipeChannel(channel: PipedChannel, input: ByteSource, output: ByteSink): Promise<PipeResult> {
  const { promise: broken, reject: onBroken } = withResolvers<never>();
  const closedTooSoon = (): void => {
    if (channel.closedByPeer) onBroken(closedBeforeEnd(channel.peer));
  };
  const stopWatching = finished(channel, { readable: false }, (error) => {
    if (error) onBroken(channelError(channel, error));
  });
  channel.once('inputEnd', closedTooSoon);
  if (channel.inputEnded) closedTooSoon();
  try {
    const received = receiveAll(channel, plainOutput(output, channel.peer));
    const moved = Promise.all([sendAll(channel, input, received), received]);
    await Promise.race([broken, moved]);
    return { sent: channel.bytesSent, received: channel.bytesReceived };
  } catch (error) {
    channel.on('error', () => undefined).destroy();
    input.close();
    throw error;
  } finally {
    stopWatching();
    channel.off('inputEnd', closedTooSoon);
  }
}

async function sendAll(channel: PipedChannel, input: ByteSource, received: Promise<void>): Promise<void> {
  let isEmpty = true;
  for (let chunk = await input.read(); chunk; chunk = await input.read()) {
    isEmpty = false;
    const bytes = chunk;
    await taken(channel, (done) => void channel.write(bytes, done));
  }
  // Who was asked and has nothing to say acknowledges by its end: the sender learns whether the output took everything.
  if (isEmpty && channel.role === 'target') await received;
  await taken(channel, (done) => void channel.end(done));
}

/** Gives something to the channel, and waits until it is taken. */
function taken(channel: PipedChannel, give: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    give((error) => (error ? reject(channelError(channel, error)) : resolve()));
  });
}

async function receiveAll(channel: PipedChannel, output: ByteSink): Promise<void> {
  await channel.readLent((chunk) => output.write(chunk));
  await output.end();
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
