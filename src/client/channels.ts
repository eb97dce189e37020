import { loginKey } from '../util/login-key.ts';
import type { Channel } from './channel.ts';

/** How long a packet 12 waits for the server to end the half it belongs to. */
const MATCH_MS = 1_000;

/**
 * The open channels of a client. Packet 12 names the peer that closed a channel, not the channel: with several to the
 * same peer, it is the one whose half the server ends next; where none is ended, one that the peer had half-closed.
 */
export class OpenChannels {
  readonly #channels = new Set<Channel>();
  /** Packets 12 that have not met their channel yet. */
  readonly #announced = new Set<{ readonly key: string; readonly timer: NodeJS.Timeout }>();

  readonly #onAllClosed: (() => void)[] = [];

  get size(): number {
    return this.#channels.size;
  }

  add(channel: Channel): void {
    this.#channels.add(channel);
    channel.once('inputEnd', () => this.#onInputEnd(channel));
    channel.once('close', () => {
      this.#channels.delete(channel);
      if (this.#channels.size > 0) return;
      for (const resolve of this.#onAllClosed.splice(0)) resolve();
    });
  }

  /** Resolves when none is open. */
  allClosed(): Promise<void> {
    return this.#channels.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#onAllClosed.push(resolve));
  }

  /** Packet 12 has come: the peer closed one of its channels with us. */
  onClosed(peer: string): void {
    const key = loginKey(peer);
    const candidates = this.#openWith(key);
    if (candidates.length === 1) {
      candidates[0]!.markClosedByPeer();
    } else if (candidates.length > 1) {
      const announced = {
        key,
        timer: setTimeout(() => {
          this.#announced.delete(announced);
          this.#openWith(key)
            .find(({ inputEnded }) => inputEnded)
            ?.markClosedByPeer();
        }, MATCH_MS).unref(),
      };
      this.#announced.add(announced);
    }
  }

  /** Breaks them all. */
  destroy(): void {
    for (const channel of this.#channels) channel.destroy();
  }

  #onInputEnd(channel: Channel): void {
    const key = loginKey(channel.peer);
    for (const announced of this.#announced) {
      if (announced.key !== key) continue;
      clearTimeout(announced.timer);
      this.#announced.delete(announced);
      channel.markClosedByPeer();
      return;
    }
  }

  #openWith(key: string): Channel[] {
    return [...this.#channels].filter((channel) => loginKey(channel.peer) === key && !channel.closedByPeer);
  }
}
