import type { ChatosError } from '../errors.ts';
import { createDeferred, type Deferred } from '../util/deferred.ts';
import { resolveOptions } from '../util/option-table.ts';
import { SEND_OPTIONS, type SendOptions } from './options.ts';
import type { Question, Slowness } from './slowness.ts';

/**
 * Messages to ourselves. When one is back, the server has handled all that was sent before it. Listeners see none of
 * them, not even one that comes back late.
 */
export class RoundTrips {
  /** So that no message begins with it that this login sends to itself in another way. */
  readonly #prefix = `round trip ${Math.random().toString(36).slice(2)} `;
  readonly #send: (text: string, options: SendOptions) => Promise<void>;
  readonly #waiting = new Map<string, { readonly back: Deferred<void>; readonly question: Question }>();
  readonly #slowness: Pick<Slowness, 'ask' | 'answered'>;
  #count = 0;

  /**
   * @param send sends a private message to ourselves
   * @param slowness hears of each question, and of its answer
   */
  constructor(
    send: (text: string, options: SendOptions) => Promise<void>,
    slowness: Pick<Slowness, 'ask' | 'answered'>,
  ) {
    this.#send = send;
    this.#slowness = slowness;
  }

  /** @throws {ChatosError} as {@link ChatosClient.roundTrip} */
  async make(options: SendOptions): Promise<void> {
    const limits = resolveOptions('send options', options, SEND_OPTIONS);
    const text = `${this.#prefix}${(this.#count += 1)}`;
    const waiting = createDeferred<void>({ ...limits, what: 'the server did not answer' });
    this.#waiting.set(text, { back: waiting, question: this.#slowness.ask() });
    try {
      await Promise.all([waiting.promise, this.#send(text, limits)]);
    } finally {
      this.#waiting.delete(text);
      waiting.resolve();
    }
  }

  /** Whether this private message from ourselves is one of them. */
  returned(text: string): boolean {
    const waiting = this.#waiting.get(text);
    if (waiting) {
      this.#slowness.answered(waiting.question);
      waiting.back.resolve();
    }
    return text.startsWith(this.#prefix);
  }

  /** The one that has been under way for longest; `undefined` where none is. */
  oldest(): Question | undefined {
    return this.#waiting.values().next().value?.question;
  }

  /** Those that are under way will not come back. */
  fail(reason: ChatosError): void {
    for (const { back } of this.#waiting.values()) back.reject(reason);
  }
}
