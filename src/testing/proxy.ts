import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onConfirmedEnd } from '../net/confirmed-end.ts';
import type { Address } from '../net/address.ts';

/** Which of the connections of a login: its session, its private connections, or both. */
export type Link = 'session' | 'channels' | 'all';

/** The first byte of a connection that is a session: LOGIN. */
const LOGIN = 0;

/** Two sockets that are joined. */
interface Joint {
  readonly client: Socket;
  readonly server: Socket;
  /** `undefined` until its first byte has come. */
  kind: Exclude<Link, 'all'> | undefined;
}

/** The way of one login to the server, which can be broken off, or come to a standstill. */
export class TestProxy {
  /** Where it is to be connected to. */
  readonly address: Address;
  readonly #listener: Server;
  readonly #joints = new Set<Joint>();
  readonly #stalled = new Set<Joint['kind']>();

  /** Listens on a free port. */
  static async start(server: Address): Promise<TestProxy> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return new TestProxy(listener, server);
  }

  private constructor(listener: Server, server: Address) {
    const { port } = listener.address() as AddressInfo;
    this.address = { ...server, host: '127.0.0.1', port };
    this.#listener = listener;
    listener.on('connection', (client) => this.#join(client, server));
  }

  /** Whether what the server has for its session is left unread. */
  get stalled(): boolean {
    return this.#stalled.has('session');
  }

  /** Breaks connections off: either side gets a RST. Returns how many. */
  cut(link: Link): number {
    const cut = [...this.#joints].filter(({ kind }) => meant(link, kind));
    for (const { client, server } of cut) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    return cut.length;
  }

  /** Reads nothing of what the server has for these connections any more, the later ones among them. */
  stall(link: Link): void {
    for (const kind of kindsOf(link)) this.#stalled.add(kind);
    for (const joint of this.#joints) this.#flow(joint);
  }

  /** Reads on. */
  resume(link: Link): void {
    for (const kind of kindsOf(link)) this.#stalled.delete(kind);
    for (const joint of this.#joints) this.#flow(joint);
  }

  /** Breaks everything, and listens no more. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    this.cut('all');
    await closed;
  }

  #join(client: Socket, address: Address): void {
    const server = connect({ host: address.host, port: address.port, allowHalfOpen: true, noDelay: true });
    const joint: Joint = { client, server, kind: undefined };
    this.#joints.add(joint);
    client.once('data', (first: Buffer) => {
      joint.kind = first[0] === LOGIN ? 'session' : 'channels';
      this.#flow(joint);
    });
    relay(client, server, () => true);
    relay(server, client, () => !this.#stalled.has(joint.kind));
    client.once('close', () => this.#joints.delete(joint));
  }

  #flow({ kind, client, server }: Joint): void {
    if (this.#stalled.has(kind)) server.pause();
    else if (!client.writableNeedDrain) server.resume();
  }
}

/** Passes on what comes, no faster than it is taken; an end as an end, and what is broken as a RST. */
function relay(from: Socket, to: Socket, mayFlow: () => boolean): void {
  from.on('data', (chunk: Buffer) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => {
    if (mayFlow()) from.resume();
  });
  from.on('error', () => undefined);
  let ended = false;
  onConfirmedEnd(from, () => {
    ended = true;
    to.end();
  });
  from.once('close', () => {
    if (!ended) to.resetAndDestroy();
  });
}

function kindsOf(link: Link): readonly Exclude<Link, 'all'>[] {
  return link === 'all' ? ['session', 'channels'] : [link];
}

function meant(link: Link, kind: Joint['kind']): boolean {
  return link === 'all' || kind === link;
}
