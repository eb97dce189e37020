import path from 'node:path';
import { messageOf } from '../errors.ts';
import type { Logger } from '../util/log.ts';
import type { BotLoader, BotToRun, PlannedBot } from './bot-entries.ts';

/** Editors write a file in several steps: a change counts when nothing more has come for so long. */
const SETTLE_MS = 100;

/** What is told of a bot that was loaded anew. */
export interface BotWatcherSettings {
  readonly bots: readonly PlannedBot[];
  readonly loader: BotLoader;
  readonly log: Logger;
  /** Puts the new version in the place of the one that runs. */
  readonly replace: (index: number, bot: BotToRun) => Promise<void>;
  /** A bot runs in its new version. */
  readonly onReload: (bot: BotToRun) => void;
}

interface Watched {
  readonly index: number;
  readonly plan: PlannedBot;
  files: Set<string>;
  timer: NodeJS.Timeout | undefined;
  reloading: Promise<void> | undefined;
  /** Something has changed since the reload under way began. */
  again: boolean;
}

/**
 * Loads bots anew when their files change, or those that they import. The new version is loaded first: where it is
 * broken, that is told, and the one before goes on.
 */
export class BotWatcher {
  readonly #settings: BotWatcherSettings;
  readonly #watched: Watched[];
  #files: { add(paths: string[]): unknown; unwatch(paths: string[]): unknown; close(): Promise<void> } | undefined;
  #closed = false;

  constructor(settings: BotWatcherSettings) {
    this.#settings = settings;
    this.#watched = settings.bots.flatMap((plan, index) => {
      if (plan.file === undefined) return [];
      return [{ index, plan, files: new Set<string>(), timer: undefined, reloading: undefined, again: false }];
    });
  }

  /** Resolves when changes are seen. */
  async start(): Promise<void> {
    const { watch } = await import('chokidar');
    for (const each of this.#watched) each.files = this.#settings.loader.filesOf(each.plan);
    const watcher = watch([...this.#allFiles()], { ignoreInitial: true });
    this.#files = watcher;
    watcher.on('all', (_, file) => this.#changed(path.resolve(file)));
    watcher.on('error', (error) => this.#settings.log.warn(`changes may be missed: ${messageOf(error)}`));
    await new Promise<void>((resolve) => watcher.once('ready', resolve));
  }

  /** Looks no more; resolves when reloads under way have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#watched) clearTimeout(timer);
    await this.#files?.close();
    for (const { reloading } of this.#watched) await reloading;
  }

  #changed(file: string): void {
    for (const bot of this.#watched) {
      if (!bot.files.has(file) || this.#closed) continue;
      clearTimeout(bot.timer);
      bot.timer = setTimeout(() => {
        bot.again = true;
        bot.reloading ??= this.#reload(bot).finally(() => (bot.reloading = undefined));
      }, SETTLE_MS);
    }
  }

  async #reload(bot: Watched): Promise<void> {
    const { loader, log, replace, onReload } = this.#settings;
    while (bot.again && !this.#closed) {
      bot.again = false;
      try {
        const loaded = await loader.load(bot.plan, { fresh: true });
        await replace(bot.index, loaded);
        onReload(loaded);
      } catch (error) {
        log.error(`${messageOf(error)}; the version before goes on`);
      }
      this.#follow(bot);
    }
  }

  /** Watches what the bot is made of now; what it was made of before too, while it does not load. */
  #follow(bot: Watched): void {
    const before = this.#allFiles();
    bot.files = this.#settings.loader.filesOf(bot.plan);
    const now = this.#allFiles();
    this.#files?.unwatch([...before].filter((file) => !now.has(file)));
    this.#files?.add([...now].filter((file) => !before.has(file)));
  }

  #allFiles(): Set<string> {
    return new Set(this.#watched.flatMap(({ files }) => [...files]));
  }
}
