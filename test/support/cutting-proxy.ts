import { once } from 'node:events';
import net from 'node:net';

/** Stands in front of an address; what goes through it can be cut, refused, or swallowed without a word. */
export class CuttingProxy {
  readonly listening: Promise<unknown>;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #targets = new Set<net.Socket>();
  #isOpen = true;
  /** Connections that have come. */
  count = 0;

  /** @param to as `host:port` */
  constructor(to: string) {
    const [host, port] = to.split(':');
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => {
      this.count += 1;
      if (!this.#isOpen) {
        socket.on('error', () => undefined).resetAndDestroy();
        return;
      }
      const target = net.connect({ host: host!, port: Number(port), allowHalfOpen: true });
      this.#targets.add(target);
      target.once('close', () => this.#targets.delete(target));
      for (const [one, other] of [
        [socket, target],
        [target, socket],
      ] as const) {
        this.#sockets.add(one);
        one
          .on('error', () => undefined)
          .once('close', () => {
            this.#sockets.delete(one);
            other.destroy();
          });
        one.pipe(other);
      }
    });
    this.#server.unref();
    this.listening = once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  /** Breaks all connections; what was on its way is lost. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Lets nothing through any more, and breaks what is there, or the other way round. */
  set isOpen(isOpen: boolean) {
    this.#isOpen = isOpen;
    if (!isOpen) this.cut();
  }

  /** From now on, nothing arrives on the connections that there are, and nobody is told. */
  freeze(): void {
    freeze(this.#sockets);
  }

  /** The same of what the one sends that was called: what goes to it arrives. */
  freezeAnswers(): void {
    freeze(this.#targets);
  }

  /** The same, and nothing new gets through. */
  block(): void {
    this.#isOpen = false;
    this.freeze();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}

function freeze(sockets: Iterable<net.Socket>): void {
  for (const socket of sockets) {
    socket.unpipe();
    socket.pause();
  }
}
