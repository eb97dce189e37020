/** Directories that answer later than at once, as one that others keep does. */
import {
  InMemoryDirectory,
  type Claim,
  type ConnectedClient,
  type Directory,
  type Member,
  type Obstacle,
  type Release,
} from '../../src/server/directory.ts';
import { loginKey } from '../../src/util/login-key.ts';

/** Answers after some turns of the event loop, one after the other. */
export class SlowDirectory implements Directory {
  readonly #claims: InMemoryDirectory;
  readonly #clients = new Map<string, ConnectedClient>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(holdMs?: number) {
    this.#claims = new InMemoryDirectory(holdMs);
  }

  get size(): number {
    return this.#clients.size;
  }

  claim(claim: Claim): Promise<Obstacle | undefined> {
    return this.#later(() => this.#claims.claim(claim));
  }

  add(client: ConnectedClient): void {
    this.#clients.set(client.key, client);
  }

  release(member: Member, how: Release): Promise<void> {
    if (this.#clients.get(member.key)?.id === member.id) this.#clients.delete(member.key);
    return this.#later(() => this.#claims.release(member, how));
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
  readonly #claims: { readonly claim: Claim; answer: (other: Obstacle | undefined | Promise<never>) => void }[] = [];
  /** The logins that were released, in order. */
  readonly released: string[] = [];

  override claim(claim: Claim): Promise<Obstacle | undefined> {
    return new Promise((resolve) => {
      this.#claims.push({ claim, answer: resolve });
    });
  }

  override release(member: Member, how: Release): Promise<void> {
    this.released.push(member.login);
    return super.release(member, how);
  }

  /** Resolves when so many claims wait. */
  async waiting(count: number): Promise<void> {
    while (this.#claims.length < count) await someTurns();
  }

  /** Answers the claim that has waited longest. */
  answer(granted: boolean | Promise<never>): void {
    const { claim, answer } = this.#claims.shift()!;
    if (typeof granted !== 'boolean') answer(granted);
    else answer(granted ? undefined : { ...claim, id: 'another', held: true });
  }
}

export async function someTurns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
