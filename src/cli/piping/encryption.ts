import type { PipedChannel } from '../../transfer/pipe.ts';
import type { SecureChannel } from '../../transfer/secure/secure-channel.ts';
import type { ChannelSecret } from '../../transfer/secure/secret.ts';
import type { NextChannel } from './verified.ts';

/**
 * Encrypts a channel from end to end; throws as `secureChannel` does. The code for it is loaded now.
 *
 * @param returningKey what a peer may have that asked for the channel, instead of the code
 */
export async function encrypt(
  channel: PipedChannel,
  secret: ChannelSecret,
  signal: AbortSignal,
  returningKey?: Uint8Array,
): Promise<SecureChannel> {
  const { secureChannel } = await import('../../transfer/secure/secure.ts');
  return secureChannel(channel, secret, { signal, returningKey });
}

/** The channels that follow one that was lost, encrypted as it was. */
export function encryptNext(next: NextChannel, { nextSecret }: SecureChannel): NextChannel {
  return {
    next: async (signal) => encrypt(await next.next(signal), nextSecret, signal),
    release: () => next.release(),
  };
}
