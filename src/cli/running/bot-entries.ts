import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { announcementsPlugin } from '../../bot/announcements.ts';
import type { IsolatedBot } from '../../bot/isolation/isolated-bot.ts';
import { impassableOptions, type IsolationOptions } from '../../bot/isolation/options.ts';
import type { LoadedBot } from '../../bot/isolation/worker-rpc.ts';
import { loadPlugin } from '../../bot/loading/loader.ts';
import { createModuleLoader } from '../../bot/loading/module-loader.ts';
import { checkOptions, readSchedule, type OptionProblem } from '../../bot/loading/plugin-options.ts';
import { partsOf, type PluginParts } from '../../bot/loading/plugin-parts.ts';
import type { ScheduledTask } from '../../bot/plugin/plugin.ts';
import type { LoadedPlugin } from '../../bot/loading/read-plugin.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { PLUGIN_MODULES, PLUGIN_WORKER } from '../../plugin-modules.ts';
import { loginProblem } from '../../protocol/login.ts';
import type { Logger } from '../../util/log.ts';
import { missingHint, type PlannedBot } from './bot-plans.ts';

/** A bot whose plugin is loaded and whose options its schema has checked. */
export interface BotToRun extends Omit<PlannedBot, 'login'> {
  /** Of an isolated bot, only the name: the rest is in its worker. */
  readonly plugin: LoadedPlugin;
  readonly isolated?: IsolatedBot | undefined;
  readonly login: string;
  /** Its schedules, by name. */
  readonly schedule: ReadonlyMap<string, ScheduledTask>;
  /** The names of what it has, also if it is isolated. */
  readonly parts: PluginParts & Pick<LoadedBot, 'schedules'>;
}

/** How plugins are loaded that run in worker threads. */
export interface WorkerLoading {
  readonly log: Logger;
  /** For bots that the configuration does not isolate; `undefined` to load them in this thread. */
  readonly others: IsolationOptions | undefined;
}

/** Loads the plugins of bots, and checks their options and logins. */
export class BotLoader {
  readonly #loaded: LoadedConfig;
  readonly #login: string | undefined;
  readonly #modules = createModuleLoader(PLUGIN_MODULES);
  readonly #workers: WorkerLoading | undefined;
  /** Those that were loaded already. */
  readonly #isolated = new Map<PlannedBot, IsolatedBot>();

  /**
   * @param login the account of bots that have none of their own
   * @param workers where plugins may run in worker threads; otherwise all are loaded in this one
   */
  constructor(loaded: LoadedConfig, login: string | undefined = loaded.config.login, workers?: WorkerLoading) {
    this.#loaded = loaded;
    this.#login = login;
    this.#workers = workers;
  }

  /** The files of a bot: its plugin and what that imports. */
  filesOf({ file }: PlannedBot): Set<string> {
    return file === undefined ? new Set() : this.#modules.filesOf(file);
  }

  /**
   * Loads one bot.
   *
   * @throws {ChatosError} `INVALID_PLUGIN` or `INVALID_CONFIG`; the message has a line for each error
   */
  async load(bot: PlannedBot): Promise<BotToRun> {
    const { file } = bot;
    if (file === undefined) {
      const plugin = announcementsPlugin(this.#loaded.config.announcements ?? []);
      const schedule = await plugin.schedule({});
      return {
        ...bot,
        plugin,
        login: this.#login ?? plugin.name,
        schedule,
        parts: { ...partsOf(plugin), schedules: [...schedule.keys()] },
      };
    }
    const shown = path.relative(process.cwd(), file) || file;
    if (!existsSync(file)) throw this.#missing(bot, shown);
    const isolation = bot.isolation ?? this.#workers?.others;
    if (isolation && this.#workers) return this.#loadIsolated(bot, shown, isolation, this.#workers);
    const plugin = await loadPlugin(shown, this.#modules);
    const login = this.#loginOf(bot, plugin.name, shown);
    const checked = await checkOptions(plugin, bot.options);
    if ('problems' in checked) throw this.#invalidOptions(bot, shown, checked.problems);
    const { options } = checked;
    const schedule = await readSchedule(plugin, shown, options);
    return { ...bot, plugin, login, options, schedule, parts: { ...partsOf(plugin), schedules: [...schedule.keys()] } };
  }

  async #loadIsolated(
    bot: PlannedBot,
    file: string,
    isolation: IsolationOptions,
    { log }: WorkerLoading,
  ): Promise<BotToRun> {
    let isolated = this.#isolated.get(bot);
    if (!isolated) {
      const impassable = impassableOptions(bot.options);
      if (impassable.length > 0) throw this.#invalidOptions(bot, file, impassable);
      const { IsolatedBot: Bot } = await import('../../bot/isolation/isolated-bot.ts');
      isolated = new Bot({ ...isolation, file, options: bot.options, entry: PLUGIN_WORKER, log });
      this.#isolated.set(bot, isolated);
    }
    const { name, problems, ...parts } = await isolated.load();
    if (problems.length > 0) throw this.#invalidOptions(bot, file, problems);
    const plugin = namedPlugin(name, bot.file!);
    return { ...bot, plugin, isolated, login: this.#loginOf(bot, name, file), schedule: new Map(), parts };
  }

  #missing({ file, path: where }: PlannedBot, shown: string): ChatosError {
    const place = where && this.#loaded.locate([...where, 'path']);
    const before = place === undefined ? '' : `${place}: ${where!.join('.')}: `;
    const hint = missingHint(file!, where === undefined, this.#loaded);
    return new ChatosError('INVALID_PLUGIN', `${before}${shown}: no such file${hint}`, { fields: { file } });
  }

  #loginOf(bot: PlannedBot, name: string, shown: string): string {
    const login = bot.login ?? this.#login ?? name;
    const problem = loginProblem(login);
    if (problem === undefined) return login;
    const message = `${shown}: its name '${name}' cannot be its login (${problem}); give it a login`;
    throw new ChatosError('INVALID_PLUGIN', message);
  }

  #invalidOptions(bot: PlannedBot, shown: string, problems: readonly OptionProblem[]): ChatosError {
    const lines = problems.map(({ path: where, message }) => {
      const key = ['options', ...where];
      const place = bot.path && this.#loaded.locate([...bot.path, ...key]);
      return `${place ?? shown}: ${[...(bot.path ?? []), ...key].join('.')}: ${message}`;
    });
    return new ChatosError('INVALID_CONFIG', lines.join('\n'), { fields: { file: bot.file } });
  }

  /**
   * Loads several.
   *
   * @throws {ChatosError} with the errors of all of them
   */
  async loadAll(bots: readonly PlannedBot[]): Promise<BotToRun[]> {
    const loaded: BotToRun[] = [];
    const errors: ChatosError[] = [];
    for (const bot of bots) {
      try {
        loaded.push(await this.load(bot));
      } catch (error) {
        if (!isChatosError(error)) throw error;
        errors.push(error);
      }
    }
    const error = joinErrors(errors);
    if (!error) return loaded;
    await this.close();
    throw error;
  }

  /** Ends the workers of isolated bots. */
  async close(bots: Iterable<PlannedBot> = this.#isolated.keys()): Promise<void> {
    await Promise.all(Array.from(bots, async (bot) => this.#isolated.get(bot)?.stop(0)));
  }
}

/** A plugin whose parts are elsewhere. */
function namedPlugin(name: string, file: string): LoadedPlugin {
  const schedule = (): Promise<ReadonlyMap<string, ScheduledTask>> => Promise.resolve(new Map());
  const around = { before: [], after: [] };
  return {
    name,
    file,
    hooks: {},
    commands: new Map(),
    schedule,
    timers: new Map(),
    dialogues: new Map(),
    ...around,
    optionsSchema: undefined,
  };
}

/** One error with a line for each; `undefined` for none. */
export function joinErrors(errors: readonly ChatosError[]): ChatosError | undefined {
  const [first] = errors;
  if (errors.length < 2) return first;
  // A file may be there several times, for several logins.
  const messages = new Set(errors.map(({ message }) => message));
  return new ChatosError(first!.code, [...messages].join('\n'));
}

/** There are no bots to run. */
export function nothingToRun({ file }: LoadedConfig): ChatosError {
  const where = file === undefined ? 'there is no chatosbot.config.yaml' : `${file} has no bots`;
  return new ChatosError('INVALID_ARGUMENT', `nothing to run: no plugin was named, and ${where}`);
}
