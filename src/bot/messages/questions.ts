import { createDeferred, withResolvers, type Deferred } from '../../util/deferred.ts';
import { ChatosError } from '../../errors.ts';
import { MAX_TIMER_MS, type Clock } from '../../util/clock.ts';
import { loginKey } from '../../util/login-key.ts';
import type { AskOptions, Message } from '../plugin/context.ts';

/** How long an answer is waited for, in ms. */
export const DEFAULT_ASK_TIMEOUT_MS = 60_000;
/** Questions that may wait for one peer. */
const MAX_QUESTIONS = 20;

/** A question that waits for its turn, or for its answer. */
interface Asked {
  readonly answer: Deferred<Message>;
  /** Lets it be put. */
  readonly begin: () => void;
  /** Whether it has been put. */
  put: boolean;
}

interface Question extends Required<Pick<AskOptions, 'timeoutMs'>> {
  readonly signal: AbortSignal | undefined;
  /** Puts it to the peer. */
  readonly put: () => Promise<void>;
}

/** The questions that an account has for peers; one at a time is put to each peer in each place. */
export class Questions {
  readonly #clock: Clock;
  /** The questions for each peer and place, the first of them under way. */
  readonly #asked = new Map<string, Asked[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Puts a question when those before it are over, and returns the answer. The time begins when it has been put.
   *
   * @throws {ChatosError} `TIMED_OUT`, `ABORTED`, `QUEUE_FULL`, or what sending it throws
   */
  async ask(peer: string, isPrivate: boolean, { put, signal, timeoutMs }: Question): Promise<Message> {
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
    const question: Asked = { answer, begin: turn.resolve, put: false };
    if (asked.push(question) === 1) turn.resolve();
    this.#asked.set(key, asked);
    let cancel = (): void => undefined;
    try {
      await Promise.race([answer.promise, turn.promise]);
      await Promise.race([answer.promise, put()]);
      question.put = true;
      if (timeoutMs <= MAX_TIMER_MS) {
        cancel = this.#clock.after(timeoutMs, () => {
          const message = `no answer from ${peer} within ${timeoutMs / 1000} s`;
          answer.reject(new ChatosError('TIMED_OUT', message, { fields: { peer, timeoutMs } }));
        });
      }
      return await answer.promise;
    } finally {
      cancel();
      // Where it could not be put, it must not go on listening to the signal.
      if (!answer.settled) answer.reject(new ChatosError('ABORTED', 'the question was not sent'));
      asked.splice(asked.indexOf(question), 1);
      if (asked.length === 0) this.#asked.delete(key);
      else asked[0]!.begin();
    }
  }

  /** Whether a message is the answer that somebody waits for; it is handed over then. */
  answer(message: Message): boolean {
    const first = this.#asked.get(keyOf(message.from, message.private))?.[0];
    if (!first?.put || first.answer.settled) return false;
    first.answer.resolve(message);
    return true;
  }
}

function keyOf(peer: string, isPrivate: boolean): string {
  return `${isPrivate ? '>' : '*'}${loginKey(peer)}`;
}
