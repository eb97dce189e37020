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
import { linkOver } from './meeting.ts';
import type { Mesh } from './mesh.ts';
import type { LinkView } from './messages.ts';
import { NodeLink, type RemoteProcess } from './node-link.ts';
import { Peer } from './peer.ts';

/** Who meets a node waits no longer for its links, in milliseconds: they go on trying. */
const MEET_MS = 3_000;
/** So many connections of others may be in their handshake; more are closed. */
const MAX_HANDSHAKES = 256;
/** The same trouble is said again after so long, in milliseconds, and so many of them are known at most. */
const SAY_AGAIN_MS = 600_000;
const MAX_SAID = 1_000;
/** What may pass by itself is said when it has not. In milliseconds. */
const PATIENCE_MS = 5_000;

export interface NodeLinksPlan {
  readonly handshake: HandshakePlan;
  readonly times: LinkTimes;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly mesh: Mesh;
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
  readonly #said = new Map<string, number>();
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
      const [here, there] = isEncrypted ? ['off', 'on'] : ['on', 'off'];
      this.#refuse(from, `encryption between nodes is ${here} at this node and ${there} at the other one`, socket);
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
      keptBytes: link.keptBytes,
    }));
  }

  /** Ends all of them. */
  close(): void {
    for (const known of this.#known.values()) this.#forget(known);
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
    let failingSince: number | undefined;
    let uncalled: NodeJS.Timeout | undefined;
    const awaitCall = (): void => {
      uncalled = setInterval(() => {
        if (link.isUp || this.#known.get(processKey(to)) !== known) return clearInterval(uncalled);
        const { node, worker } = nameOf(to);
        const message = 'another node does not connect to this one: its log says why';
        return this.#say(sayingOf(to, 'link'), message, { node, worker });
      }, PATIENCE_MS).unref();
    };
    const link = new NodeLink(to, handshake, times, {
      onStream: (stream) => {
        const over = linkOver(stream, mesh, () => peer);
        const peer = new Peer(to.worker, over, to.home, to);
        known.peer = peer;
        mesh.add(peer);
        met.resolve();
      },
      onConnected: () => {
        failingSince = undefined;
        clearInterval(uncalled);
        if (this.#said.delete(sayingOf(to, 'link'))) this.#plan.log.info('a link to another node is up', nameOf(to));
      },
      onCut: () => {
        if (!link.isCaller) awaitCall();
      },
      onGap: (why) => {
        this.gaps += 1;
        // There is no way to that process: what is relayed would hang for as long as TCP tries.
        this.#plan.onForgotten(to);
        this.#plan.log.warn('a link to another node has a gap: what was said may be lost', { ...nameOf(to), why });
      },
      onFailed: ({ message, isPassing }) => {
        failingSince ??= performance.now();
        if (isPassing && performance.now() - failingSince < PATIENCE_MS) return;
        this.#say(sayingOf(to, 'link'), 'cannot connect to another node', { ...nameOf(to), why: message });
      },
    });
    const known: Known = { to, link, peer: undefined, met };
    this.#known.set(processKey(to), known);
    if (!link.isCaller) awaitCall();
  }

  #forget({ to, link, met }: Known): void {
    this.#known.delete(processKey(to));
    link.close();
    met.resolve();
    this.#plan.onForgotten(to);
  }

  #refuse(from: string, why: string, socket: Socket): void {
    socket.destroy();
    this.#say(`${sourceOf(from)} ${why}`, 'a connection of another node was refused', { from, why });
  }

  /** Once, and again after a while: who tries again and again must not fill the log. */
  #say(key: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    const now = performance.now();
    const said = this.#said.get(key);
    if (said !== undefined && now - said < SAY_AGAIN_MS) return;
    if (this.#said.size >= MAX_SAID) this.#said.clear();
    this.#said.set(key, now);
    this.#plan.log.warn(message, fields);
  }
}

function sayingOf({ node, worker }: RemoteProcess, what: string): string {
  return `${what} ${node} ${worker.slot}`;
}

function nameOf({ node, worker, address }: RemoteProcess): { node: string; worker: number; address: string } {
  return { node, worker: worker.slot + 1, address };
}
