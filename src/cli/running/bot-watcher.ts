import path from 'node:path';
import { messageOf } from '../../errors.ts';
import { withResolvers } from '../../util/deferred.ts';
import type { Logger } from '../../util/log.ts';
import type { BotLoader, BotToRun } from './bot-entries.ts';
import type { PlannedBot } from './bot-plans.ts';
import { FileWatch } from './file-watch.ts';

/** Which bots are watched, and what happens to their new versions. */
export interface BotWatcherSettings {
  readonly bots: readonly PlannedBot[];
  readonly loader: BotLoader;
  /** When loading them began, in ms since 1970: files that have changed since are reloaded. */
  readonly loadedAt: number;
  /** The configuration file, if there is one: a change of it needs a restart, which is logged. */
  readonly configFile: string | undefined;
  readonly log: Logger;
  /** Replaces the running version by the new one. */
  readonly replace: (index: number, bot: BotToRun) => Promise<void>;
  /** Pause between two looks at the files. @default 100 */
  readonly lookMs?: number;
  /** Called when a bot runs in its new version. */
  readonly onReload: (bot: BotToRun) => void;
}

interface Watched {
  readonly index: number;
  readonly plan: PlannedBot;
  files: ReadonlySet<string>;
  reloading: boolean;
  /** Something has changed since the current reload began. */
  again: boolean;
  /** While a new version is loaded: gives it up, as there is a newer one. */
  giveUp: () => void;
}

/**
 * Reloads bots when their files change, or those that they import. The new version is loaded first: if it is broken, that
 * is logged, and the old version keeps running.
 */
export class BotWatcher {
  readonly #settings: BotWatcherSettings;
  readonly #watched: Watched[];
  readonly #files: FileWatch;
  #replacing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(settings: BotWatcherSettings) {
    this.#settings = settings;
    this.#files = new FileWatch((files) => this.#onChange(files), settings.lookMs);
    this.#watched = settings.bots.flatMap((plan, index) => {
      if (plan.file === undefined) return [];
      return [{ index, plan, files: new Set<string>(), reloading: false, again: false, giveUp: () => undefined }];
    });
  }

  start(): void {
    for (const bot of this.#watched) bot.files = this.#settings.loader.filesOf(bot.plan);
    this.#watchFiles(this.#settings.loadedAt);
  }

  /** Stops watching; resolves when no bot is being replaced. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#files.close();
    await this.#replacing;
  }

  #onChange(files: ReadonlySet<string>): void {
    const { configFile, log } = this.#settings;
    if (configFile !== undefined && files.has(configFile)) {
      log.warn(`${path.relative('', configFile)} has changed; restart to use it`);
    }
    for (const bot of this.#watched) {
      if (![...bot.files].some((file) => files.has(file))) continue;
      bot.again = true;
      bot.giveUp();
      if (!bot.reloading) void this.#reload(bot);
    }
  }

  async #reload(bot: Watched): Promise<void> {
    bot.reloading = true;
    while (bot.again && !this.#closed) {
      bot.again = false;
      try {
        await this.#replace(bot);
      } catch (error) {
        this.#settings.log.error(`${messageOf(error)}; the old version keeps running`);
      }
    }
    bot.reloading = false;
  }

  async #replace(bot: Watched): Promise<void> {
    const { replace, onReload } = this.#settings;
    const loaded = await this.#load(bot);
    if (!loaded || this.#closed) return;
    const replacing = replace(bot.index, loaded);
    this.#replacing = Promise.allSettled([this.#replacing, replacing]).then(() => undefined);
    await replacing;
    onReload(loaded);
  }

  /**
   * Loads a bot, and watches its files; unless it has loaded, those of the version before too. Resolves to `undefined` when
   * they change meanwhile: a version that waits for something as it loads does not hold up the next one.
   */
  async #load(bot: Watched): Promise<BotToRun | undefined> {
    const { loader } = this.#settings;
    const beganAt = Date.now();
    let before = bot.files;
    const watch = (): void => {
      bot.files = new Set([...before, ...loader.filesOf(bot.plan)]);
      this.#watchFiles(beganAt);
    };
    const { promise: changed, resolve } = withResolvers<undefined>();
    bot.giveUp = () => resolve(undefined);
    try {
      const loading = loader.load(bot.plan);
      watch();
      const loaded = await Promise.race([loading, changed]);
      if (loaded) before = new Set();
      return loaded;
    } finally {
      watch();
    }
  }

  #watchFiles(since: number): void {
    const { configFile } = this.#settings;
    const files = new Set(this.#watched.flatMap((bot) => [...bot.files]));
    this.#files.watch(configFile === undefined ? files : files.add(configFile), since);
  }
}
