import { InvalidArgumentError, type Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { listRuns } from '../../schedule/runs.ts';
import { escapeUnsafe, toJsonLine } from '../../util/escape.ts';
import { createLogger } from '../../util/log.ts';
import { BotLoader, nothingToRun, planBots } from '../running/bot-entries.ts';
import { titleOf } from '../running/entry-choice.ts';
import { configOption, timeArgument, TIME_FORMS } from '../options.ts';
import { notice, writeLine } from '../terminal/output.ts';
import { surviveUncaughtErrors } from '../terminal/plugin-errors.ts';

interface ScheduleFlags {
  readonly count: number;
  readonly from?: Date;
  readonly config?: string;
  readonly json?: boolean;
}

export function register(command: Command): void {
  command
    .argument('[bots...]', 'plugin files (default: the bots and announcements of the configuration)')
    .option('-n, --count <runs>', 'how many runs', countArgument, 10)
    .option('--from <time>', `runs after this time: ${TIME_FORMS} (default: now)`, timeArgument)
    .addOption(configOption())
    .option('--json', 'print a line of JSON for each run')
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot schedule
  $ chatosbot schedule ./bots/announce.ts --count 3

Lists the next runs of the schedules that plugins declare, and of the announcements. 'chatosbot status' also shows jobs
that a running plugin has added with ctx.schedule.`,
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
  if (schedules.length === 0) notice('nothing is scheduled');
  const runs = listRuns(schedules, { count: flags.count, ...(flags.from && { from: flags.from }) });
  const width = Math.max(...runs.map(({ time }) => time.length));
  for (const { due, time, schedule } of runs) {
    const { title, ...fields } = schedule;
    const line = `${time.padEnd(width)}  ${escapeUnsafe(title)}  ${escapeUnsafe(fields.job)}`;
    await writeLine(flags.json ? toJsonLine({ due: due.toISOString(), ...fields }) : line);
  }
}

function countArgument(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 10_000) return count;
  throw new InvalidArgumentError('expected a number of runs, 1 to 10000');
}
