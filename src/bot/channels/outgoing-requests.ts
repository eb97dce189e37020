import type { Channel } from '../../client/channel.ts';
import { REQUEST_OPTIONS, type RequestOptions } from '../../client/options.ts';
import { withEither } from '../../util/abort.ts';
import { ChatosError, isChatosError, messageOf } from '../../errors.ts';
import { resolveOptions } from '../../util/option-table.ts';
import { awaitPeer } from '../running/current-call.ts';
import { limitChannel, onceClosed } from './channel-limits.ts';
import type { ChannelScope } from './open-channels.ts';

/** The private connections that the plugins of an account request from peers. */
export class OutgoingRequests {
  readonly #settings: ChannelScope;

  constructor(settings: ChannelScope) {
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
    void awaitPeer(
      channel.then(
        (opened) => new Promise<void>((resolve) => onceClosed(opened, resolve)),
        () => undefined,
      ),
    );
    return channel;
  }

  /** By the runtime's clock, not the client's. */
  async #request(
    peer: string,
    options: RequestOptions & { readonly signal: AbortSignal },
    bot: string,
  ): Promise<Channel> {
    const { timeoutMs } = resolveOptions('request options', options, REQUEST_OPTIONS);
    const { signal } = options;
    const { account, client, clock, observer } = this.#settings;
    const late = new AbortController();
    const giveUp = (): void => {
      const message = `no private connection with ${peer} within ${timeoutMs / 1000} s`;
      late.abort(new ChatosError('TIMED_OUT', message, { fields: { peer, timeoutMs } }));
    };
    // Given up already: nothing is sent.
    if (timeoutMs <= 0) giveUp();
    const cancel = clock.after(timeoutMs, giveUp);
    try {
      const channel = await withEither(signal, late.signal, (either) =>
        client.request(peer, { timeoutMs: Infinity, signal: either }),
      );
      observer({ type: 'requested', ...account, to: peer, outcome: 'opened' });
      void this.#adopt(channel, bot);
      return channel;
    } catch (error) {
      // What can never be sent was not requested.
      if (isChatosError(error) && error.code !== 'INVALID_PACKET') {
        observer({ type: 'requested', ...account, to: peer, outcome: error.code });
      }
      throw error;
    } finally {
      cancel();
    }
  }

  /** The policy never refuses it, but limits its time as for others; where that fails, it is broken off. */
  async #adopt(channel: Channel, bot: string): Promise<void> {
    const { account, clock, ledger, channels, log } = this.#settings;
    const { peer } = channel;
    channels.add(channel, bot);
    try {
      limitChannel(channel, await ledger.adopt({ ...account, bot, peer }), clock);
    } catch (error) {
      log.error(`private connection broken off, as it cannot be limited: ${messageOf(error)}`, { peer, bot });
      channel.destroy();
    }
  }
}
