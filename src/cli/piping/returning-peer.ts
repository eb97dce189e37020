import type { Channel } from '../../client/channel.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { createDeferred, type Deferred } from '../../util/deferred.ts';

/** The requests of one peer, who comes again when its private connection is lost; the last one counts. */
export class ReturningPeer {
  readonly #onBack: () => void;
  readonly #accept: (request: PrivateRequest, signal: AbortSignal) => Promise<Channel>;
  #request: PrivateRequest | undefined;
  #waiting: Deferred<void> | undefined;

  constructor(onBack: () => void, accept: (request: PrivateRequest, signal: AbortSignal) => Promise<Channel>) {
    this.#onBack = onBack;
    this.#accept = accept;
  }

  /** The peer asks. */
  asks(request: PrivateRequest): void {
    this.#request = request;
    if (this.#waiting?.settled === false) this.#waiting.resolve();
    else this.#onBack();
  }

  /** The channel of its request, which may be there already. */
  async next(signal: AbortSignal): Promise<Channel> {
    if (!this.#request) {
      this.#waiting = createDeferred<void>({ timeoutMs: Infinity, signal, what: 'the peer did not come' });
      await this.#waiting.promise;
    }
    const request = this.#request!;
    this.#request = undefined;
    return this.#accept(request, signal);
  }
}
