import { ChatosError } from '../errors.ts';
import type { Address } from '../net/address.ts';
import { TestProxy } from './proxy.ts';

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
    throw new ChatosError(
      'INVALID_ARGUMENT',
      `there is no ${login} in this network; ${known === '' ? 'it has no users' : `there are ${known}`}`,
    );
  }

  /** Resumes everything. */
  resume(): void {
    for (const proxy of this.#proxies.values()) proxy.resume('all');
  }

  /** Breaks all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
  }
}
