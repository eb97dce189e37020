import { messageOf } from '../errors.ts';

/** A server that can test itself. */
export interface TestableServer {
  /** Whether it lets nobody in any more. */
  readonly isStopping: boolean;
  /** Returns what has failed, in words. */
  selfTest(): Promise<string | undefined>;
}

/** A result holds for so long, in milliseconds: anyone who asks more often gets the same. One that is bad is soon tried again. */
const GOOD_MS = 5_000;
const BAD_MS = 1_000;

const STOPPING = 'server: it is stopping';

/** Whether a server works, as its own test says: at most one runs at a time, and its result holds for a while. */
export class Readiness {
  readonly #server: TestableServer;
  readonly #now: () => number;
  #problem: string | undefined;
  #testedAt = -Infinity;
  #running: Promise<string | undefined> | undefined;

  constructor(server: TestableServer, now: () => number = () => performance.now()) {
    this.#server = server;
    this.#now = now;
  }

  /** What the last test says, be it old; where it is, another one begins. For who asks often, and cannot wait. */
  get lastProblem(): string | undefined {
    void this.problem();
    return this.#server.isStopping ? STOPPING : this.#problem;
  }

  /** What fails; `undefined` where nothing does. */
  problem(): Promise<string | undefined> {
    if (this.#server.isStopping) return Promise.resolve(STOPPING);
    const age = this.#now() - this.#testedAt;
    if (age < (this.#problem === undefined ? GOOD_MS : BAD_MS)) return Promise.resolve(this.#problem);
    return (this.#running ??= this.#test());
  }

  async #test(): Promise<string | undefined> {
    let failure: string | undefined;
    try {
      failure = await this.#server.selfTest();
    } catch (error) {
      failure = messageOf(error);
    }
    this.#problem = failure && `server: ${failure}`;
    this.#testedAt = this.#now();
    this.#running = undefined;
    return this.#problem;
  }
}
