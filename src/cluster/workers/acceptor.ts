import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { Address } from '../../net/address.ts';
import { descriptorLimit, hasLastDescriptor, outOfDescriptors } from '../../net/descriptors.ts';
import { bind } from '../../net/listen.ts';
import { SelfConnections } from '../../net/self-connections.ts';
import { takeHandle, type SocketHandle } from '../../net/socket-handle.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Where the primary listens for all workers. */
export class Acceptor {
  readonly id: number;
  /** With the real port. */
  readonly address: Address;
  readonly #server: net.Server;
  readonly #itself: SelfConnections<WorkerProcess>;

  private constructor(id: number, address: Address, server: net.Server, itself: SelfConnections<WorkerProcess>) {
    this.id = id;
    this.address = address;
    this.#server = server;
    this.#itself = itself;
  }

  /**
   * Listens; nothing is read of the connections, nor of what they say. A connection of the server's own test is for one
   * worker.
   *
   * @throws {ChatosError} `LISTEN_FAILED`
   */
  static async open(
    id: number,
    address: Address,
    onConnection: (handle: SocketHandle, tested: WorkerProcess | undefined) => void,
    onError: (error: Error) => void,
  ): Promise<Acceptor> {
    const mostDescriptors = descriptorLimit();
    const itself = new SelfConnections<WorkerProcess>();
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      const tested = itself.take(socket);
      const isLast = hasLastDescriptor(socket, mostDescriptors);
      const taken = isLast ? undefined : takeHandle(socket);
      if (taken) return onConnection(taken.handle, tested);
      socket.destroy();
      if (isLast) onError(outOfDescriptors(mostDescriptors));
      return undefined;
    });
    const { port } = await bind(server, address, onError);
    return new Acceptor(id, { ...address, port }, server, itself);
  }

  /** Opens a connection of the server's own test to one worker; with TLS, the handshake is done. Rejects where that fails. */
  connectToItself(tested: WorkerProcess): Promise<Duplex> {
    const at = this.#server.address() as net.AddressInfo;
    return this.#itself.connect(at, this.address.transport === 'tls', tested);
  }

  /** Accepts no more. */
  close(): void {
    this.#server.close();
  }
}
