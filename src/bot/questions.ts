import { startWaiting, type Waiting } from '../client/wait.ts';
import { ChatosError } from '../errors.ts';
import type { Clock } from '../util/clock.ts';
import { loginKey } from '../util/login-key.ts';
import type { AskOptions, Message } from './context.ts';

/** How long an answer is waited for, in ms. */
export const DEFAULT_ASK_TIMEOUT_MS = 60_000;
/** Questions that may wait for one peer. */
const MAX_QUESTIONS = 20;

/** A question that waits for its answer, or for its turn. */
interface Asked {
  readonly answer: Waiting<Message>;
  /** Whether it has been put. */
  put: boolean;
}

interface Question extends Required<Pick<AskOptions, 'timeoutMs'>> {
  readonly signal: AbortSignal | undefined;
  /** Puts it to the peer. */
  readonly put: () => Promise<void>;
}

/** The questions that an account has put to peers and that wait for their answer; one at a time for each peer and place. */
export class Questions {
  readonly #clock: Clock;
  /** The questions for each peer and place, the first of them under way. */
  readonly #asked = new Map<string, Asked[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Puts a question when those before it are answered, and returns the answer.
   *
   * @throws {ChatosError} `TIMED_OUT`, `ABORTED`, `QUEUE_FULL`, or what sending it throws
   */
  async ask(peer: string, isPrivate: boolean, { put, signal, timeoutMs }: Question): Promise<Message> {
    const key = keyOf(peer, isPrivate);
    const asked = this.#asked.get(key) ?? [];
    if (asked.length >= MAX_QUESTIONS) {
      throw new ChatosError('QUEUE_FULL', `${asked.length} questions wait for ${peer} already`, { fields: { peer } });
    }
    const answer = startWaiting<Message>({ timeoutMs: Infinity, signal, what: `no answer from ${peer}` });
    answer.promise.catch(() => undefined);
    const before = asked.at(-1);
    const question: Asked = { answer, put: false };
    asked.push(question);
    this.#asked.set(key, asked);
    const cancel = this.#clock.after(timeoutMs, () => {
      const message = `no answer from ${peer} within ${timeoutMs / 1000} s`;
      answer.reject(new ChatosError('TIMED_OUT', message, { fields: { peer, timeoutMs } }));
    });
    try {
      await before?.answer.promise.catch(() => undefined);
      if (!answer.settled) await Promise.race([put(), answer.promise]);
      question.put = true;
      return await answer.promise;
    } finally {
      cancel();
      asked.splice(asked.indexOf(question), 1);
      if (asked.length === 0) this.#asked.delete(key);
    }
  }

  /** Whether a message is the answer that somebody waits for; it is handed over then. */
  take(message: Message): boolean {
    const first = this.#asked.get(keyOf(message.from, message.private))?.[0];
    if (!first?.put || first.answer.settled) return false;
    first.answer.resolve(message);
    return true;
  }
}

function keyOf(peer: string, isPrivate: boolean): string {
  return `${isPrivate ? '>' : '*'}${loginKey(peer)}`;
}
