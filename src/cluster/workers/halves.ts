import net from 'node:net';
import { deserialize, serialize } from 'node:v8';
import { MAX_UNREAD_BYTES } from '../../net/listen.ts';
import { closeHandle, socketOf, takeHandle, type SocketHandle } from '../../net/socket-handle.ts';
import { TcpTransport } from '../../net/tcp-transport.ts';
import type { Transport } from '../../net/transport.ts';
import type { ConnectionPlace, Place } from '../../server/limits/source-account.ts';
import type { ComingHalf } from '../../server/others.ts';
import type { Connections } from './connections.ts';
import { halfPath, listenAt } from './folder.ts';
import { FramedTransport, relayedFrom } from './framed-transport.ts';
import type { HalfKeeper, Mesh } from './mesh.ts';
import type { Peer } from './peer.ts';
import type { AskedByPrimary, AskedByWorker, RelayedHalf, SentHalf } from './messages.ts';
import type { NodeHalves } from './node-halves.ts';
import type { WorkerName } from '../worker-name.ts';
import type { Wire } from './wire.ts';

/**
 * The halves of channels, between workers. One that came to the wrong worker is handed over as a socket: that costs once,
 * and nothing is in between then. Where that is not possible, as over TLS, whose state cannot move, it is relayed.
 */
export class Halves implements HalfKeeper {
  readonly #folder: string;
  readonly #wire: Wire<AskedByWorker, AskedByPrimary>;
  readonly #mesh: () => Mesh;
  readonly #connections: Connections;
  /** Those of other nodes, in a cluster. */
  nodes: NodeHalves | undefined;
  /** Ends each relay to another worker. */
  readonly #relays = new Set<() => void>();
  #onIdle: (() => void) | undefined;

  constructor(folder: string, wire: Wire<AskedByWorker, AskedByPrimary>, connections: Connections, mesh: () => Mesh) {
    this.#folder = folder;
    this.#wire = wire;
    this.#connections = connections;
    this.#mesh = mesh;
  }

  give(
    { name, elsewhere }: Peer,
    connectId: bigint,
    { transport, rest, comer }: ComingHalf,
    place: ConnectionPlace,
  ): void {
    const { remoteAddress, fingerprint, isShutOut = false } = comer;
    const { encrypted, certificate } = transport;
    const half = { connectId, remoteAddress, fingerprint, isShutOut };
    const relayed = { ...half, encrypted, certificate: certificate?.raw };
    if (elsewhere) return void this.nodes?.give(elsewhere, relayed, { transport, early: rest }, place.asHalf());
    const taken = transport instanceof TcpTransport ? takeHandle(transport.stream) : undefined;
    if (!taken) return this.#relay(name, relayed, rest, transport, place.asHalf());
    place.leave();
    const { handle, read } = taken;
    const id = this.#connections.move(handle);
    closeHandle(handle);
    if (id === undefined) return;
    this.#wire.ask('handOver', [name.slot, { ...half, id, rest: Buffer.concat([rest, read]) }]).catch(() => undefined);
  }

  /** One has been handed over by another worker. */
  take({ id, connectId, rest, remoteAddress, fingerprint, isShutOut }: SentHalf, handle: SocketHandle): void {
    const socket = socketOf(handle, MAX_UNREAD_BYTES);
    this.#connections.add(socket, id);
    const transport = new TcpTransport(socket, remoteAddress);
    const comer = { remoteAddress, fingerprint, isShutOut };
    this.#mesh().enter(connectId, { transport, rest: Buffer.from(rest), comer });
  }

  opened(id: string, halves: readonly Transport[]): void {
    this.#connections.opened(id, halves);
  }

  ended(id: string): void {
    this.#connections.ended(id);
  }

  identified(transport: Transport): void {
    this.#connections.identified(transport);
  }

  /** From now on, other workers can relay halves to this one. */
  async await(name: WorkerName): Promise<void> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => this.#onRelayed(socket));
    await listenAt(server, halfPath(this.#folder, name));
  }

  /** Resolves when nothing is relayed to other workers. */
  async idle(): Promise<void> {
    if (this.#relays.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  /** Breaks what is relayed to other workers. */
  abort(): void {
    for (const abort of this.#relays) abort();
    this.nodes?.abort();
  }

  /** One has come from another node. */
  enter(half: RelayedHalf, transport: Transport): void {
    const { connectId, remoteAddress, fingerprint, isShutOut } = half;
    const comer = { remoteAddress, fingerprint, isShutOut };
    this.#mesh().enter(connectId, { transport, rest: Buffer.alloc(0), comer });
  }

  #relay(peer: WorkerName, half: RelayedHalf, rest: Buffer, transport: Transport, place: Place): void {
    const socket = net.connect({ path: halfPath(this.#folder, peer), allowHalfOpen: true });
    const hello = serialize(half);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(hello.length);
    socket.write(Buffer.concat([head, hello]));
    const framed = new FramedTransport(socket, transport);
    const relay = this.#mesh().relay({ transport, early: rest }, { transport: framed, early: Buffer.alloc(0) }, () => {
      place.leave();
      this.#relays.delete(abort);
      if (this.#relays.size === 0) this.#onIdle?.();
    });
    const abort = (): void => relay.abort('shutdown');
    this.#relays.add(abort);
  }

  #onRelayed(socket: net.Socket): void {
    let bytes: Buffer = Buffer.alloc(0);
    // It has died before it could say which half it is.
    const onEnd = (): void => void socket.destroy();
    socket.on('error', () => undefined).once('end', onEnd);
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < 4 || bytes.length < 4 + bytes.readUInt32BE(0)) return;
      socket.off('data', onData).off('end', onEnd).pause();
      const end = 4 + bytes.readUInt32BE(0);
      if (bytes.length > end) socket.unshift(bytes.subarray(end));
      const half = deserialize(bytes.subarray(4, end)) as RelayedHalf;
      this.enter(half, new FramedTransport(socket, relayedFrom(half)));
    };
    socket.on('data', onData);
  }
}
