import { InvalidArgumentError, type Command } from 'commander';
import { keptTimers } from '../../bot/running/timer-records.ts';
import { findStores, storeDirectory, storeIds } from '../../bot/store/directory.ts';
import { PluginStore } from '../../bot/store/plugin-store.ts';
import { loadConfig } from '../../config/load.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { botServer, configuredServer, listenAddresses, ownAddress, stateDirectory } from '../../config/settings.ts';
import { isChatosError } from '../../errors.ts';
import type { Address } from '../../net/address.ts';
import { listRuns } from '../../schedule/coming-runs.ts';
import { escapeUnsafe, toJsonLine } from '../../util/escape.ts';
import { createLogger } from '../../util/log.ts';
import { Zone } from '../../util/zone.ts';
import { BotLoader, nothingToRun, type BotToRun } from '../running/bot-entries.ts';
import { planBots } from '../running/bot-plans.ts';
import { titleOf } from '../running/entry-choice.ts';
import { configOption, stateOption, timeArgument, TIME_FORMS } from '../options.ts';
import { notice, writeLine } from '../terminal/output.ts';
import { surviveUncaughtErrors } from '../terminal/plugin-errors.ts';

interface ScheduleFlags {
  readonly count: number;
  readonly from?: Date;
  readonly config?: string;
  readonly state?: string;
  readonly json?: boolean;
}

export function register(command: Command): void {
  command
    .argument(
      '[bots...]',
      'plugin files, or names or logins of bots in the configuration (default: all its bots, and the announcements)',
    )
    .option('-n, --count <runs>', 'how many runs', countArgument, 10)
    .option('--from <time>', `runs after this time: ${TIME_FORMS} (default: now)`, timeArgument)
    .addOption(configOption())
    .addOption(stateOption())
    .option('--json', 'print a line of JSON for each run')
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot schedule
  $ chatosbot schedule ./bots/announce.ts --count 3

Lists the next runs of the schedules that plugins declare, and of the announcements, and the timers that the stores of
bots have. Only one process can open a store: for a bot that runs, 'chatosbot status' shows its timers, and the jobs that
it has added with ctx.schedule.`,
    )
    .action(list);
}

async function list(files: string[], flags: ScheduleFlags): Promise<void> {
  surviveUncaughtErrors(createLogger());
  const loaded = await loadConfig({ file: flags.config });
  const plans = planBots(files, loaded);
  if (plans.length === 0) throw nothingToRun(loaded);
  const bots = await new BotLoader(loaded).loadAll(plans);
  const schedules = bots.flatMap((bot) =>
    Array.from(bot.schedule, ([job, { cron, timeZone }]) => {
      return { title: titleOf(bot, bots), bot: bot.plugin.name, login: bot.login, job, cron, timeZone };
    }),
  );
  const runs: Line[] = listRuns(schedules, { count: flags.count, ...(flags.from && { from: flags.from }) }).map(
    ({ due, time, schedule: { title, ...fields } }) => ({ due, time, title, what: fields.job, fields }),
  );
  const { timers, isComplete } = await timersOf(bots, loaded, flags);
  const lines = [...runs, ...timers].toSorted((one, other) => one.due.getTime() - other.due.getTime());
  if (lines.length === 0 && isComplete) notice('nothing is scheduled');
  const width = Math.max(...lines.map(({ time }) => time.length));
  for (const { due, time, title, what, fields } of lines) {
    const line = `${time.padEnd(width)}  ${escapeUnsafe(title)}  ${escapeUnsafe(what)}`;
    await writeLine(flags.json ? toJsonLine({ due: due.toISOString(), ...fields }) : line);
  }
}

/** A coming run of a job, or a timer. */
interface Line {
  readonly due: Date;
  readonly time: string;
  readonly title: string;
  readonly what: string;
  /** For machines. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The next timers that the stores of the bots have. */
async function timersOf(
  bots: readonly BotToRun[],
  loaded: LoadedConfig,
  { count, from, state: given }: ScheduleFlags,
): Promise<{ readonly timers: Line[]; readonly isComplete: boolean }> {
  const timers: Line[] = [];
  let isComplete = true;
  const zone = new Zone(undefined);
  const state = stateDirectory(given, loaded);
  const stores = await findStores(state);
  const ids = storeIds(
    bots.map((bot) => ({ name: bot.plugin.name, login: bot.login, address: addressOf(bot, loaded) })),
  );
  for (const [index, bot] of bots.entries()) {
    const { plugin, login } = bot;
    const directory = storeDirectory(state, ids[index]!);
    const found = stores.find((store) => store.directory === directory);
    if (plugin.timers.size === 0 || !found) continue;
    const store = new PluginStore({ directory, lockTimeoutMs: 0 });
    const title = titleOf(bot, bots);
    try {
      for await (const { name: timer, at } of keptTimers(store.records)) {
        const due = new Date(at);
        if (from && due < from) continue;
        const fields = { bot: plugin.name, login, timer };
        timers.push({ due, time: zone.format(due.getTime(), { withSeconds: true }), title, what: timer, fields });
        if (timers.length >= count) break;
      }
    } catch (error) {
      if (!isChatosError(error)) throw error;
      const why = error.fields['inUse'] === true ? "it runs: 'chatosbot status' shows them" : error.message;
      isComplete = false;
      notice(`the timers of ${title} cannot be listed: ${why}`);
    } finally {
      await store.close();
    }
  }
  return { timers, isComplete };
}

/** The first address of a bot's server. */
function addressOf(bot: BotToRun, loaded: LoadedConfig): Address {
  const server = bot.server ?? botServer({}, loaded);
  if (server === 'embedded') return ownAddress(listenAddresses(undefined, loaded.config));
  return (typeof server === 'string' ? configuredServer(server, loaded) : server)[0]!;
}

function countArgument(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 10_000) return count;
  throw new InvalidArgumentError('expected a number of runs, 1 to 10000');
}
