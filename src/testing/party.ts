import type { BotRuntime } from '../bot/runtime.ts';
import type { AccountStatus } from '../bot/status.ts';
import type { ChatosClient } from '../client/client.ts';
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
    traffic: () => {
      if (runtime.channelCount === 0) return '';
      return `${account()
        .channels.map(({ bytesReceived, bytesSent }) => `${bytesReceived},${bytesSent}`)
        .join()};`;
    },
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
