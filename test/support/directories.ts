/** Directories that answer later than at once, as one that others keep does. */
import { InMemoryDirectory, type Claim, type ConnectedClient, type Directory } from '../../src/server/directory.ts';
import { loginKey } from '../../src/util/login-key.ts';

/** Answers after some turns of the event loop, one after the other. */
export class SlowDirectory implements Directory {
  readonly #claims = new InMemoryDirectory();
  readonly #clients = new Map<string, ConnectedClient>();
  #last: Promise<unknown> = Promise.resolve();

  get size(): number {
    return this.#clients.size;
  }

  claim(claim: Claim): Promise<boolean> {
    return this.#later(() => this.#claims.claim(claim));
  }

  add(client: ConnectedClient): void {
    this.#clients.set(client.key, client);
  }

  release(claim: Claim): Promise<void> {
    if (this.#clients.get(claim.key)?.id === claim.id) this.#clients.delete(claim.key);
    return this.#later(() => this.#claims.release(claim));
  }

  find(login: string): ConnectedClient | undefined {
    return this.#clients.get(loginKey(login));
  }

  #later<T>(answer: () => Promise<T>): Promise<T> {
    const result = this.#last.then(someTurns).then(answer);
    this.#last = result;
    return result.then(async (answered) => {
      await someTurns();
      return answered;
    });
  }
}

/** Answers a claim when the test says so. */
export class HeldDirectory extends SlowDirectory {
  readonly #claims: { readonly claim: Claim; answer: (granted: boolean | Promise<boolean>) => void }[] = [];
  /** The logins that were released, in order. */
  readonly released: string[] = [];

  override claim(claim: Claim): Promise<boolean> {
    return new Promise((resolve) => {
      this.#claims.push({ claim, answer: resolve });
    });
  }

  override release(claim: Claim): Promise<void> {
    this.released.push(claim.login);
    return super.release(claim);
  }

  /** Resolves when so many claims wait. */
  async waiting(count: number): Promise<void> {
    while (this.#claims.length < count) await someTurns();
  }

  /** Answers the claim that has waited longest. */
  answer(granted: boolean | Promise<boolean>): void {
    this.#claims.shift()!.answer(granted);
  }
}

export async function someTurns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
