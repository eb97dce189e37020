/** Both sides of an encrypted channel over a connection in memory. */
import { secureChannel, type SecureChannelOptions } from '../../../src/transfer/secure/secure.ts';
import type { SecureChannel } from '../../../src/transfer/secure/secure-channel.ts';
import { makeSecret, parseSecret, type ChannelSecret } from '../../../src/transfer/secure/secret.ts';
import { memoryPair, type MemoryChannel } from '../verified/memory-channels.ts';

export const SECRET: ChannelSecret = parseSecret(makeSecret());

export interface Ends<T> {
  readonly requester: T;
  readonly target: T;
}

/** What became of both sides: the channel, or the error. */
export async function secureBoth(
  ends: Ends<MemoryChannel>,
  secrets: Ends<ChannelSecret>,
  options?: SecureChannelOptions,
): Promise<Ends<SecureChannel | Error>> {
  const side = (role: 'requester' | 'target'): Promise<SecureChannel | Error> =>
    secureChannel(ends[role], secrets[role], options).catch((error: unknown) => error as Error);
  const [requester, target] = await Promise.all([side('requester'), side('target')]);
  return { requester, target };
}

/** Both sides with the same secret. */
export async function securePair(
  ends: Ends<MemoryChannel> = memoryPair(),
  secret: ChannelSecret = SECRET,
): Promise<Ends<SecureChannel>> {
  const { requester, target } = await secureBoth(ends, { requester: secret, target: secret });
  if (requester instanceof Error) throw requester;
  if (target instanceof Error) throw target;
  return { requester, target };
}
