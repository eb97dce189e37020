import type { Socket } from 'node:net';
import { sourceOf } from '../../server/limits/source.ts';
import type { Logger } from '../../util/log.ts';
import { withResolvers } from '../../util/deferred.ts';
import { homeOfWorker } from '../connect-id-cipher.ts';
import type { NodeLease } from '../membership.ts';
import { failedBecause, PeerFailure } from '../nodes/peer-failure.ts';
import { answerPeer, processKey, type HandshakePlan, type MetPeer, type NodeProcess } from '../nodes/peer-handshake.ts';
import type { PeerKind } from '../nodes/preface.ts';
import type { LinkTimes } from '../nodes/resuming-stream.ts';
import { closeUnlike, unlike } from '../nodes/unlike.ts';
import { linkOver } from './meeting.ts';
import type { Mesh } from './mesh.ts';
import type { LinkView } from './messages.ts';
import { NodeLink, type RemoteProcess } from './node-link.ts';
import { Peer } from './peer.ts';
import { Sayings } from './sayings.ts';

/** Who meets a node waits no longer for its links, in milliseconds: they go on trying. */
const MEET_MS = 3_000;
/** So many connections of others may be in their handshake; more are closed. */
const MAX_HANDSHAKES = 256;

export interface NodeLinksPlan {
  readonly handshake: HandshakePlan;
  readonly times: LinkTimes;
  readonly log: Pick<Logger, 'warn'>;
  readonly mesh: Mesh;
  /** A connection was refused: said once for each address and reason, and again after a while. */
  readonly onRefused: (from: string, why: string) => void;
  /** A half of a channel has come from another node. */
  readonly onHalf: (met: MetPeer) => void;
  /** A process has gone, or cannot be reached. */
  readonly onForgotten: (process: NodeProcess) => void;
}

/** A process of another node, as this one knows it. */
interface Known {
  readonly to: RemoteProcess;
  readonly link: NodeLink;
  peer: Peer | undefined;
  /** Resolves when they have met for the first time. */
  readonly met: ReturnType<typeof withResolvers<void>>;
}

/** The links of this worker to all worker processes of other nodes. */
export class NodeLinks {
  readonly #plan: NodeLinksPlan;
  readonly #known = new Map<string, Known>();
  readonly #refused = new Sayings();
  #handshakes = 0;
  /** How often what was said to another process, or by it, may have been lost. */
  gaps = 0;

  constructor(plan: NodeLinksPlan) {
    this.#plan = plan;
  }

  /** Which processes another node has: links to them, and to no others of it. Resolves when they are there, or after a while. */
  async meet({ node, epoch, slot, peer: address, workers }: NodeLease): Promise<void> {
    const wanted = workers.map((worker) => ({ node, epoch, worker, address, home: homeOfWorker(slot, worker.slot) }));
    const keys = new Set(wanted.map(processKey));
    for (const known of this.#known.values()) {
      if (known.to.node === node && !keys.has(processKey(known.to))) this.#forget(known);
    }
    for (const to of wanted) if (!this.#known.has(processKey(to))) this.#add(to);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, MEET_MS)));
    await Promise.race([late, Promise.all(wanted.map((to) => this.#known.get(processKey(to))!.met.promise))]);
    clearTimeout(timer);
  }

  /** A node has gone, or its lease has ended: what still comes from it counts no more. */
  forget({ node, epoch }: Pick<NodeLease, 'node' | 'epoch'>): void {
    for (const known of this.#known.values()) {
      if (known.to.node === node && known.to.epoch === epoch) this.#forget(known);
    }
  }

  /** Another node has connected. */
  accept(kind: PeerKind, isEncrypted: boolean, from: string, socket: Socket): void {
    const { handshake } = this.#plan;
    if (isEncrypted !== handshake.isEncrypted) {
      void this.#closeUnlike(isEncrypted, from, socket);
    } else if (this.#handshakes >= MAX_HANDSHAKES) {
      this.#refuse(from, 'too many others have not said who they are', socket);
    } else {
      void this.#answer(kind, from, socket);
    }
  }

  views(): LinkView[] {
    return Array.from(this.#known.values(), ({ to, link }) => ({
      node: to.node,
      worker: to.worker.slot + 1,
      isUp: link.isUp,
      cutMs: link.cutMs,
      isCaller: link.isCaller,
      failure: link.failure && { why: link.failure.message, isPassing: link.failure.isPassing },
      breaks: link.breaks,
      keptBytes: link.keptBytes,
    }));
  }

  /** Ends all of them. */
  close(): void {
    for (const known of this.#known.values()) this.#forget(known);
  }

  async #closeUnlike(isEncrypted: boolean, from: string, socket: Socket): Promise<void> {
    this.#say(from, unlike(!isEncrypted).message);
    if (this.#handshakes >= MAX_HANDSHAKES) return void socket.destroy();
    this.#handshakes += 1;
    await closeUnlike(socket, isEncrypted);
    this.#handshakes -= 1;
  }

  async #answer(kind: PeerKind, from: string, socket: Socket): Promise<void> {
    this.#handshakes += 1;
    let take: ((socket: Socket) => void) | undefined;
    try {
      const met = await answerPeer(socket, this.#plan.handshake, ({ peer, request }) => {
        const known = this.#of(peer);
        if (kind === 'half') return Buffer.alloc(0);
        const answered = known.link.answer(request);
        ({ take } = answered);
        return answered.answer;
      });
      if (take) take(met.stream);
      else this.#plan.onHalf(met);
    } catch (error) {
      const { message, isPassing } = failedBecause(error);
      if (!isPassing) this.#refuse(from, message, socket);
    } finally {
      this.#handshakes -= 1;
    }
  }

  /** @throws {PeerFailure} where there is no such process, as far as this one knows */
  #of(peer: NodeProcess): Known {
    const known = this.#known.get(processKey(peer));
    if (!known) throw new PeerFailure(`the other side does not know this process of node ${peer.node} yet`, true);
    return known;
  }

  #add(to: RemoteProcess): void {
    const { handshake, times, mesh } = this.#plan;
    const met = withResolvers<void>();
    const link = new NodeLink(to, handshake, times, {
      onStream: (stream) => {
        const over = linkOver(stream, mesh, () => peer);
        const peer = new Peer(to.worker, over, to.home, to);
        known.peer = peer;
        mesh.add(peer);
        met.resolve();
      },
      onGap: (why) => {
        this.gaps += 1;
        // There is no way to that process: what is relayed would hang for as long as TCP tries.
        this.#plan.onForgotten(to);
        this.#plan.log.warn('a link to another node has a gap: what was said may be lost', { ...nameOf(to), why });
      },
    });
    const known: Known = { to, link, peer: undefined, met };
    this.#known.set(processKey(to), known);
  }

  #forget({ to, link, met }: Known): void {
    this.#known.delete(processKey(to));
    link.close();
    met.resolve();
    this.#plan.onForgotten(to);
  }

  #refuse(from: string, why: string, socket: Socket): void {
    socket.destroy();
    this.#say(from, why);
  }

  #say(from: string, why: string): void {
    if (this.#refused.isDue(`${sourceOf(from)} ${why}`)) this.#plan.onRefused(from, why);
  }
}

function nameOf({ node, worker, address }: RemoteProcess): { node: string; worker: number; address: string } {
  return { node, worker: worker.slot + 1, address };
}
