import net from 'node:net';
import type { Address } from '../../net/address.ts';
import { descriptorLimit, hasLastDescriptor, outOfDescriptors } from '../../net/descriptors.ts';
import { bind } from '../../net/listen.ts';
import { takeHandle, type SocketHandle } from '../../net/socket-handle.ts';

/** Where the primary listens for all workers. */
export class Acceptor {
  readonly id: number;
  /** With the real port. */
  readonly address: Address;
  readonly #server: net.Server;

  private constructor(id: number, address: Address, server: net.Server) {
    this.id = id;
    this.address = address;
    this.#server = server;
  }

  /**
   * Listens; nothing is read of the connections, nor of what they say.
   *
   * @throws {ChatosError} `LISTEN_FAILED`
   */
  static async open(
    id: number,
    address: Address,
    onConnection: (handle: SocketHandle) => void,
    onError: (error: Error) => void,
  ): Promise<Acceptor> {
    const mostDescriptors = descriptorLimit();
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      const isLast = hasLastDescriptor(socket, mostDescriptors);
      const taken = isLast ? undefined : takeHandle(socket);
      if (taken) return onConnection(taken.handle);
      socket.destroy();
      if (isLast) onError(outOfDescriptors(mostDescriptors));
      return undefined;
    });
    const { port } = await bind(server, address, onError);
    return new Acceptor(id, { ...address, port }, server);
  }

  /** Accepts no more. */
  close(): void {
    this.#server.close();
  }
}
