import { setImmediate as turn } from 'node:timers/promises';
import type { Activity } from '../bot/running/activity.ts';
import { ChatosError } from '../errors.ts';
import type { Party } from './party.ts';
import { startTimer } from '../util/timeout.ts';

/** What private connections carry has come to rest when so many turns of the event loop saw nothing move. */
const QUIET_TURNS = 20;

/** What is to settle. */
export interface Settling {
  readonly parties: Iterable<Party>;
  readonly activity: Activity;
  /** How many private connections the server has, those included that are only half there. */
  privateConnections(): number;
}

/**
 * Resolves when nothing more happens by itself. Messages of one keep their order (P8), so a message that comes back to
 * its sender has pushed those before it through the server, and pulled in those that the server had: first of the users,
 * whose words then wait for the bots, then of the bots. When the bots have done what they heard, the same again brings
 * what they said to the users, and to each other; where that made work, everything is done once more. Private connections
 * have an order of their own, and no such message: they are looked at until nothing moves.
 *
 * @throws the signal's reason
 */
export async function settle(network: Settling, signal: AbortSignal): Promise<void> {
  const { parties, activity } = network;
  const synchronise = async (isBot: boolean): Promise<void> => {
    const present = [...parties].filter((party) => party.isBot === isBot && party.reachable());
    // Who leaves or loses the connection meanwhile hears nothing more.
    await Promise.allSettled(present.map((party) => party.synchronise(signal)));
    signal.throwIfAborted();
  };
  for (let before = -1; before !== activity.begun;) {
    before = activity.begun;
    await synchronise(false);
    await synchronise(true);
    await until(activity.idle(), signal);
    await trafficRests(network, signal);
    await synchronise(true);
    await synchronise(false);
  }
}

/**
 * The same, for at most so many milliseconds.
 *
 * @throws {ChatosError} `TIMED_OUT` with the names of those who are still at work
 */
export async function settleWithin(timeoutMs: number, network: Settling): Promise<void> {
  const giveUp = new AbortController();
  const timer = startTimer(timeoutMs, () => {
    const atWork = [...network.parties].flatMap((party) => party.atWork());
    const why = atWork.length > 0 ? `${atWork.join(', ')} still at work` : 'what the bots say to each other has no end';
    giveUp.abort(new ChatosError('TIMED_OUT', `the bots did not settle within ${timeoutMs / 1000} s: ${why}`));
  });
  try {
    await settle(network, giveUp.signal);
  } finally {
    clearTimeout(timer);
  }
}

async function trafficRests(network: Settling, signal: AbortSignal): Promise<void> {
  const { parties, activity } = network;
  const look = (): string =>
    [network.privateConnections() || '', ...[...parties].map((party) => party.traffic())].join('');
  let seen = look();
  if (seen === '') return;
  for (let quiet = 0; quiet < QUIET_TURNS;) {
    await turn();
    await until(activity.idle(), signal);
    signal.throwIfAborted();
    const now = look();
    quiet = now === seen ? quiet + 1 : 0;
    seen = now;
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
