import { createDeferred, withResolvers, type Deferred } from '../../util/deferred.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import type { Clock } from '../../util/clock.ts';
import { loginKey } from '../../util/login-key.ts';
import type { AskOptions, Message } from '../plugin/context.ts';

/** The time for an answer, in ms. */
export const DEFAULT_ASK_TIMEOUT_MS = 60_000;
/** The most questions that may wait for one peer. */
const MAX_QUESTIONS = 20;

/** A question that waits for its turn, or for its answer. */
interface Asked {
  readonly answer: Deferred<Message>;
  /** Its turn has come. */
  readonly begin: () => void;
  sent: boolean;
}

interface Question extends Required<Pick<AskOptions, 'timeoutMs'>> {
  readonly signal: AbortSignal | undefined;
  readonly send: () => Promise<void>;
}

/** The questions of an account to peers: one at a time to each peer, in private and in public. */
export class Questions {
  readonly #clock: Clock;
  /** The questions to each peer, in private or in public; the first one is in progress. */
  readonly #asked = new Map<string, Asked[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Sends a question when those before it are over, and returns the answer. The time starts when it has been sent.
   *
   * @throws {ChatosError} `TIMED_OUT`, `ABORTED`, `INTERRUPTED` with whether the peer was `asked`, `QUEUE_FULL`, or what
   *   sending it throws
   */
  async ask(peer: string, isPrivate: boolean, { send, signal, timeoutMs }: Question): Promise<Message> {
    if (!(timeoutMs > 0)) {
      throw new ChatosError('INVALID_ARGUMENT', `timeoutMs must be a number over 0, not ${timeoutMs}`);
    }
    const key = keyOf(peer, isPrivate);
    const asked = this.#asked.get(key) ?? [];
    if (asked.length >= MAX_QUESTIONS) {
      throw new ChatosError('QUEUE_FULL', `${asked.length} questions already wait for ${peer}`, { fields: { peer } });
    }
    const answer = createDeferred<Message>({ timeoutMs: Infinity, signal, what: `no answer from ${peer}` });
    const turn = withResolvers<void>();
    const question: Asked = { answer, begin: turn.resolve, sent: false };
    if (asked.push(question) === 1) turn.resolve();
    this.#asked.set(key, asked);
    let cancel = (): void => undefined;
    try {
      await Promise.race([answer.promise, turn.promise]);
      await Promise.race([answer.promise, send()]);
      question.sent = true;
      cancel = this.#clock.after(timeoutMs, () => {
        const message = `no answer from ${peer} within ${timeoutMs / 1000} s`;
        answer.reject(new ChatosError('TIMED_OUT', message, { fields: { peer, timeoutMs } }));
      });
      return await answer.promise;
    } catch (error) {
      if (!isChatosError(error, 'INTERRUPTED')) throw error;
      const fields = { ...error.fields, peer, asked: question.sent };
      throw new ChatosError('INTERRUPTED', `${error.message} before ${peer} had answered`, { fields });
    } finally {
      cancel();
      // If it could not be sent, it must stop listening to the signal.
      if (!answer.settled) answer.reject(new ChatosError('ABORTED', 'the question was not sent'));
      asked.splice(asked.indexOf(question), 1);
      if (asked.length === 0) this.#asked.delete(key);
      else asked[0]!.begin();
    }
  }

  /** Questions that wait for their turn, or for their answer. */
  get count(): number {
    return Array.from(this.#asked.values(), ({ length }) => length).reduce((sum, length) => sum + length, 0);
  }

  /** Whether a message of a peer would be an answer. */
  awaits(peer: string, isPrivate: boolean): boolean {
    const first = this.#asked.get(keyOf(peer, isPrivate))?.[0];
    return first !== undefined && first.sent && !first.answer.settled;
  }

  /** Resolves the question that a message answers; returns whether there is one. */
  answer(message: Message): boolean {
    if (!this.awaits(message.from, message.private)) return false;
    this.#asked.get(keyOf(message.from, message.private))![0]!.answer.resolve(message);
    return true;
  }
}

function keyOf(peer: string, isPrivate: boolean): string {
  return `${isPrivate ? '>' : '*'}${loginKey(peer)}`;
}
