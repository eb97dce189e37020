import { loginKey } from '../../util/login-key.ts';

/** Tasks that may wait behind the running one, for each peer. */
const MAX_WAITING = 100;
/** Tasks that may wait for all peers together. */
const MAX_WAITING_IN_TOTAL = 10_000;

type Task = () => Promise<unknown>;

/** Runs what peers cause: for each peer one after the other, for different peers side by side. */
export class PeerQueues {
  /** What waits behind the running task, by peer. */
  readonly #waiting = new Map<string, Task[]>();
  readonly #draining = new Set<Promise<void>>();
  #count = 0;

  /** Runs the task when the peer's earlier ones have settled; `false` where too many wait. The task must not reject. */
  run(peer: string, task: Task): boolean {
    const key = loginKey(peer);
    const waiting = this.#waiting.get(key);
    if (waiting) {
      if (waiting.length >= MAX_WAITING || this.#count >= MAX_WAITING_IN_TOTAL) return false;
      waiting.push(task);
      this.#count += 1;
      return true;
    }
    this.#waiting.set(key, []);
    const draining = this.#drain(key, task);
    this.#draining.add(draining);
    void draining.then(() => this.#draining.delete(draining));
    return true;
  }

  /** Whether something of a peer runs or waits. */
  has(peer: string): boolean {
    return this.#waiting.has(loginKey(peer));
  }

  /** Forgets what has not begun. */
  clear(): void {
    for (const waiting of this.#waiting.values()) waiting.length = 0;
    this.#count = 0;
  }

  /** Resolves when everything has settled that was there. */
  async emptied(): Promise<void> {
    await Promise.all(this.#draining);
  }

  async #drain(key: string, first: Task): Promise<void> {
    for (let task: Task | undefined = first; task; task = this.#next(key)) await task();
    this.#waiting.delete(key);
  }

  #next(key: string): Task | undefined {
    const task = this.#waiting.get(key)?.shift();
    if (task) this.#count -= 1;
    return task;
  }
}
