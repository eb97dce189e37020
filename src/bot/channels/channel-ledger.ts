import type { Channel, ChannelRole } from '../../client/channel.ts';
import { loginKey } from '../../util/login-key.ts';
import { RequestRate } from './request-rate.ts';

/** An account that has channels. */
export interface ChannelAccount {
  /** The server's address: the same login on another server is another account. */
  readonly server: string;
  readonly login: string;
}

/** A bot, its account, and its peer. */
export interface ChannelParties extends ChannelAccount {
  /** The plugin's name. */
  readonly bot: string;
  readonly peer: string;
}

/** A private connection that is open. */
export interface OpenChannel extends ChannelParties {
  /** Whether the bot requested it, or the peer. */
  readonly role: ChannelRole;
  readonly openedAt: Date;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** The totals of all private connections of an account, closed and open ones. */
export interface ChannelTotals {
  readonly opened: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

/** A reserved place: for a request that is being decided, or a channel that is opening or open. */
export interface ChannelPlace {
  /** The channel is open; the place is free again when it closes. */
  open(channel: Channel, openedAt: Date): void;
  /** Frees the place; does nothing the second time. */
  release(): void;
}

const NO_CHANNELS: ChannelTotals = { opened: 0, bytesReceived: 0, bytesSent: 0 };

interface Entry {
  readonly parties: ChannelParties;
  opened?: { readonly channel: Channel; readonly at: Date };
}

/** What the limits of a policy count, over all accounts of a process: places for channels, and the rate of requests. */
export class ChannelLedger {
  readonly #entries = new Set<Entry>();
  /** The totals of the closed channels of each account. */
  readonly #closed = new Map<string, ChannelTotals>();
  /** How many requests each peer has made. */
  readonly rate = new RequestRate();

  /** The open private connections. */
  get channels(): readonly OpenChannel[] {
    return [...this.#entries].flatMap(({ parties, opened }) => {
      if (!opened) return [];
      const { role, bytesReceived: bytesIn, bytesSent: bytesOut } = opened.channel;
      return [{ ...parties, role, openedAt: opened.at, bytesIn, bytesOut }];
    });
  }

  /** The totals of an account's channels so far. */
  totals(account: ChannelAccount): ChannelTotals {
    const key = accountKey(account);
    let totals = this.#closed.get(key) ?? NO_CHANNELS;
    for (const { parties, opened } of this.#entries) {
      if (opened && accountKey(parties) === key) totals = plus(totals, opened.channel);
    }
    return totals;
  }

  /** Reserved places: in total, of the peer with any bot, of the bot with any peer. */
  count(parties: ChannelParties): { total: number; peer: number; bot: number } {
    const [peer, bot] = [peerKey(parties), botKey(parties)];
    const counts = { total: this.#entries.size, peer: 0, bot: 0 };
    for (const { parties: each } of this.#entries) {
      if (peerKey(each) === peer) counts.peer += 1;
      if (botKey(each) === bot) counts.bot += 1;
    }
    return counts;
  }

  /** Reserves a place, whatever the limits are. */
  reserve(parties: ChannelParties): ChannelPlace {
    const entry: Entry = { parties };
    this.#entries.add(entry);
    const release = (): void => void this.#entries.delete(entry);
    return {
      open: (channel, at) => {
        entry.opened = { channel, at };
        const closed = (): void => {
          release();
          const key = accountKey(parties);
          this.#closed.set(key, plus(this.#closed.get(key) ?? NO_CHANNELS, channel));
        };
        if (channel.destroyed) closed();
        else channel.once('close', closed);
      },
      release,
    };
  }
}

/** Identifies a peer: a login on a server. */
export function peerKey({ server, peer }: Pick<ChannelParties, 'server' | 'peer'>): string {
  return `${server} ${loginKey(peer)}`;
}

function accountKey({ server, login }: ChannelAccount): string {
  return `${server} ${loginKey(login)}`;
}

function plus(totals: ChannelTotals, { bytesReceived, bytesSent }: Channel): ChannelTotals {
  return {
    opened: totals.opened + 1,
    bytesReceived: totals.bytesReceived + bytesReceived,
    bytesSent: totals.bytesSent + bytesSent,
  };
}

function botKey({ server, login, bot }: ChannelParties): string {
  return JSON.stringify([server, loginKey(login), bot]);
}
