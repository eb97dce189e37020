import type { RuntimeObserver } from '../../bot/events.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { isChatosError } from '../../errors.ts';
import { TestNetwork } from '../../testing/test-network.ts';
import type { Logger } from '../../util/log.ts';
import type { BotToRun } from './bot-entries.ts';

/** How long the bots may stay busy, in real time. */
const SETTLE_TIMEOUT_MS = 10_000;

export interface OfflineOptions {
  /** The account of all bots. */
  readonly login: string;
  readonly bots: readonly Pick<BotToRun, 'plugin' | 'options'>[];
  readonly loaded: LoadedConfig;
  /** The time of the clock at first. */
  readonly startsAt: Date;
  /** The folder of the stores. @default a temporary one */
  readonly stateDirectory?: string | undefined;
  readonly log: Logger;
  readonly observer: RuntimeObserver;
}

/** Bots of the command line on their own network, with a clock that stands still. */
export type OfflineBots = Awaited<ReturnType<typeof startOfflineBots>>;

/**
 * Starts the server and the bots, and resolves when the bots have settled.
 *
 * @throws {ChatosError} as {@link BotRuntime}
 */
export async function startOfflineBots(options: OfflineOptions) {
  const { login, bots, loaded, startsAt, stateDirectory, log, observer } = options;
  const { config, directory } = loaded;
  const net = await TestNetwork.start({
    clock: { start: startsAt },
    // What was recorded elsewhere is played here, whatever that server allowed.
    lookAlikes: 'allow',
    ...(stateDirectory !== undefined && { stateDirectory }),
  });
  /** Resolves when the bots only wait, for peers or for time to pass; to `false` if they are still busy after so long. */
  const settled = async (timeoutMs = SETTLE_TIMEOUT_MS): Promise<boolean> => {
    try {
      await net.settled({ timeoutMs });
      return true;
    } catch (error) {
      if (isChatosError(error, 'TIMED_OUT')) return false;
      throw error;
    }
  };
  try {
    const plugins = bots.map((bot) => ({ plugin: bot.plugin, options: bot.options, directory }));
    const { policy, commandPrefix } = config;
    const runtime = await net.run(login, plugins, { policy, commandPrefix, log, observer });
    await settled();
    /** Ends everything at once. To give the bots time for `onStop`, stop the runtime first. */
    const close = async (): Promise<void> => {
      await runtime.stop({ timeoutMs: 0 });
      await net.stop();
    };
    return { net, runtime, settled, close };
  } catch (error) {
    await net.stop();
    throw error;
  }
}
