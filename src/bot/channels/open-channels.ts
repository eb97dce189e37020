import type { Channel } from '../../client/channel.ts';
import type { AccountStatus, ChannelStatus } from '../status.ts';

interface OpenChannel {
  readonly channel: Channel;
  readonly bot: string;
  readonly openedAt: Date;
}

/** The private connections of an account that are open, and what all of them came to, the closed ones included. */
export class OpenChannels {
  readonly #open = new Set<OpenChannel>();
  readonly #closed = { opened: 0, bytesReceived: 0, bytesSent: 0 };

  add(channel: Channel, bot: string, openedAt: Date): void {
    const entry = { channel, bot, openedAt };
    this.#open.add(entry);
    const closed = (): void => {
      this.#open.delete(entry);
      this.#closed.opened += 1;
      this.#closed.bytesReceived += channel.bytesReceived;
      this.#closed.bytesSent += channel.bytesSent;
    };
    if (channel.destroyed) closed();
    else channel.once('close', closed);
  }

  get status(): readonly ChannelStatus[] {
    return Array.from(this.#open, ({ channel, bot, openedAt }) => {
      const { peer, role, bytesReceived, bytesSent } = channel;
      return { peer, bot, role, openedAt, bytesReceived, bytesSent };
    });
  }

  get totals(): AccountStatus['channelTotals'] {
    const totals = { ...this.#closed };
    for (const { channel } of this.#open) {
      totals.opened += 1;
      totals.bytesReceived += channel.bytesReceived;
      totals.bytesSent += channel.bytesSent;
    }
    return totals;
  }
}
