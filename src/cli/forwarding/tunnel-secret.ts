import { ChatosError, isChatosError } from '../../errors.ts';
import type { PipedChannel } from '../../transfer/pipe.ts';
import type { ChannelSecret } from '../../transfer/secure/secret.ts';
import type { FoundSecret } from '../connecting/secrets.ts';
import { encrypt } from '../piping/encryption.ts';
import { notice } from '../terminal/output.ts';
import type { ForwardFlags } from './flags.ts';
import type { ForwardReport } from './report.ts';

/**
 * Encrypts the private connections of a tunnel, where there is a secret. A code is good for the first of them; from it, the
 * two sides have what those that follow need.
 */
export class TunnelSecret {
  readonly #report: ForwardReport;
  #secret: ChannelSecret | undefined;
  /** A code has been used, and its key is what counts now. */
  #isFollowing = false;

  constructor(secret: ChannelSecret | undefined, report: ForwardReport) {
    this.#secret = secret;
    this.#report = report;
  }

  /** Throws as `secureChannel` does. */
  async secure(channel: PipedChannel, signal: AbortSignal): Promise<PipedChannel> {
    if (!this.#secret) return channel;
    const encrypted = await encrypt(channel, this.#secret, signal).catch((error: unknown) => {
      throw this.#isFollowing ? explained(error, channel.peer) : error;
    });
    this.#isFollowing ||= this.#secret.kind === 'code';
    this.#secret = encrypted.nextSecret;
    this.#report('encrypted', `encrypted from end to end with ${channel.peer}`, { peer: channel.peer });
    return encrypted;
  }
}

/** The peer has a code, and we what a code has led to. */
function explained(error: unknown, peer: string): unknown {
  if (!isChatosError(error, 'WRONG_SECRET') || error.fields['peerUses'] !== 'code') return error;
  const message = `${peer} was started again, and only the same two commands go on with what a code has begun: start both again, with a new code`;
  return new ChatosError('WRONG_SECRET', message, { cause: error, fields: error.fields });
}

/** Without it nobody could come: --quiet does not keep it back. */
export function reportCode(found: FoundSecret | undefined, { json, quiet }: ForwardFlags, report: ForwardReport): void {
  if (!found?.made) return;
  const code = found.made.text;
  if (quiet && !json) notice(`code: ${code}`);
  else report('code', `code: ${code} (for the other side, and for nobody else)`, { code });
}
