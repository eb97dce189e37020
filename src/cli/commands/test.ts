import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import { loadPlugin } from '../../bot/loading/loader.ts';
import { createModuleLoader, type ModuleLoader } from '../../bot/loading/module-loader.ts';
import { loadConfig } from '../../config/load.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { PLUGIN_MODULES } from '../../plugin-modules.ts';
import { hasExamples, runExamples } from '../../testing/examples.ts';
import { createLogger } from '../../util/log.ts';
import { BotLoader } from '../running/bot-entries.ts';
import { isBotName, planBots, type PlannedBot } from '../running/bot-plans.ts';
import { titleOf } from '../running/entry-choice.ts';
import { EXIT, ExitSignal } from '../terminal/exit.ts';
import { configOption } from '../options.ts';
import { noticeError } from '../terminal/output.ts';
import { runTestFiles } from '../testing/run-test-files.ts';
import { interruptibly } from '../terminal/signals.ts';
import { surviveUncaughtErrors } from '../terminal/plugin-errors.ts';
import { findTestFiles, testsBeside } from '../testing/test-files.ts';
import { TestReport } from '../testing/test-report.ts';

interface TestFlags {
  readonly config?: string;
  readonly json?: boolean;
}

export function register(command: Command): void {
  command
    .argument(
      '[paths...]',
      'plugins, test files, folders of them, or names or logins of bots in the configuration (default: its bots, else the working directory)',
    )
    .addOption(configOption())
    .option('--json', 'print a line of JSON for each test, and a summary')
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot test bots
  $ chatosbot test ./dice.ts ./dice.test.ts

The examples of a plugin's commands are tests: the user ann sends them to the bot, and its answers must match. Files
named *.test.ts or *.test.js run with node:test; 'chatosbot/testing' has a test network for them.`,
    )
    .action((paths: string[], flags: TestFlags) => interruptibly((signal) => test(paths, flags, signal)));
}

async function test(paths: readonly string[], flags: TestFlags, signal: AbortSignal): Promise<void> {
  const loaded = await loadConfig({ file: flags.config });
  const { plugins, tests } = choose(paths, loaded);
  const report = new TestReport(flags.json === true, signal);
  const broken = await runPlugins(plugins, loaded, report, signal);
  for (const error of broken) noticeError(error.message, error, flags.json === true);
  if (tests.length > 0) await runTestFiles(tests, report, signal);
  const found = report.passed + report.failed + report.skipped > 0;
  if (!found && broken.length === 0) throw nothingToTest(paths);
  await report.end();
  if (broken.length > 0) throw new ExitSignal(EXIT.usage);
  if (report.failed > 0) throw new ExitSignal(EXIT.failure);
}

interface Chosen {
  readonly plugins: readonly { readonly bot: PlannedBot; readonly sure: boolean }[];
  readonly tests: readonly string[];
}

function choose(paths: readonly string[], loaded: LoadedConfig): Chosen {
  // Without a configuration, the working directory.
  if (paths.length === 0 && loaded.file === undefined) return choose(['.'], loaded);
  if (paths.length === 0) {
    const bots = planBots([], loaded).filter(({ file }) => file !== undefined);
    return { plugins: bots.map((bot) => ({ bot, sure: true })), tests: testsBeside(bots.map(({ file }) => file!)) };
  }
  const named = paths.filter((each) => !existsSync(each) && isBotName(each, loaded));
  const { plugins, tests } = findTestFiles(paths.filter((each) => !named.includes(each)));
  const wanted = [...named.map((name) => ({ file: name, sure: true })), ...plugins];
  return {
    plugins: wanted.flatMap(({ file, sure }) =>
      planBots([file], loaded).flatMap((bot) => (bot.file === undefined ? [] : { bot, sure })),
    ),
    tests,
  };
}

/** Runs the examples of plugins; returns the errors of those that do not load. */
async function runPlugins(
  plugins: Chosen['plugins'],
  loaded: LoadedConfig,
  report: TestReport,
  signal: AbortSignal,
): Promise<ChatosError[]> {
  const broken: ChatosError[] = [];
  const plans = plugins.map(({ bot }) => bot);
  const loaders: Loaders = [createModuleLoader(PLUGIN_MODULES), new BotLoader(loaded)];
  surviveUncaughtErrors(createLogger());
  for (const { bot, sure } of plugins) {
    signal.throwIfAborted();
    try {
      await runExamplesOf(bot, loaders, loaded, report, plans);
    } catch (error) {
      if (!isChatosError(error, 'INVALID_PLUGIN')) throw error;
      // Not every file of a folder is a plugin.
      const isKnown = broken.some(({ message }) => message === error.message);
      if (!isKnown && (sure || error.fields['noHook'] !== true)) broken.push(error);
    }
  }
  return broken;
}

type Loaders = readonly [ModuleLoader, BotLoader];

async function runExamplesOf(
  bot: PlannedBot,
  [modules, bots]: Loaders,
  { directory, config }: LoadedConfig,
  report: TestReport,
  plans: readonly PlannedBot[],
): Promise<void> {
  const plugin = await loadPlugin(path.relative(process.cwd(), bot.file!), modules);
  if (!hasExamples(plugin)) return;
  const { options, login = config.login ?? plugin.name } = bot;
  const of = titleOf({ ...bot, plugin, login }, plans);
  try {
    // An error in the options is reported with its place in the configuration.
    await bots.load(bot);
    for await (const { name, ok, expected, heard, problems } of runExamples(plugin, { options, login, directory })) {
      await report.add({ of, name, ok, answers: { expected, heard }, problems });
    }
  } catch (error) {
    if (!isChatosError(error)) throw error;
    await report.add({ of, name: 'starts', ok: false, problems: [error.message] });
  }
}

function nothingToTest(paths: readonly string[]): ChatosError {
  const where = paths.length > 0 ? paths.join(', ') : path.relative(process.cwd(), '.') || 'the configuration';
  return new ChatosError(
    'INVALID_ARGUMENT',
    `nothing to test in ${where}: no command has examples, and there is no *.test.ts`,
  );
}
