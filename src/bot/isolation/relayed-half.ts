import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Transport } from '../../net/transport.ts';
import { PortSocket } from './port-socket.ts';

/**
 * The connection of a channel whose bot is in a worker. The main thread has it: if a worker that ends had it, the
 * operating system would end it by FIN, which the peer takes for the end of what the bot had to send.
 */
export class RelayedHalf {
  /** For the {@link PortSocket} of the worker. */
  readonly port: MessagePort;
  readonly closed: Promise<unknown>;
  readonly #transport: Transport;
  readonly #inner: PortSocket;

  constructor({ transport, rest }: { readonly transport: Transport; readonly rest: Buffer }) {
    const { port1, port2 } = new MessageChannel();
    const inner = new PortSocket(port1);
    this.port = port2;
    this.#transport = transport;
    this.#inner = inner;
    const { stream } = transport;
    this.closed = new Promise((resolve) => stream.once('close', resolve));
    if (rest.length > 0) inner.write(rest);
    transport.onEnd(() => inner.end());
    stream.once('close', () => {
      if (transport.ending === 'aborted') inner.destroy();
    });
    inner
      .on('error', () => undefined)
      .once('close', () => {
        if (!inner.over) transport.reset();
      });
    stream.pipe(inner, { end: false });
    inner.pipe(stream);
  }

  /** Breaks the connection at once: the peer sees an abort. */
  abort(): void {
    this.#inner.destroy();
    this.#transport.reset();
  }
}
