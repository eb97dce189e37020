import type { Channel } from '../../client/channel.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import type { SecureChannel } from '../../transfer/secure/secure-channel.ts';
import { isCodeUsed } from '../../transfer/secure/used-codes.ts';
import { withResolvers } from '../../util/deferred.ts';
import { loginKey } from '../../util/login-key.ts';
import { formatLength } from '../../util/printable.ts';
import { encrypt } from '../piping/encryption.ts';
import type { Listener } from '../piping/listener.ts';
import { News } from '../piping/news.ts';
import type { TransferReport } from './report.ts';

/** Handshakes at once, one of each login: who says nothing in one does not hold up the others. */
const MAX_HANDSHAKES = 32;

/** The two have met. */
export interface Met {
  readonly plain: Channel;
  readonly channel: SecureChannel;
}

export interface MeetingSettings {
  readonly listener: Listener;
  /** The secret of the code. */
  readonly words: string;
  /** What a receiver of an earlier run may have instead. */
  readonly returningKey: () => Uint8Array | undefined;
  readonly report: TransferReport;
  readonly signal: AbortSignal;
}

/**
 * Waits for the one who has the code, or the key. Several may be in their handshake at once: the first guess of the code is
 * the only one, and who goes away without one was nobody.
 */
export class Meeting {
  readonly #settings: MeetingSettings;
  readonly #underWay = new Map<string, AbortController>();
  readonly #result = withResolvers<Met>();
  readonly #news = new News();
  #isOver = false;
  #onEnd: () => void = () => undefined;

  constructor(settings: MeetingSettings) {
    this.#settings = settings;
    this.#result.promise.catch(() => undefined);
  }

  /**
   * Returns the one that has been met; all others are broken off.
   *
   * @throws {ChatosError} `WRONG_SECRET` where the guess was wrong, or what its handshake has failed with; `TIMED_OUT`; as
   *   `Listener.nextRequest`
   */
  async run(timeoutMs: number): Promise<Met> {
    const { signal } = this.#settings;
    const stop = new AbortController();
    const abort = (): void => stop.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const listening = this.#listen(timeoutMs, stop.signal);
      listening.catch((error: unknown) => this.#result.reject(error));
      return await this.#result.promise;
    } finally {
      this.#isOver = true;
      signal.removeEventListener('abort', abort);
      stop.abort();
      for (const handshake of this.#underWay.values()) handshake.abort(signal.reason);
    }
  }

  async #listen(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const endAt = performance.now() + timeoutMs;
    try {
      for (;;) {
        const leftMs = Math.max(endAt - performance.now(), 0);
        const request = await this.#settings.listener.nextRequest({ timeoutMs: leftMs, signal });
        while (this.#underWay.size >= MAX_HANDSHAKES && !this.#isOver) await this.#nextEnd();
        if (this.#isOver || isCodeUsed('target', this.#settings.words)) request.refuse();
        else this.#begin(request);
      }
    } catch (error) {
      if (!isChatosError(error, 'TIMED_OUT')) throw error;
      // Who has come in time is let finish.
      while (this.#underWay.size > 0) await this.#nextEnd();
      const message = `nobody used the code within ${formatLength(timeoutMs)}, and it is not good any more: run send again for another one`;
      throw new ChatosError('TIMED_OUT', message, { cause: error, fields: { timeoutMs } });
    }
  }

  #nextEnd(): Promise<void> {
    return new Promise((resolve) => (this.#onEnd = resolve));
  }

  #begin(request: PrivateRequest): void {
    const key = loginKey(request.from);
    // Who asks again has given up what was before.
    this.#underWay.get(key)?.abort();
    const handshake = new AbortController();
    this.#underWay.set(key, handshake);
    this.#shake(request, handshake.signal)
      .catch((error: unknown) => this.#result.reject(error))
      .finally(() => {
        if (this.#underWay.get(key) === handshake) this.#underWay.delete(key);
        this.#onEnd();
      });
  }

  /** @throws what ends it all: a guess that was wrong, or a failure of ours */
  async #shake(request: PrivateRequest, signal: AbortSignal): Promise<void> {
    const { listener, words, returningKey, report } = this.#settings;
    const peer = request.from;
    try {
      const plain = await listener.establish(request, signal);
      if (!plain) return;
      plain.on('error', () => undefined);
      report('connected', `private connection with ${peer}`, { peer });
      const channel = await encrypt(plain, { kind: 'code', code: words }, signal, returningKey());
      if (this.#isOver) return void channel.destroy();
      this.#isOver = true;
      report('encrypted', `encrypted from end to end with ${peer}`, { peer });
      this.#result.resolve({ plain, channel });
    } catch (error) {
      if (this.#isOver || signal.aborted) return;
      if (!isChatosError(error) || error.code === 'NOT_TRUSTED') throw error;
      const { code, message, fields } = error;
      // Whether that was right, the handshake of the one who made it says.
      const isSecondGuess = fields['usedBefore'] === true;
      if (fields['codeUsed'] === true && !isSecondGuess) throw error;
      if (this.#news.isNews(message)) report('broken', message, { peer, code, message });
    }
  }
}
