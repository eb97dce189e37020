import { loginKey } from '../util/login-key.ts';

/** Calls that may wait behind the one under way, for each peer. */
const MAX_WAITING = 100;

type Task = () => Promise<unknown>;

/** Runs what peers cause: for each peer one after the other, for different peers side by side. */
export class PeerQueues {
  /** What waits behind the task under way, by peer. */
  readonly #waiting = new Map<string, Task[]>();
  readonly #draining = new Set<Promise<void>>();

  /** Runs the task when the peer's earlier ones have settled; `false` where too many wait. The task must not reject. */
  run(peer: string, task: Task): boolean {
    const key = loginKey(peer);
    const waiting = this.#waiting.get(key);
    if (waiting) {
      if (waiting.length >= MAX_WAITING) return false;
      waiting.push(task);
      return true;
    }
    this.#waiting.set(key, []);
    const draining = this.#drain(key, task);
    this.#draining.add(draining);
    void draining.then(() => this.#draining.delete(draining));
    return true;
  }

  /** Forgets what has not begun. */
  clear(): void {
    for (const waiting of this.#waiting.values()) waiting.length = 0;
  }

  /** Resolves when everything has settled that was there. */
  async emptied(): Promise<void> {
    await Promise.all(this.#draining);
  }

  async #drain(key: string, first: Task): Promise<void> {
    for (let task: Task | undefined = first; task; task = this.#waiting.get(key)?.shift()) await task();
    this.#waiting.delete(key);
  }
}
