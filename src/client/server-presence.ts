import { isChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { isAlive } from '../net/dial.ts';
import type { Identity } from '../net/identity.ts';
import type { SendOptions } from './options.ts';
import type { SessionLoop } from './session-loop.ts';

/** A server whose session stays open counts as there if it does not answer for this long. */
const PATIENCE_MS = 2_000;
/** How far apart the ends of a session and of a channel may be seen where both come of the same cause. */
const SAME_CAUSE_MS = 150;

export interface ServerPresenceSettings {
  readonly loop: SessionLoop;
  /** The machine that the server is on. */
  readonly reached: Address;
  /** Who we are for it. @default nobody in particular */
  readonly identity?: Identity | undefined;
  /** Resolves when the server has handled what was sent on the session until now. */
  readonly roundTrip: (options: SendOptions) => Promise<void>;
}

/**
 * Finds out whether the server is there. The system ends all connections of a process that is killed as if all had been
 * said, so that the end of a channel is believed only when the server is still there afterwards (P14).
 *
 * The proof is an answer on the session, to a question that was asked after the end had come. Without a session there it is a
 * fresh connection: then a server that no longer listens counts as gone.
 */
export class ServerPresence {
  readonly #settings: ServerPresenceSettings;
  #running: Promise<boolean> | undefined;
  #next: Promise<boolean> | undefined;
  #lostAt = -Infinity;
  /** Sessions that were lost while channels were open. */
  #losses = 0;
  /** Which of these losses was last followed by an address where nobody listened. */
  #goneAtLoss = 0;

  constructor(settings: ServerPresenceSettings) {
    this.#settings = settings;
  }

  /** For a channel that opens now: asks, once its input has ended, whether the server was there all the time. */
  witness(): () => Promise<boolean> {
    const before = this.#losses;
    return async () => (await this.#check()) && this.#goneAtLoss <= before;
  }

  /**
   * A session was lost while channels are open. An end that comes at the same time is of the same cause; one that is read
   * later, behind bytes that nobody took, may be: by then the server may have been started again. Resolves to whether
   * somebody listens at its address.
   */
  async sessionLost(): Promise<boolean> {
    this.#lostAt = performance.now();
    this.#losses += 1;
    const loss = this.#losses;
    const alive = await this.#isAlive();
    if (!alive) this.#goneAtLoss = Math.max(this.#goneAtLoss, loss);
    return alive;
  }

  /** One question at a time. A question that was sent before this end proves nothing: the next one does, for all ends until then. */
  #check(): Promise<boolean> {
    if (this.#running) {
      this.#next ??= this.#running.then(() => {
        this.#next = undefined;
        return this.#check();
      });
      return this.#next;
    }
    this.#running = this.#ask().finally(() => (this.#running = undefined));
    return this.#running;
  }

  #isAlive(): Promise<boolean> {
    const { reached, identity } = this.#settings;
    return isAlive(reached, { identity });
  }

  async #ask(): Promise<boolean> {
    const { loop, reached, roundTrip } = this.#settings;
    // Of the machine that relays the channel, a session at another one proves nothing.
    if (loop.session && !loop.ending && formatAddress(loop.session.reached) === formatAddress(reached)) {
      try {
        await roundTrip({ timeoutMs: PATIENCE_MS });
        return true;
      } catch (error) {
        if (isChatosError(error, 'TIMED_OUT')) return true;
        if (!loop.ending) return false;
      }
    }
    if (performance.now() - this.#lostAt < SAME_CAUSE_MS) return false;
    return this.#isAlive();
  }
}
