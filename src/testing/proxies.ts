import { ChatosError } from '../errors.ts';
import type { Address } from '../net/address.ts';
import { TestProxy } from './proxy.ts';

/** The ways of all logins of a network to its server. */
export class TestProxies {
  readonly #server: Address;
  readonly #proxies = new Map<string, TestProxy>();

  constructor(server: Address) {
    this.#server = server;
  }

  /** That of a login, which has one from now on. */
  async open(login: string): Promise<TestProxy> {
    const known = this.#proxies.get(login);
    if (known) return known;
    const proxy = await TestProxy.start(this.#server);
    this.#proxies.set(login, proxy);
    return proxy;
  }

  /** @throws {ChatosError} `INVALID_ARGUMENT` where nobody has that login */
  get(login: string): TestProxy {
    const proxy = this.#proxies.get(login);
    if (proxy) return proxy;
    const known = [...this.#proxies.keys()].join(', ');
    throw new ChatosError('INVALID_ARGUMENT', `nobody of this network is ${login}; there are ${known || 'none'}`);
  }

  /** Lets everything flow again. */
  resume(): void {
    for (const proxy of this.#proxies.values()) proxy.resume('all');
  }

  /** Breaks everything. */
  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
  }
}
