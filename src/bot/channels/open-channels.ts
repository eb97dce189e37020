import type { Channel } from '../../client/channel.ts';
import type { AccountScope } from '../running/account-scope.ts';
import type { AccountStatus, ChannelStatus } from '../status.ts';
import type { ChannelLedger } from './channel-ledger.ts';
import { onceClosed } from './channel-limits.ts';

/** The private connections of an account that are open, and what all of them came to, the closed ones included. */
export class OpenChannels {
  readonly #scope: AccountScope;
  readonly #open = new Map<Channel, Pick<ChannelStatus, 'bot' | 'openedAt'>>();
  readonly #closed = { opened: 0, bytesReceived: 0, bytesSent: 0 };

  constructor(scope: AccountScope) {
    this.#scope = scope;
  }

  /** Counts a channel of a bot, and reports its end. */
  add(channel: Channel, bot: string): void {
    const { account, observer, clock } = this.#scope;
    this.#open.set(channel, { bot, openedAt: clock.now() });
    onceClosed(channel, () => {
      this.#open.delete(channel);
      count(this.#closed, channel);
      const { peer, bytesReceived, bytesSent } = channel;
      observer({ type: 'closed', ...account, peer, bytesReceived, bytesSent });
    });
  }

  get status(): readonly ChannelStatus[] {
    return Array.from(this.#open, ([{ peer, role, bytesReceived, bytesSent }, { bot, openedAt }]) => {
      return { peer, bot, role, openedAt, bytesReceived, bytesSent };
    });
  }

  get totals(): AccountStatus['channelTotals'] {
    const totals = { ...this.#closed };
    for (const channel of this.#open.keys()) count(totals, channel);
    return totals;
  }
}

function count(totals: { opened: number; bytesReceived: number; bytesSent: number }, channel: Channel): void {
  totals.opened += 1;
  totals.bytesReceived += channel.bytesReceived;
  totals.bytesSent += channel.bytesSent;
}

/** What those share that make and accept the private connections of an account. */
export interface ChannelScope extends AccountScope {
  readonly ledger: ChannelLedger;
  readonly channels: OpenChannels;
}
