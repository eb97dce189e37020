import type { Duplex } from 'node:stream';
import { abortError } from '../../util/abort.ts';
import { resolveOptions, type OptionTable } from '../../util/option-table.ts';
import { startTimer } from '../../util/timeout.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import type { PipedChannel } from '../pipe.ts';
import { Agreement } from './agreement.ts';
import { aborted, cut, unlike, withCodeUsed } from './failures.ts';
import { Preface } from './preface.ts';
import { SecureChannel } from './secure-channel.ts';
import type { ChannelSecret } from './secret.ts';
import { StreamChannel } from './stream-channel.ts';
import { formatSeconds } from '../../util/printable.ts';

/** How a private connection is encrypted. */
export interface SecureChannelOptions {
  /** How long the peer may take to show that it has the secret, in milliseconds. @default 10000 */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * With a code, on the side that was asked: a key that the peer may have instead, 32 bytes. It is that of the
   * `nextSecret` of an earlier channel: so a peer comes back whose code is used up. @default none
   */
  readonly returningKey?: Uint8Array | undefined;
  /** Gives up when it is aborted, and breaks the channel. @default none */
  readonly signal?: AbortSignal | undefined;
  /**
   * Of a stream that is no channel of ours, as a socket: which of the two sides this is. The other side must be the other
   * one: as a rule, who connects is the requester. @default none; a channel knows its own
   */
  readonly role?: 'requester' | 'target' | undefined;
  /** Of such a stream: the name of this side, which the other side has to know as `peer`. @default the role */
  readonly login?: string | undefined;
  /** Of such a stream: the name of the other side. @default its role */
  readonly peer?: string | undefined;
}

const OPTIONS: OptionTable<{
  handshakeTimeoutMs: number;
  returningKey: Uint8Array | undefined;
  signal: AbortSignal | undefined;
  role: 'requester' | 'target' | undefined;
  login: string | undefined;
  peer: string | undefined;
}> = {
  handshakeTimeoutMs: { kind: 'ms', default: 10_000 },
  returningKey: { kind: 'any', default: undefined },
  signal: { kind: 'any', default: undefined },
  role: { kind: 'choice', of: ['requester', 'target'], default: undefined },
  login: { kind: 'text', default: undefined },
  peer: { kind: 'text', default: undefined },
};

/** How long the peer may take to read why it is refused. */
const LAST_WORD_MS = 1_000;

/**
 * Encrypts a channel from end to end: the peer does the same, with the same secret. Nothing may have been read from the
 * channel or written to it; from now on it belongs to what is returned.
 *
 * Any other stream of bytes in both directions will do, too, as a socket: then `role` says which side this is. Where such a
 * stream closes without an end, that is an abort, and an end that the peer has not made is `DATA_INCOMPLETE`.
 *
 * A code is good for one private connection. The side that was asked for it (`role` is `target`) lets the other one guess
 * once: when a guess has come, right or wrong, the code is used up in this process, and is refused from then on.
 *
 * @returns the encrypted channel, when the peer has shown that it has the secret
 * @throws {ChatosError} `WRONG_SECRET` where the peer has another secret, uses another kind, or does not encrypt (field
 *   `codeUsed` says whether a code is used up, also of the errors that follow); `DATA_INCOMPLETE` where what came was cut or changed on the way;
 *   `TIMED_OUT`; `ABORTED`; `INVALID_ARGUMENT` where the secret is invalid, or the stream cannot be used; else as the channel. The channel is destroyed.
 */
export async function secureChannel(
  channel: Duplex,
  secret: ChannelSecret,
  options: SecureChannelOptions = {},
): Promise<SecureChannel> {
  const resolved = resolveOptions('encryption options', options, OPTIONS);
  const { handshakeTimeoutMs, returningKey, signal } = resolved;
  const opening = new Opening(channelOf(channel, resolved), secret, returningKey);
  const onAbort = (): void => opening.giveUp(abortError(signal, 'interrupted'));
  const timer = startTimer(handshakeTimeoutMs, () => opening.onTimeout(handshakeTimeoutMs));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted) onAbort();
    return await opening.run();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** What is no channel has to be told who is at its ends. */
function channelOf(stream: Duplex, { role, login, peer }: SecureChannelOptions): PipedChannel {
  const own = stream as Partial<PipedChannel> & Duplex;
  if (own.readLent !== undefined && own.connectId !== undefined) {
    if (role === undefined && login === undefined && peer === undefined) return own as PipedChannel;
    throw new ChatosError('INVALID_ARGUMENT', 'encryption options: a channel knows its role, login and peer');
  }
  if (role === undefined) {
    const message = "encryption options: this is no channel: say which side it is, by role: 'requester' or 'target'";
    throw new ChatosError('INVALID_ARGUMENT', message, { fields: { option: 'role' } });
  }
  const other = role === 'requester' ? 'target' : 'requester';
  return new StreamChannel(stream, { role, login: login ?? role, peer: peer ?? other });
}

/** A private connection on its way to be encrypted. */
class Opening {
  readonly #channel: PipedChannel;
  readonly #preface = new Preface();
  readonly #agreement: Agreement;
  #secure: SecureChannel | undefined;
  #isOver = false;

  constructor(channel: PipedChannel, secret: ChannelSecret, returningKey: Uint8Array | undefined) {
    this.#channel = channel;
    this.#agreement = new Agreement(channel, this.#preface, secret, returningKey);
  }

  async run(): Promise<SecureChannel> {
    const channel = this.#channel;
    channel.on('error', () => undefined);
    channel
      .readLent((chunk) => this.#feed(chunk))
      .then(
        () => this.#onEnd(),
        (error: unknown) => this.#onBroken(error),
      );
    try {
      const { keys, next } = await this.#agreement.run();
      const secure = new SecureChannel({ channel, psk: keys.psk, next, rest: this.#preface.takeRest() });
      this.#secure = secure;
      this.#preface.release();
      await secure.opened();
      return secure;
    } catch (error) {
      this.#isOver = true;
      this.#preface.release();
      if (isChatosError(error, 'WRONG_SECRET')) await this.#partGently();
      channel.destroy();
      throw this.#told(error);
    }
  }

  /** Who made a guess may leave as soon as it knows whether that was right: it was one all the same. */
  #told(error: unknown): unknown {
    const isSaid = !isChatosError(error) || isChatosError(error, 'WRONG_SECRET') || isChatosError(error, 'ABORTED');
    return this.#agreement.codeIsUsed && !isSaid ? withCodeUsed(error) : error;
  }

  giveUp(error: ChatosError): void {
    if (this.#secure) this.#secure.destroy(error);
    else this.#preface.end(error);
  }

  onTimeout(timeoutMs: number): void {
    const { peer } = this.#channel;
    const within = `within ${formatSeconds(timeoutMs)}`;
    this.giveUp(
      this.#agreement.peerHasSpoken
        ? new ChatosError('TIMED_OUT', `${peer} did not finish the handshake ${within}`, {
            fields: { peer, timeoutMs },
          })
        : unlike(peer, `said nothing ${within}: ${BOTH}`),
    );
  }

  #feed(chunk: Buffer): void | Promise<void> {
    if (this.#secure) return this.#secure.feed(chunk);
    if (!this.#isOver) return this.#preface.feed(chunk);
  }

  #onEnd(): void {
    if (this.#secure) return this.#secure.endInput();
    const { peer } = this.#channel;
    this.#preface.end(
      this.#agreement.peerHasSpoken ? cut(peer, 0) : unlike(peer, `ended the private connection at once: ${BOTH}`),
    );
  }

  #onBroken(cause: unknown): void {
    const { peer } = this.#channel;
    const error = isChatosError(cause) ? cause : aborted(peer, cause);
    if (this.#secure) this.#secure.destroy(error);
    else if (this.#agreement.peerHasSpoken) this.#preface.end(error);
    else this.#preface.end(unlike(peer, `broke the private connection at once: ${BOTH}`, cause));
  }

  /** The peer learns from what we have said why it is refused: a reset could overtake that. */
  async #partGently(): Promise<void> {
    const channel = this.#channel;
    if (channel.destroyed) return;
    const over = new Promise<void>((resolve) => {
      channel.once('close', resolve);
      setTimeout(resolve, LAST_WORD_MS).unref();
    });
    channel.end();
    await over;
  }
}

const BOTH = 'both sides need the same secret or code (--secret, --code)';
