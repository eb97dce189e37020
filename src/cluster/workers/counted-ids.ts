import type { Counted, NegotiatedId } from '../../server/others.ts';
import type { Peer } from './peer.ts';

/**
 * The connect ids of this worker that a client of another one has asked for: that one counts them, too, as each worker counts
 * all ids of its own clients (P11).
 */
export class CountedIds {
  /** By their numbers among those that have connect ids. */
  readonly #peers: ReadonlyMap<number, Peer>;
  /** Those alive, and who counts each. */
  readonly #ids = new Map<bigint, { readonly id: NegotiatedId; readonly home: number }>();

  constructor(peers: ReadonlyMap<number, Peer>) {
    this.#peers = peers;
  }

  /** Has another worker count one; where that has gone, so has its client. */
  count(at: Peer, id: NegotiatedId): Promise<Counted> {
    this.#ids.set(id.connectId, { id, home: at.home });
    return at.ask<Counted>((question) => ({ is: 'id', id, question }), 'left');
  }

  /** One is alive no longer. */
  discount(connectId: bigint): void {
    const counted = this.#ids.get(connectId);
    if (!counted) return;
    this.#ids.delete(connectId);
    this.#peers.get(counted.home)?.link.note({ is: 'idOver', connectId });
  }

  /** A worker has been met: it may be one that was lost for a while, and has forgotten what it counted. */
  tell(peer: Peer): void {
    for (const { id, home } of this.#ids.values()) {
      if (home === peer.home) peer.link.note({ is: 'id', id, question: undefined });
    }
  }
}
