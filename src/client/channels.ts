import type { ChatosError } from '../errors.ts';
import { SIGN_OF_LIFE_MS } from '../net/dead-link.ts';
import { loginKey } from '../util/login-key.ts';
import type { Channel } from './channel.ts';

/** How long a packet 12 waits for the server to end the half that it belongs to. */
const MATCH_MS = 1_000;

/**
 * The channels of a client. Packet 12 names the peer that closed a channel, not the channel: where several could be meant,
 * it is the one whose half the server ends next, one that is still being established included; where none is ended, one
 * that the peer had half-closed.
 */
export class ClientChannels {
  readonly #open = new Set<Channel>();
  /** By peer: connect ids that have come, whose channel is not open yet. */
  readonly #establishing = new Map<string, number>();
  /** Packets 12 that have not met their channel yet. */
  readonly #announced = new Set<{ readonly key: string; readonly timer: NodeJS.Timeout }>();
  readonly #onAllClosed: (() => void)[] = [];

  get size(): number {
    return this.#open.size;
  }

  /** A connect id has come: one of `opened` and `failed` follows. */
  establishing(peer: string): void {
    this.#countEstablishing(loginKey(peer), 1);
  }

  opened(channel: Channel): void {
    this.#countEstablishing(loginKey(channel.peer), -1);
    this.#open.add(channel);
    channel.once('inputEnd', () => {
      if (this.#meetAnnounced(loginKey(channel.peer))) channel.markClosedByPeer();
    });
    channel.once('close', () => {
      this.#open.delete(channel);
      if (this.#open.size > 0) return;
      for (const resolve of this.#onAllClosed.splice(0)) resolve();
    });
  }

  failed(peer: string, closedByServer: boolean): void {
    this.#countEstablishing(loginKey(peer), -1);
    if (closedByServer) this.#meetAnnounced(loginKey(peer));
  }

  /** Resolves when none is open. */
  allClosed(): Promise<void> {
    return this.#open.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#onAllClosed.push(resolve));
  }

  /** Packet 12 has come: the peer closed one of its channels with us. */
  onClosed(peer: string): void {
    const key = loginKey(peer);
    const candidates = this.#openWith(key);
    const establishing = this.#establishing.get(key) ?? 0;
    if (candidates.length === 1 && establishing === 0) {
      candidates[0]!.markClosedByPeer();
    } else if (candidates.length + establishing > 0) {
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

  /**
   * The session was lost because the server does not answer any more: breaks the channels there that show no sign of life, as
   * the system tries to send for 15 minutes. What it takes to send is one only if the server can be reached again.
   */
  breakUnlessAlive(cause: ChatosError, reaching: Promise<boolean>, isThere: (channel: Channel) => boolean): void {
    let reached = false;
    void reaching.then((alive) => (reached = alive));
    const there = [...this.#open].filter(isThere);
    const before = there.map((channel) => [channel, channel.bytesReceived, channel.bytesMoved] as const);
    setTimeout(() => {
      for (const [channel, received, sent] of before) {
        const lives = channel.bytesReceived > received || (reached && channel.bytesMoved > sent);
        if (!lives) channel.breakDead(cause);
      }
    }, SIGN_OF_LIFE_MS).unref();
  }

  /** Breaks them all. */
  destroy(): void {
    for (const channel of this.#open) channel.destroy();
  }

  /** Whether a packet 12 of that peer waits for its channel; it has met it then. */
  #meetAnnounced(key: string): boolean {
    for (const announced of this.#announced) {
      if (announced.key !== key) continue;
      clearTimeout(announced.timer);
      this.#announced.delete(announced);
      return true;
    }
    return false;
  }

  #countEstablishing(key: string, change: 1 | -1): void {
    const count = (this.#establishing.get(key) ?? 0) + change;
    if (count === 0) this.#establishing.delete(key);
    else this.#establishing.set(key, count);
  }

  #openWith(key: string): Channel[] {
    return [...this.#open].filter((channel) => loginKey(channel.peer) === key && !channel.closedByPeer);
  }
}
