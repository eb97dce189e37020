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

  constructor(secret: ChannelSecret | undefined, report: ForwardReport) {
    this.#secret = secret;
    this.#report = report;
  }

  /** Throws as `secureChannel` does. */
  async secure(channel: PipedChannel, signal: AbortSignal): Promise<PipedChannel> {
    if (!this.#secret) return channel;
    const encrypted = await encrypt(channel, this.#secret, signal);
    this.#secret = encrypted.nextSecret;
    this.#report('encrypted', `encrypted from end to end with ${channel.peer}`, { peer: channel.peer });
    return encrypted;
  }
}

/** Without it nobody could come: --quiet does not keep it back. */
export function reportCode(found: FoundSecret | undefined, { json, quiet }: ForwardFlags, report: ForwardReport): void {
  if (!found?.made) return;
  const code = found.made.text;
  if (quiet && !json) notice(`code: ${code}`);
  else report('code', `code: ${code} (for the other side, and for nobody else)`, { code });
}
