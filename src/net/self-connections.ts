import net from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';

/** Addresses that stand for all of a machine's, and one that reaches them. */
const ANY: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/**
 * Connections of a listener from its own process. They go through the system as those of others do, and the system says
 * which they are: no two connections to one address have the same address and port at their other end. (To another address
 * of a listener that has all of a machine's, there may be one.) So nobody else can pass for one.
 */
export class SelfConnections<T> {
  /** What is to become of those that are on their way, by the address and port that they come from, and the address that they go to. */
  readonly #expected = new Map<string, T>();

  /** What is to become of a connection that was accepted, where it is one of these. */
  take(socket: net.Socket): T | undefined {
    if (this.#expected.size === 0 || socket.remotePort === undefined) return undefined;
    const key = `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
    const found = this.#expected.get(key);
    this.#expected.delete(key);
    return found;
  }

  /** Connects; with TLS, the one that answers is trusted, as it is this process. Rejects with the reason of the system. */
  async connect({ address, port }: net.AddressInfo, isSecure: boolean, what: T): Promise<Duplex> {
    const host = ANY[address] ?? address;
    const socket = net.connect({ host, port, allowHalfOpen: true });
    // The system has given it an address by then, and has accepted nothing yet.
    process.nextTick(() => {
      // Out of ports or descriptors, it has none: it fails, and must not stand for others that have none.
      if (socket.localPort === undefined) return;
      const key = `${socket.localAddress} ${socket.localPort} ${host}`;
      this.#expected.set(key, what);
      socket.once('close', () => this.#expected.delete(key));
    });
    await ready(socket, 'connect');
    if (!isSecure) return socket;
    const tls = process.getBuiltinModule('node:tls');
    const stream = tls.connect({ socket, rejectUnauthorized: false });
    await ready(stream, 'secureConnect');
    return stream;
  }
}

function ready(stream: Duplex, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once(event, resolve);
    stream.once('close', () => reject(new Error('the connection was closed')));
    stream.on('error', reject);
  });
}
