import { ChatosError } from '../../errors.ts';
import type { AskingTunnel } from '../../transfer/forward/asking-tunnel.ts';
import { createDeferred, type Deferred } from '../../util/deferred.ts';

/** The tunnel that there is at the moment: who needs one while there is none waits for the next, for a while. */
export class TunnelSource {
  readonly #peer: string;
  readonly #waiting = new Set<Deferred<AskingTunnel>>();
  #tunnel: AskingTunnel | undefined;

  constructor(peer: string) {
    this.#peer = peer;
  }

  set(tunnel: AskingTunnel | undefined): void {
    this.#tunnel = tunnel;
    if (!tunnel) return;
    for (const waiting of this.#waiting) if (!waiting.settled) waiting.resolve(tunnel);
    this.#waiting.clear();
  }

  /** @throws {ChatosError} `NOT_CONNECTED` where there is none in time, `ABORTED` */
  async get(limits: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<AskingTunnel> {
    if (this.#tunnel?.isOpen) return this.#tunnel;
    const waiting = createDeferred<AskingTunnel>({ ...limits, what: `no private connection with ${this.#peer}` });
    this.#waiting.add(waiting);
    try {
      return await waiting.promise;
    } catch (error) {
      if (limits.signal.aborted) throw error;
      const message = `there is no private connection with ${this.#peer}`;
      throw new ChatosError('NOT_CONNECTED', message, { cause: error, fields: { peer: this.#peer } });
    } finally {
      this.#waiting.delete(waiting);
    }
  }
}
