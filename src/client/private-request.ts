import { ChatosError } from '../errors.ts';
import type { Channel } from './channel.ts';

/** How a request is accepted. */
export interface AcceptOptions {
  /** Gives the private connection up while it is being opened. */
  readonly signal?: AbortSignal | undefined;
}

/** A peer's request for a private connection, to be accepted or refused once. */
export class PrivateRequest {
  /** Who asks. */
  readonly from: string;
  readonly #answer: { accept(options: AcceptOptions): Promise<Channel>; refuse(): void };
  #answered = false;

  /** @internal Clients make requests. */
  constructor(from: string, answer: { accept(options: AcceptOptions): Promise<Channel>; refuse(): void }) {
    this.from = from;
    this.#answer = answer;
  }

  /** Whether it was accepted or refused already. */
  get answered(): boolean {
    return this.#answered;
  }

  /**
   * Accepts, and opens our half.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` where it was answered already; `TIMED_OUT`, `CONNECTION_LOST`,
   *   `NOT_CONNECTED` or `ABORTED` if the channel was not established
   */
  async accept(options: AcceptOptions = {}): Promise<Channel> {
    if (this.#answered) {
      throw new ChatosError('INVALID_ARGUMENT', `the request of ${this.from} was answered already`);
    }
    this.#answered = true;
    return await this.#answer.accept(options);
  }

  /** Refuses. Does nothing where it was answered already. */
  refuse(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#answer.refuse();
  }
}
