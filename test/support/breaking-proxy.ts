/** Stands between two nodes, and breaks a connection where it is told to: each phase of a handshake is a chunk or two. */
import { once } from 'node:events';
import net, { type Socket } from 'node:net';

/** `cut`: both sides hear an end; `reset`: both hear a reset; `half`: the reader hears an end, and the other side nothing. */
export type Harm = 'cut' | 'reset' | 'stall' | 'half';

export interface Breaking {
  readonly harm: Harm;
  /** Of which direction: what the caller says, or what it is answered. */
  readonly of: 'call' | 'answer';
  /** The chunk of that direction, from 0, at which it happens. */
  readonly chunk: number;
  /** How much of that chunk arrives: nothing, one half, or all. */
  readonly arrives: 0 | 0.5 | 1;
}

export class BreakingProxy {
  readonly address: string;
  /** How many connections have been broken. */
  broken = 0;
  readonly #server: net.Server;
  /** Both sides of each connection: a side is there until it has closed its own end. */
  readonly #open = new Set<Socket>();

  private constructor(server: net.Server) {
    this.#server = server;
    this.address = `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  }

  /** @param to as `host:port`; the first so many connections are broken, and others are left alone */
  static async start(to: string, breaking: Breaking, times: number): Promise<BreakingProxy> {
    const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new BreakingProxy(server);
    const [host, port] = to.split(':');
    server.on('connection', (caller: Socket) => {
      const called = net.connect({ host: host!, port: Number(port), allowHalfOpen: true, noDelay: true });
      // One that ends by itself before it is broken does not count.
      proxy.#join(caller.setNoDelay(true), called, proxy.broken < times ? breaking : undefined);
    });
    return proxy;
  }

  /** Connections of which at least one side is still there. */
  get sides(): number {
    return this.#open.size;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }

  #join(caller: Socket, called: Socket, breaking: Breaking | undefined): void {
    let isBroken = false;
    for (const [from, to, of] of [
      [caller, called, 'call'],
      [called, caller, 'answer'],
    ] as const) {
      let chunks = 0;
      this.#open.add(from);
      from.on('error', () => undefined);
      from.on('data', (chunk: Buffer) => {
        if (isBroken) return;
        const isDue = breaking?.of === of && breaking.chunk === chunks;
        chunks += 1;
        if (!isDue) {
          to.write(chunk);
          return;
        }
        isBroken = true;
        this.broken += 1;
        const part = chunk.subarray(0, Math.floor(chunk.length * breaking.arrives));
        // What arrives, arrives before the end; a reset may overtake it, as in a network.
        if (part.length > 0) to.write(part);
        harm(breaking.harm, from, to);
      });
      from.once('end', () => {
        this.#open.delete(from);
        if (!isBroken) to.end();
      });
      from.once('close', () => {
        this.#open.delete(from);
        if (!isBroken) to.destroy();
      });
    }
  }
}

function harm(what: Harm, from: Socket, to: Socket): void {
  if (what === 'half') to.end();
  else if (what === 'cut') for (const each of [from, to]) each.end();
  else if (what === 'reset') {
    from.resetAndDestroy();
    if (to.writableLength === 0) to.resetAndDestroy();
    else to.once('drain', () => to.resetAndDestroy());
  }
}
