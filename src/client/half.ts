import { ChatosError } from '../errors.ts';
import type { Address } from '../net/address.ts';
import { dial } from '../net/dial.ts';
import type { Identity } from '../net/identity.ts';
import { PacketConnection } from '../net/packet-connection.ts';
import type { Transport } from '../net/transport.ts';
import { createDeferred } from '../util/deferred.ts';
import type { ChannelInit } from './channel.ts';

/** Opens our half of a channel: as {@link openHalf}. */
export type OpenHalf = (...args: Parameters<typeof openHalf>) => Promise<Pick<ChannelInit, 'transport' | 'rest'>>;

/**
 * Opens our half of a channel: a fresh connection that presents the connect id and waits for ESTABLISHED (RFC 4).
 * Returns the transport, paused, and the channel's first bytes where some have come already.
 *
 * @throws {ChatosError} `CONNECT_FAILED`, `NOT_TRUSTED`, `TIMED_OUT`, `CONNECTION_LOST`, `UNEXPECTED_PACKET` or `ABORTED`
 */
export async function openHalf(
  server: Address,
  connectId: bigint,
  limits: { timeoutMs: number; signal?: AbortSignal | undefined; identity?: Identity | undefined },
): Promise<{ transport: Transport; rest: Buffer }> {
  const startedAt = performance.now();
  const transport = await dial(server, limits);
  const timeoutMs = limits.timeoutMs - (performance.now() - startedAt);
  const what = 'the peer did not connect';
  const waiting = createDeferred<{ transport: Transport; rest: Buffer }>({ ...limits, timeoutMs, what });
  const half: PacketConnection = new PacketConnection(
    transport,
    {
      onPacket: (packet) => {
        if (packet.type === 'ESTABLISHED') {
          waiting.resolve(half.detach());
        } else {
          half.destroy(new ChatosError('UNEXPECTED_PACKET', `the server answered LOGIN_PRIVATE with ${packet.type}`));
        }
      },
      onClose: (error) => waiting.reject(error && error.code !== 'CONNECTION_LOST' ? error : turnedAway(error)),
    },
    { longBytes: server.longBytes },
  );
  half.send({ type: 'LOGIN_PRIVATE', connectId });
  try {
    return await waiting.promise;
  } catch (error) {
    half.destroy();
    throw error;
  }
}

/** The server says no word where it closes a half, and whether that is seen as an end or as a reset is chance. */
function turnedAway(cause: ChatosError | undefined): ChatosError {
  const message =
    'the server closed the private connection before it began: the peer has left or cannot connect, or ' +
    'the server allows no more connections from this address (its log names the limit)';
  return new ChatosError('CONNECTION_LOST', message, { cause, fields: cause?.fields ?? {} });
}
