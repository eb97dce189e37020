import type { ChatosClient } from '../../client/client.ts';
import { isChatosError } from '../../errors.ts';
import { createDeferred } from '../../util/deferred.ts';

/** How long the server may take to confirm what was sent to it. */
const CONFIRM_TIMEOUT_MS = 10_000;
/** Some servers do not return messages to oneself: what is said to one login counts as confirmed then. */
const UNCONFIRMED_AFTER_MS = 2_000;
/** Texts that the server may not have confirmed yet. */
const MAX_UNCONFIRMED = 256;

/**
 * Sends texts in order, over as many sessions as it takes. What the server had confirmed when a session was lost is not
 * sent again, all else is.
 */
export class Delivery {
  readonly #client: ChatosClient;
  readonly #to: string | undefined;
  readonly #signal: AbortSignal;
  readonly #isWatched: boolean;
  /** Whether the server has confirmed anything: not each server does what is said to one login. */
  #confirms = false;
  /** Those of the last sessions too. */
  readonly #unconfirmed: string[] = [];
  /** How many of them went out in this session. */
  #sent = 0;
  #sending: Promise<void> | undefined;
  #confirming: Promise<void> | undefined;

  /**
   * @param to one login, or `undefined` for everyone
   * @param isWatched whether a heartbeat gives up a server that is silent: then one that is slow is waited for
   */
  constructor(client: ChatosClient, to: string | undefined, signal: AbortSignal, isWatched = false) {
    this.#client = client;
    this.#to = to;
    this.#signal = signal;
    this.#isWatched = isWatched;
    client.on('disconnected', () => (this.#sent = 0));
    client.on('connected', () => {
      if (this.#unconfirmed.length > 0)
        void this.#sendAll()
          .then(() => this.#confirm(), ignore)
          .catch(ignore);
    });
  }

  /**
   * Sends a text; done when the system has taken it.
   *
   * @throws {ChatosError} as {@link ChatosClient.say}, without those of a lost session; `ABORTED`
   */
  async send(text: string): Promise<void> {
    this.#unconfirmed.push(text);
    while (this.#sent < this.#unconfirmed.length) await this.#sendAll();
    const confirming = this.#confirm();
    if (this.#unconfirmed.length >= MAX_UNCONFIRMED) await confirming;
  }

  /**
   * Done when the server has confirmed all.
   *
   * @throws {ChatosError} as {@link Delivery.send}
   */
  async finish(): Promise<void> {
    while (this.#unconfirmed.length > 0) {
      await connected(this.#client, this.#signal);
      await this.#sendAll();
      await this.#confirm();
    }
  }

  #sendAll(): Promise<void> {
    this.#sending ??= this.#sendNext().finally(() => (this.#sending = undefined));
    return this.#sending;
  }

  async #sendNext(): Promise<void> {
    while (this.#sent < this.#unconfirmed.length) {
      await connected(this.#client, this.#signal);
      const text = this.#unconfirmed[this.#sent]!;
      this.#sent += 1;
      const limits = this.#isWatched ? { timeoutMs: Infinity, signal: this.#signal } : {};
      try {
        await (this.#to === undefined ? this.#client.say(text, limits) : this.#client.tell(this.#to, text, limits));
      } catch (error) {
        if (!isLoss(error)) throw error;
      }
    }
  }

  /** One question at a time: it is the same for all that was sent before. */
  #confirm(): Promise<void> {
    this.#confirming ??= this.#askForAll().finally(() => (this.#confirming = undefined));
    // The one that waits for the last one sees the failure.
    this.#confirming.catch(ignore);
    return this.#confirming;
  }

  async #askForAll(): Promise<void> {
    const count = this.#sent;
    try {
      const untilConfirmed = this.#to === undefined ? CONFIRM_TIMEOUT_MS : UNCONFIRMED_AFTER_MS;
      const timeoutMs = this.#isWatched && this.#confirms ? Infinity : untilConfirmed;
      await this.#client.roundTrip({ timeoutMs, signal: this.#signal });
      this.#confirms = true;
    } catch (error) {
      if (isLoss(error)) return;
      if (this.#to === undefined || !isChatosError(error, 'TIMED_OUT')) throw error;
    }
    this.#unconfirmed.splice(0, count);
    this.#sent = Math.max(this.#sent - count, 0);
  }
}

const isLoss = (error: unknown): boolean =>
  isChatosError(error, 'CONNECTION_LOST') || isChatosError(error, 'NOT_CONNECTED');

const ignore = (): void => undefined;

async function connected(client: ChatosClient, signal: AbortSignal): Promise<void> {
  if (client.connected) return;
  const waiting = createDeferred<void>({ timeoutMs: Infinity, signal, what: 'no session' });
  client.once('connected', () => waiting.resolve());
  await waiting.promise;
}
