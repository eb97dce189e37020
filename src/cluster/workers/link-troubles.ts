import type { Logger } from '../../util/log.ts';
import { formatSpan } from '../../util/printable.ts';
import type { Membership } from '../membership.ts';
import type { LinkView } from './messages.ts';
import { isSilent } from './reach.ts';
import { Sayings } from './sayings.ts';

/** What may pass by itself is said when it has not. In milliseconds. */
const PATIENCE_MS = 5_000;
/** The log says that a link breaks when so many of its connections have, one after the other and each after a short time. */
const MANY_BREAKS = 5;
/** A renewal of a lease may arrive so long after it was sent: one that comes later shows that the node still ran. In milliseconds. */
const LATE_MS = 1_000;

/** What is wrong with the links to a node. */
interface Trouble {
  readonly message: string;
  readonly why: string;
  /** Another one where something else is to be said. */
  readonly kind: string;
}

export interface LinkTroublesPlan {
  readonly membership: Pick<Membership, 'others' | 'brokerState' | 'silentMs'>;
  readonly leaseTtlMs: number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** What is wrong between this node and the others, for its log: once for each node, however many workers the two have. */
export class LinkTroubles {
  readonly #plan: LinkTroublesPlan;
  readonly #said = new Sayings();

  constructor(plan: LinkTroublesPlan) {
    this.#plan = plan;
  }

  /** How the links of the workers are now. */
  note(links: readonly LinkView[]): void {
    const { membership, log } = this.#plan;
    for (const { node, peer } of membership.others) {
      const all = links.filter((link) => link.node === node);
      const trouble = this.#troubleOf(node, all);
      if (trouble) {
        const { message, why, kind } = trouble;
        if (this.#said.isDue(`${node} ${kind}`)) log.warn(message, { node, address: peer, why });
      } else if (all.length > 0 && all.every(isWell) && this.#said.forget(`${node} `)) {
        log.info('the links to another node are up', { node, address: peer });
      }
    }
  }

  /** It has gone. */
  forget(node: string): void {
    this.#said.forget(`${node} `);
  }

  #troubleOf(node: string, links: readonly LinkView[]): Trouble | undefined {
    const failed = links.find(({ failure, cutMs }) => failure && (!failure.isPassing || cutMs >= PATIENCE_MS));
    if (failed) return { message: 'cannot connect to another node', why: failed.failure!.why, kind: 'failed' };
    if (links.some(({ breaks }) => breaks >= MANY_BREAKS)) {
      const why = 'its process, this one or something on the way ends each connection within seconds';
      return { message: 'a link to another node breaks again and again', why, kind: 'breaks' };
    }
    const uncalled = links.find(({ isCaller, isUp, cutMs }) => !isCaller && !isUp && cutMs >= PATIENCE_MS);
    return uncalled && this.#uncalled(node, uncalled.cutMs);
  }

  /** The other node is to call, and does not: what this one knows of it. */
  #uncalled(node: string, cutMs: number): Trouble | undefined {
    const { membership, leaseTtlMs } = this.#plan;
    const message = 'another node does not connect to this one';
    const silentMs = membership.silentMs(node);
    if (silentMs < cutMs - LATE_MS) {
      const why = 'it runs, as it has renewed its lease since: its log says why';
      return { message, why, kind: 'runs' };
    }
    if (!membership.brokerState.isReachable) {
      const why = 'without NATS, this node cannot know whether that one runs';
      return { message, why, kind: 'unknown' };
    }
    if (!isSilent(silentMs, leaseTtlMs)) return undefined;
    const why = `it has not renewed its lease for ${formatSpan(silentMs)}: it is dead, hangs or is cut off`;
    return { message, why, kind: 'silent' };
  }
}

function isWell({ isUp, breaks }: LinkView): boolean {
  return isUp && breaks === 0;
}
