import type { RuntimeObserver } from '../../bot/events.ts';
import type { BotRuntime } from '../../bot/runtime.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { isChatosError } from '../../errors.ts';
import { TestNetwork } from '../../testing/test-network.ts';
import type { Logger } from '../../util/log.ts';
import type { BotToRun } from './bot-entries.ts';
import { surviveUncaughtErrors } from './uncaught-errors.ts';

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
export class OfflineBots {
  readonly net: TestNetwork;
  readonly runtime: BotRuntime;
  readonly #restoreHandlers: () => void;

  /**
   * Starts the server and the bots, and resolves when the bots have settled.
   *
   * @throws {ChatosError} as {@link BotRuntime}
   */
  static async start({ startsAt, stateDirectory, ...options }: OfflineOptions): Promise<OfflineBots> {
    const { login, bots, loaded, log, observer } = options;
    const net = await TestNetwork.start({
      clock: { start: startsAt },
      ...(stateDirectory !== undefined && { stateDirectory }),
    });
    const restoreHandlers = surviveUncaughtErrors(log);
    try {
      const { policy, commandPrefix } = loaded.config;
      const plugins = bots.map(({ plugin, options: checked }) => {
        return { plugin, options: checked, directory: loaded.directory };
      });
      const runtime = await net.run(login, plugins, { policy, commandPrefix, log, observer });
      const offline = new OfflineBots(net, runtime, restoreHandlers);
      await offline.settled();
      return offline;
    } catch (error) {
      await net.stop();
      restoreHandlers();
      throw error;
    }
  }

  private constructor(net: TestNetwork, runtime: BotRuntime, restoreHandlers: () => void) {
    this.net = net;
    this.runtime = runtime;
    this.#restoreHandlers = restoreHandlers;
  }

  /**
   * Resolves when the bots only wait, for peers or for time to pass; to `false` if they are still busy after ten seconds.
   */
  async settled(): Promise<boolean> {
    try {
      await this.net.settled({ timeoutMs: SETTLE_TIMEOUT_MS });
      return true;
    } catch (error) {
      if (isChatosError(error, 'TIMED_OUT')) return false;
      throw error;
    }
  }

  /** Ends everything at once. To give the bots time for `onStop`, stop the runtime first. */
  async close(): Promise<void> {
    await this.runtime.stop({ timeoutMs: 0 });
    await this.net.stop();
    this.#restoreHandlers();
  }
}
