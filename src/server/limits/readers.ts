import type { SessionId } from '../directory.ts';
import type { SessionInfo } from '../events.ts';

/** All sessions that are identified. */
export const EVERYONE = Symbol('everyone');
/** To whom a message goes. */
export type Audience = SessionId | typeof EVERYONE;

/** The exempt clients that are behind with reading: exempt senders wait for them, as in a pipe (P17). */
export class Readers {
  readonly #behind = new Map<SessionId, SessionInfo>();

  /** The client is behind from now on, or is so no longer. */
  set(client: SessionInfo, isBehind: boolean): void {
    if (isBehind) this.#behind.set(client.id, client);
    else this.#behind.delete(client.id);
  }

  /** The client is gone. */
  forget(id: SessionId): void {
    this.#behind.delete(id);
  }

  /** One of these who is behind. */
  behind(audience: Audience): SessionInfo | undefined {
    if (this.#behind.size === 0) return undefined;
    return audience === EVERYONE ? this.#behind.values().next().value : this.#behind.get(audience);
  }
}
