import type { Channel } from '../../client/channel.ts';
import type { ChatosClient } from '../../client/client.ts';
import { DEFAULT_REQUEST_TIMEOUT_MS, type RequestOptions } from '../../client/options.ts';
import { withEither } from '../../util/abort.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import type { Clock } from '../../util/clock.ts';
import { awaitPeer } from '../running/current-call.ts';
import type { OfAccount, RuntimeObserver } from '../events.ts';

export interface OutgoingRequestsSettings {
  readonly account: OfAccount;
  readonly client: ChatosClient;
  readonly clock: Clock;
  readonly observer: RuntimeObserver;
  /** Counts a channel of a bot for the account. */
  readonly onOpened: (channel: Channel, bot: string) => void;
}

/** The private connections that the plugins of an account request from peers. */
export class OutgoingRequests {
  readonly #settings: OutgoingRequestsSettings;

  constructor(settings: OutgoingRequestsSettings) {
    this.#settings = settings;
  }

  /**
   * Requests a private connection with a peer for a bot.
   *
   * @throws {ChatosError} as {@link ChatosClient.request}
   */
  make(peer: string, options: RequestOptions & { readonly signal: AbortSignal }, bot: string): Promise<Channel> {
    const channel = this.#request(peer, options, bot);
    // A hook works on its channel as long as that is open, mostly by waiting for the peer.
    void awaitPeer(channel.then(closed, () => undefined));
    return channel;
  }

  /** By the runtime's clock, not the client's. */
  async #request(
    peer: string,
    { timeoutMs = DEFAULT_REQUEST_TIMEOUT_MS, signal }: RequestOptions & { readonly signal: AbortSignal },
    bot: string,
  ): Promise<Channel> {
    const { account, client, clock, observer, onOpened } = this.#settings;
    const late = new AbortController();
    const cancel = clock.after(timeoutMs, () => {
      const message = `no private connection with ${peer} within ${timeoutMs / 1000} s`;
      late.abort(new ChatosError('TIMED_OUT', message, { fields: { peer, timeoutMs } }));
    });
    try {
      const channel = await withEither(signal, late.signal, (either) =>
        client.request(peer, { timeoutMs: Infinity, signal: either }),
      );
      observer({ type: 'requested', ...account, to: peer, outcome: 'opened' });
      onOpened(channel, bot);
      return channel;
    } catch (error) {
      if (isChatosError(error)) observer({ type: 'requested', ...account, to: peer, outcome: error.code });
      throw error;
    } finally {
      cancel();
    }
  }
}

function closed(channel: Channel): Promise<void> | undefined {
  return channel.destroyed ? undefined : new Promise((resolve) => channel.once('close', () => resolve()));
}
