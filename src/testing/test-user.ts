import type { Channel } from '../client/channel.ts';
import type { ChatosClient } from '../client/client.ts';
import type { ChatMessage } from '../client/client-events.ts';
import type { RequestOptions } from '../client/options.ts';
import type { PrivateRequest } from '../client/private-request.ts';
import { createDeferred } from '../util/deferred.ts';
import type { ChatosError } from '../errors.ts';
import { startTimer } from '../util/timeout.ts';
import { resolveTimeout } from './options.ts';

/** How long an expectation waits, in milliseconds. */
const DEFAULT_EXPECT_TIMEOUT_MS = 5_000;
/** Messages that are kept for a user; the oldest are dropped first. */
const MAX_HEARD = 100_000;

/** The expected message: a text, a pattern, or a condition. */
export type Expected = string | RegExp | ((message: ChatMessage) => boolean);

/** A scripted user of a {@link TestNetwork}, which sends messages and expects others. */
export class TestUser {
  /** Its login. */
  readonly login: string;
  readonly #client: ChatosClient;
  readonly #settled: () => Promise<void>;
  readonly #heard: ChatMessage[] = [];
  /** Heard, and not yet matched by an expectation. */
  readonly #unmet: ChatMessage[] = [];
  readonly #onHeard = new Set<() => void>();

  /**
   * A user with its own client.
   *
   * @internal A {@link TestNetwork} makes them.
   * @param settled resolves when the bots have answered
   */
  constructor(client: ChatosClient, settled: () => Promise<void>) {
    this.login = client.login;
    this.#client = client;
    this.#settled = settled;
    client.on('message', (message) => {
      if (message.own) return;
      for (const list of [this.#heard, this.#unmet]) {
        list.push(message);
        if (list.length > MAX_HEARD) list.shift();
      }
      for (const look of this.#onHeard) look();
    });
  }

  /** All messages from others so far, to it or to everyone. */
  get heard(): readonly ChatMessage[] {
    return [...this.#heard];
  }

  /** Sends a message to everyone. */
  say(text: string): Promise<void> {
    return this.#client.say(text);
  }

  /** Sends a message to one user. */
  tell(to: string, text: string): Promise<void> {
    return this.#client.tell(to, text);
  }

  /**
   * Returns the next message from others that is as expected; those before it are ignored.
   *
   * @throws {Error} with all messages so far, if none comes in time
   */
  async expects(expected: Expected, timeoutMs: number = DEFAULT_EXPECT_TIMEOUT_MS): Promise<ChatMessage> {
    const deadline = performance.now() + resolveTimeout('expects', { timeoutMs }, timeoutMs);
    const ignored: string[] = [];
    for (;;) {
      for (let next = this.#unmet.shift(); next; next = this.#unmet.shift()) {
        if (typeof expected === 'function' ? expected(next) : isAsExpected(next.text, expected)) return next;
        ignored.push(`${next.from}: ${next.text}`);
      }
      if (!(await this.#hears(deadline - performance.now()))) break;
    }
    const heard = ignored.length === 0 ? 'heard nothing' : `heard:\n${ignored.join('\n')}`;
    throw new Error(`${this.login} expected ${String(expected)} within ${timeoutMs} ms, but ${heard}`);
  }

  /**
   * Expects no further message, once the bots have settled ({@link TestNetwork.settled}).
   *
   * @throws {Error} with all messages so far
   */
  async expectsNothing(): Promise<void> {
    await this.#settled();
    if (this.#unmet.length === 0) return;
    const heard = this.#unmet.splice(0).map(({ from, text }) => `${from}: ${text}`);
    throw new Error(`${this.login} expected nothing, but heard:\n${heard.join('\n')}`);
  }

  /** Requests a private connection. Rejects as the client does: `REQUEST_REFUSED`, `TIMED_OUT`. */
  request(peer: string, options: RequestOptions = {}): Promise<Channel> {
    return this.#client.request(peer, { timeoutMs: DEFAULT_EXPECT_TIMEOUT_MS, ...options });
  }

  /** Accepts the next private request. Rejects if none comes in time. */
  async acceptNext(timeoutMs: number = DEFAULT_EXPECT_TIMEOUT_MS): Promise<Channel> {
    const waiting = createDeferred<Channel>({
      timeoutMs: resolveTimeout('acceptNext', { timeoutMs }, timeoutMs),
      what: `${this.login} was not asked for a private connection`,
    });
    const onRequest = (request: PrivateRequest): void => {
      // Of several that wait, one accepts it.
      if (request.answered) return;
      this.#client.off('request', onRequest);
      void request.accept().then(
        (channel) => waiting.resolve(channel),
        (error: ChatosError) => waiting.reject(error),
      );
    };
    this.#client.on('request', onRequest);
    try {
      return await waiting.promise;
    } finally {
      this.#client.off('request', onRequest);
    }
  }

  /** Logs out. */
  leave(): Promise<void> {
    return this.#client.close();
  }

  #hears(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (heard: boolean): void => {
        clearTimeout(timer);
        this.#onHeard.delete(look);
        resolve(heard);
      };
      const look = (): void => done(true);
      const timer = startTimer(timeoutMs, () => done(false));
      this.#onHeard.add(look);
    });
  }
}

/** Whether a text is this one, or has this pattern. */
export function isAsExpected(text: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? text === expected : text.search(expected) >= 0;
}
