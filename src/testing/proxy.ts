import { ChatosError } from '../errors.ts';
import { toAddress, type Address } from '../net/address.ts';
import { dial } from '../net/dial.ts';
import { listen, type Listener } from '../net/listen.ts';
import type { Transport } from '../net/transport.ts';

/** Which of the connections of a login: its session, its private connections, or both. */
export type Link = 'session' | 'channels' | 'all';

/** The first byte of a connection that is a session: LOGIN. */
const LOGIN = 0;

/** Two connections that are joined. */
interface Joint {
  readonly client: Transport;
  readonly server: Transport;
  /** `undefined` until its first byte has come. */
  kind: Exclude<Link, 'all'> | undefined;
}

/** The way of one login to the server, which can be broken off, or come to a standstill. */
export class TestProxy {
  readonly #server: Address;
  readonly #joints = new Set<Joint>();
  readonly #stalled = new Set<Joint['kind']>();
  #listener!: Listener;
  #closed = false;

  /** Listens on a free port. */
  static async start(server: Address): Promise<TestProxy> {
    const proxy = new TestProxy(server);
    proxy.#listener = await listen(toAddress({ port: 0 }), () => (client) => void proxy.#join(client));
    return proxy;
  }

  private constructor(server: Address) {
    this.#server = server;
  }

  /** Where it is to be connected to. */
  get address(): Address {
    return { ...this.#server, host: this.#listener.address.host, port: this.#listener.address.port };
  }

  /** Whether what the server has for its session is left unread. */
  get stalled(): boolean {
    return this.#stalled.has('session');
  }

  /** Breaks connections off: either side gets a RST. Returns how many. */
  cut(link: Link): number {
    const cut = [...this.#joints].filter(({ kind }) => link === 'all' || kind === link);
    for (const { client, server } of cut) {
      client.reset();
      server.reset();
    }
    return cut.length;
  }

  /** Whether what the server has for these connections, the later ones among them, is left unread. */
  setStalled(link: Link, stalled: boolean): void {
    const kinds = link === 'all' ? (['session', 'channels'] as const) : [link];
    for (const kind of kinds) this.#stalled[stalled ? 'add' : 'delete'](kind);
    for (const joint of this.#joints) this.#flow(joint);
  }

  /** Breaks everything, and listens no more. */
  async close(): Promise<void> {
    this.#closed = true;
    const closed = this.#listener.close();
    this.cut('all');
    await closed;
  }

  async #join(client: Transport): Promise<void> {
    const server = await dial(this.#server).catch(() => undefined);
    if (!server || this.#closed || client.stream.destroyed) {
      client.reset();
      server?.reset();
      return;
    }
    const joint: Joint = { client, server, kind: undefined };
    this.#joints.add(joint);
    client.stream.once('data', (first: Buffer) => {
      joint.kind = first[0] === LOGIN ? 'session' : 'channels';
      this.#flow(joint);
    });
    relay(client, server, () => true);
    relay(server, client, () => !this.#stalled.has(joint.kind));
    client.stream.once('close', () => this.#joints.delete(joint));
  }

  #flow({ kind, client, server }: Joint): void {
    if (this.#stalled.has(kind)) server.stream.pause();
    else if (!client.stream.writableNeedDrain) server.stream.resume();
  }
}

/** Passes on what comes, no faster than it is taken; an end as an end, and what is broken as a RST. */
function relay(from: Transport, to: Transport, mayFlow: () => boolean): void {
  from.stream.on('data', (chunk: Buffer) => {
    if (!to.stream.write(chunk)) from.stream.pause();
  });
  to.stream.on('drain', () => {
    if (mayFlow()) from.stream.resume();
  });
  let ended = false;
  from.onEnd(() => {
    ended = true;
    to.stream.end();
  });
  from.stream.once('close', () => {
    if (!ended) to.reset();
  });
}

/** The proxies of a network: one for each login. */
export class TestProxies {
  readonly #server: Address;
  readonly #proxies = new Map<string, TestProxy>();

  constructor(server: Address) {
    this.#server = server;
  }

  /** The proxy of a login, started if necessary. */
  async open(login: string): Promise<TestProxy> {
    const known = this.#proxies.get(login);
    if (known) return known;
    const proxy = await TestProxy.start(this.#server);
    this.#proxies.set(login, proxy);
    return proxy;
  }

  /** @throws {ChatosError} `INVALID_ARGUMENT` if no one has that login */
  get(login: string): TestProxy {
    const proxy = this.#proxies.get(login);
    if (proxy) return proxy;
    const known = [...this.#proxies.keys()].join(', ');
    const hint = known === '' ? 'it has no users' : `there are ${known}`;
    throw new ChatosError('INVALID_ARGUMENT', `there is no ${login} in this network; ${hint}`);
  }

  /** Resumes everything. */
  resume(): void {
    for (const proxy of this.#proxies.values()) proxy.setStalled('all', false);
  }

  /** Breaks all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
  }
}
