import type { Activity } from '../bot/activity.ts';

/** A bot or a user of a network. */
export interface Party {
  readonly isBot: boolean;
  readonly name: string;
  /** Whether the server can be heard from, now or soon. */
  reachable(): boolean;
  /** Calls of hooks under way. */
  busy(): number;
  /** Resolves when the server has had what it sent, and it has heard what the server had for it. */
  synchronise(signal: AbortSignal): Promise<void>;
}

/**
 * Resolves when nothing more happens by itself. Messages of one keep their order (P8), so a message that comes back to
 * its sender has pushed those before it through the server, and pulled in those that the server had: first of the users,
 * whose words then wait for the bots, then of the bots. When the bots have done what they heard, the same again brings
 * what they said to the users, and to each other; where that made work, everything is done once more.
 *
 * @throws the signal's reason
 */
export async function settle(parties: readonly Party[], activity: Activity, signal: AbortSignal): Promise<void> {
  const synchronise = async (isBot: boolean): Promise<void> => {
    const present = parties.filter((party) => party.isBot === isBot && party.reachable());
    // Who leaves or loses the connection meanwhile hears nothing more.
    await Promise.allSettled(present.map((party) => party.synchronise(signal)));
    signal.throwIfAborted();
  };
  for (let before = -1; before !== activity.begun;) {
    before = activity.begun;
    await synchronise(false);
    await synchronise(true);
    await until(activity.idle(), signal);
    await synchronise(true);
    await synchronise(false);
  }
}

async function until(done: Promise<void>, signal: AbortSignal): Promise<void> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([done, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
