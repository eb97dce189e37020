import { deserialize, serialize } from 'node:v8';
import { messageOf } from '../../errors.ts';
import type { Transport } from '../../net/transport.ts';
import { takeUnread } from '../../net/unread.ts';
import type { Relay, RelayEnd } from '../../server/channels/relay.ts';
import { withResolvers } from '../../util/deferred.ts';
import type { Logger } from '../../util/log.ts';
import type { Place } from '../../server/limits/source-account.ts';
import { callPeer, processKey, type HandshakePlan, type MetPeer, type NodeProcess } from '../nodes/peer-handshake.ts';
import type { Connections } from './connections.ts';
import { FramedTransport, relayedFrom } from './framed-transport.ts';
import type { RelayedHalf } from './messages.ts';
import { dialProcess, type RemoteProcess } from './node-link.ts';

const NOTHING = Buffer.alloc(0);

export interface NodeHalvesPlan {
  readonly handshake: HandshakePlan;
  readonly connections: Connections;
  readonly log: Pick<Logger, 'warn'>;
  relay(one: RelayEnd, other: RelayEnd, onDone: () => void): Relay;
  /** A half has come whose channel is here. */
  enter(half: RelayedHalf, transport: Transport): void;
}

/**
 * The halves of channels whose home is at another node: each is relayed over a connection of its own, in frames, so that the
 * end of a process, or of a node, is never taken for an end of the half (P14).
 */
export class NodeHalves {
  readonly #plan: NodeHalvesPlan;
  /** What breaks those that go to a process, or come from it. */
  readonly #ofProcess = new Map<string, Set<() => void>>();
  #last = 0;
  #onIdle: (() => void) | undefined;

  constructor(plan: NodeHalvesPlan) {
    this.#plan = plan;
  }

  /** Relays a half to its home; until that has answered, what it sends waits in the system. */
  async give(to: RemoteProcess, half: RelayedHalf, end: RelayEnd, place: Place): Promise<void> {
    const { handshake, connections, log } = this.#plan;
    const { transport } = end;
    const socket = dialProcess(to, 'half', handshake.isEncrypted);
    let isAborted = false;
    let abort = (): void => {
      isAborted = true;
      socket.destroy();
    };
    const leave = this.#note(to, () => abort());
    const onOver = (): void => {
      leave();
      place.leave();
    };
    try {
      const { stream } = await callPeer(socket, to, serialize(half), handshake);
      // It has closed meanwhile, which is not heard of again.
      if (transport.stream.destroyed) throw new Error('the half has gone');
      // It was read ahead while its home was asked.
      const early = Buffer.concat([end.early, takeUnread(transport.stream)]);
      this.#last += 1;
      const id = `relayed ${this.#last}`;
      const framed = new FramedTransport(stream, transport);
      const relayed = this.#plan.relay({ transport, early }, { transport: framed, early: NOTHING }, () => {
        connections.ended(id);
        onOver();
      });
      connections.opened(id, relayed.transports());
      abort = () => relayed.abort('shutdown');
    } catch (error) {
      const { node, address } = to;
      const isOver = isAborted || transport.stream.destroyed;
      if (!isOver)
        log.warn('a private connection cannot be taken to another node', { node, address, why: messageOf(error) });
      socket.destroy();
      transport.reset();
      onOver();
    }
  }

  /** One has come from another node. */
  take({ stream, peer, request }: MetPeer): void {
    const half = deserialize(request) as RelayedHalf;
    const framed = new FramedTransport(stream, relayedFrom(half));
    const leave = this.#note(peer, () => framed.reset());
    framed.stream.once('close', leave);
    this.#plan.enter(half, framed);
  }

  /** A process has gone: what is relayed to it, or comes from it, breaks. */
  forget(process: NodeProcess): void {
    for (const abort of this.#ofProcess.get(processKey(process)) ?? []) abort();
  }

  /** Breaks all. */
  abort(): void {
    for (const all of this.#ofProcess.values()) for (const abort of all) abort();
  }

  /** Resolves when there is none, or `over` does. */
  async idle(over: Promise<unknown>): Promise<void> {
    const { promise, resolve } = withResolvers<void>();
    if (this.#ofProcess.size === 0) return;
    this.#onIdle = resolve;
    await Promise.race([promise, over]);
  }

  #note(process: NodeProcess, abort: () => void): () => void {
    const key = processKey(process);
    const all = this.#ofProcess.get(key) ?? new Set();
    this.#ofProcess.set(key, all.add(abort));
    return () => {
      all.delete(abort);
      if (all.size === 0 && this.#ofProcess.get(key) === all) this.#ofProcess.delete(key);
      if (this.#ofProcess.size === 0) this.#onIdle?.();
    };
  }
}
