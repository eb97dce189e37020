import { setImmediate as turn } from 'node:timers/promises';
import type { Activity } from '../bot/running/activity.ts';
import type { BotRuntime } from '../bot/runtime.ts';
import type { AccountStatus } from '../bot/status.ts';
import type { ChatosClient } from '../client/client.ts';
import { ChatosError } from '../errors.ts';
import { withResolvers } from '../util/deferred.ts';
import { startTimer } from '../util/timeout.ts';
import type { TestProxy } from './proxy.ts';

/** Bots that share an account, or a user of a network. */
export interface Party {
  readonly isBot: boolean;
  /** Whether it gets data from the server, now or soon. */
  reachable(): boolean;
  /** The names of the bots with running hooks. */
  runningBots(): readonly string[];
  /** Changes with every byte of its private connections; '' if it has none. */
  traffic(): string;
  /** Resolves when the server has received what it sent, and it has received what the server had for it. */
  synchronise(signal: AbortSignal): Promise<void>;
}

/** The plugins of a runtime, which share one account. */
export function partyOfBots(runtime: BotRuntime, proxy: TestProxy): Party {
  const account = (): AccountStatus => runtime.status.accounts[0]!;
  return {
    isBot: true,
    reachable: () => account().state !== 'ended' && !proxy.stalled,
    runningBots: () => account().plugins.flatMap(({ name, running }) => (running > 0 ? [name] : [])),
    traffic: () =>
      runtime.channelCount === 0
        ? ''
        : account()
            .channels.map(({ bytesReceived, bytesSent }) => `${bytesReceived},${bytesSent};`)
            .join(''),
    synchronise: (signal) => runtime.synchronise(signal),
  };
}

/** A user. */
export function partyOfUser(client: ChatosClient, proxy: TestProxy): Party {
  return {
    isBot: false,
    reachable: () => client.connected && !proxy.stalled,
    runningBots: () => [],
    traffic: () => (client.channelCount === 0 ? '' : `${client.channelCount};`),
    synchronise: (signal) => client.roundTrip({ timeoutMs: Infinity, signal }),
  };
}

/** Private connections have come to rest when nothing has moved for so many turns of the event loop. */
const QUIET_TURNS = 20;

/** The network that is to settle. */
export interface Settling {
  readonly parties: Iterable<Party>;
  readonly activity: Activity;
  /** How many private connections the server has, including those with one half. */
  privateConnections(): number;
}

/**
 * Resolves when nothing more happens by itself. The messages of one sender keep their order (P8), so one that comes back to
 * its sender has pushed those before it through the server, and pulled in those that the server had: first for the users,
 * whose messages then wait for the bots, then for the bots. When the bots have handled them, the same again brings their
 * messages to the users and to each other; if that made work, everything is repeated. Private connections have their own
 * order and no such message: they are observed until nothing moves.
 *
 * @throws the signal's reason
 */
export async function settle(network: Settling, signal: AbortSignal): Promise<void> {
  const { parties, activity } = network;
  const synchronise = async (isBot: boolean): Promise<void> => {
    const present = [...parties].filter((party) => party.isBot === isBot && party.reachable());
    // A party that leaves or loses its connection meanwhile receives nothing more.
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
 * Like {@link settle}, for at most so many milliseconds.
 *
 * @throws {ChatosError} `TIMED_OUT` with the names of the bots that are still running
 */
export async function settleWithin(timeoutMs: number, network: Settling): Promise<void> {
  const giveUp = new AbortController();
  const timer = startTimer(timeoutMs, () => {
    const runningBots = [...network.parties].flatMap((party) => party.runningBots());
    const why =
      runningBots.length > 0 ? `${runningBots.join(', ')} still running` : 'bots answer each other without end';
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
  const observe = (): string =>
    [network.privateConnections() || '', ...[...parties].map((party) => party.traffic())].join('');
  let seen = observe();
  if (seen === '') return;
  for (let quiet = 0; quiet < QUIET_TURNS;) {
    await turn();
    await until(activity.idle(), signal);
    signal.throwIfAborted();
    const now = observe();
    quiet = now === seen ? quiet + 1 : 0;
    seen = now;
  }
}

async function until(done: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([done, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
