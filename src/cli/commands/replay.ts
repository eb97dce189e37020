import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import type { OfAccount, RuntimeEvent } from '../../bot/events.ts';
import { MAX_LINE_BYTES, readRecording, type Recording, type RecordingLine } from '../../bot/recording/recording.ts';
import { loadConfig } from '../../config/load.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { ChatosError, isChatosError, messageOf } from '../../errors.ts';
import type { Address } from '../../net/address.ts';
import { toJsonLine } from '../../util/escape.ts';
import { formatBytes, pluralize } from '../../util/printable.ts';
import { readChunks } from '../../util/read-input.ts';
import { BotLoader, type BotToRun } from '../running/bot-entries.ts';
import { planBots } from '../running/bot-plans.ts';
import { chooseEntry } from '../running/entry-choice.ts';
import { EXIT, ExitSignal } from '../terminal/exit.ts';
import { startOfflineBots, type OfflineOptions } from '../running/offline-bots.ts';
import {
  serverArgument,
  configOption,
  loggerFor,
  loginArgument,
  logOptions,
  storesOption,
  type LogFlags,
} from '../options.ts';
import { notice, writeLine } from '../terminal/output.ts';
import { surviveUncaughtErrors } from '../terminal/plugin-errors.ts';
import { chooseAccount, sameAccount } from '../replay/account-choice.ts';
import { compareTranscripts, transcribe, type Difference, type Transcript } from '../replay/comparison.ts';
import { Player } from '../replay/player.ts';
import { recordedBots } from '../replay/recorded-bots.ts';
import { differenceRecord, renderDifference } from '../replay/report.ts';
import { interruptibly } from '../terminal/signals.ts';

interface ReplayFlags extends LogFlags {
  readonly login?: string;
  readonly server?: readonly Address[];
  readonly state?: string;
  readonly answersOnly?: boolean;
  readonly config?: string;
  readonly json?: boolean;
}

export function register(command: Command): void {
  command
    .argument('<recording>', "a file of 'run --record'")
    .argument(
      '[bots...]',
      'the plugin files of the recorded account, or names or logins of bots in the configuration (default: those that were recorded)',
    )
    .option('-l, --login <name>', 'the account, if several were recorded', loginArgument)
    .option('--server <address>', 'the server of the account, if it was on several', serverArgument)
    .addOption(storesOption('start with a copy of the stores in this folder (default: with empty stores)'))
    .option('--answers-only', 'compare only answers, not what bots say by themselves')
    .option('--json', 'print differences and the summary as lines of JSON')
    .addOption(configOption());
  for (const option of logOptions('warn')) command.addOption(option);
  command
    .addHelpText(
      'after',
      `
Sends the recorded messages to the bots again, at the recorded times by a fake clock, and shows where their answers
differ. The exit code is 1 if there are differences, else 0.

Examples:
  $ chatosbot run ./dice.ts --record dice.ndjson
  $ chatosbot replay dice.ndjson
  $ chatosbot replay dice.ndjson ./dice.ts`,
    )
    .action((file: string, bots: string[], flags: ReplayFlags) =>
      interruptibly((signal) => replay(file, bots, flags, signal)),
    );
}

async function replay(file: string, files: readonly string[], flags: ReplayFlags, signal: AbortSignal): Promise<void> {
  const recording = await openRecording(file);
  // The time zone of schedules that name none.
  process.env['TZ'] = recording.header.timeZone;
  surviveUncaughtErrors(loggerFor(flags));
  const loaded = await loadConfig({ file: flags.config });
  const loader = new BotLoader(loaded);
  // Without any, the account says which.
  const named = files.length === 0 ? [] : await loader.loadAll(planBots(files, loaded));
  const account = chooseAccount(recording.events, { ...flags, names: named.map((bot) => bot.login), file });
  const events = recording.events.filter((event) => sameAccount(event, account));
  const bots =
    files.length === 0
      ? await loader.loadAll(recordedBots(events, account, loaded, file))
      : onePerFile(named, account, loaded);
  if (recording.ignored.length > 0) {
    notice(`${file}:${recording.ignored.join(', ')}: longer than ${formatBytes(MAX_LINE_BYTES)}, and ignored`);
  }
  if (recording.truncated) notice(`${file}: the last line is incomplete, and ignored`);

  const was = transcribe(events, leftOut(events, bots, file));
  const stateDirectory = flags.state === undefined ? undefined : await copyState(flags.state);
  try {
    const log = loggerFor(flags);
    const is = transcribe(await playTo({ bots, loader, loaded, stateDirectory, log }, events, file));
    const differences = compareTranscripts(was, is).filter(
      ({ about }) => about !== 'unprompted' || flags.answersOnly !== true,
    );
    await report(differences, was, { file, login: account.login, json: flags.json ?? false, signal });
  } finally {
    if (stateDirectory !== undefined) await rm(stateDirectory, { recursive: true, force: true });
  }
}

interface ToReplay {
  readonly bots: readonly BotToRun[];
  readonly loader: BotLoader;
}

/** Plays the events of an account to its bots, and resolves to their events. */
async function playTo(
  { loader, ...options }: Pick<OfflineOptions, 'loaded' | 'stateDirectory' | 'log'> & ToReplay,
  events: readonly RecordingLine[],
  file: string,
): Promise<readonly RuntimeEvent[]> {
  const { time, login } = events[0]!;
  const happened: RuntimeEvent[] = [];
  const observer = (event: RuntimeEvent): void => void happened.push(event);
  const bots = await startOfflineBots({ ...options, login, startsAt: new Date(time), observer });
  const onBusy = (line: number): void =>
    notice(`${file}:${line}: the bots were still busy after ten seconds; continuing without waiting`);
  const reload = async (name: string): Promise<void> => {
    // If only one was recorded, that is the one replayed, whatever its name.
    const index = options.bots.length === 1 ? 0 : options.bots.findIndex(({ plugin }) => plugin.name === name);
    if (index < 0) return;
    const { plugin, options: given } = await loader.load(options.bots[index]!);
    // Questions of the old one may be answered by what follows.
    void bots.runtime.reload(index, plugin, { options: given });
  };
  const player = new Player({ bots, login, events: happened, reload, onBusy });
  try {
    await player.play(events);
    return [...happened];
  } finally {
    await player.close();
    await bots.close();
  }
}

async function openRecording(file: string): Promise<Recording> {
  let recording: Recording;
  try {
    recording = await readRecording(readChunks(file), file);
  } catch (error) {
    if (isChatosError(error)) throw error;
    throw new ChatosError('INVALID_ARGUMENT', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
  if (recording.events.length > 0) return recording;
  throw new ChatosError('INVALID_ARGUMENT', `${file}: there are no events in this recording`);
}

/** The configuration may have a file several times, for several accounts: the entry of this one counts. */
function onePerFile(bots: readonly BotToRun[], { login, server }: OfAccount, loaded: LoadedConfig): BotToRun[] {
  return Array.from(new Set(bots.map((bot) => bot.file)), (file) => {
    const entries = bots.filter((bot) => bot.file === file);
    return { ...chooseEntry(entries, { file: path.relative('', file!), login, server }, loaded), login };
  });
}

/** The plugins of the account that are not replayed. If it had only one, that is the one replayed, whatever its name. */
function leftOut(events: readonly RecordingLine[], bots: readonly BotToRun[], file: string): Set<string> {
  const recorded = new Set(events.flatMap((event) => (event.type === 'connected' ? event.bots : [])));
  if (recorded.size <= 1) return new Set();
  for (const { plugin } of bots) recorded.delete(plugin.name);
  if (recorded.size > 0) notice(`${file}: ignored the messages of ${[...recorded].join(', ')}; name their files, too`);
  return recorded;
}

interface Reporting {
  readonly file: string;
  readonly login: string;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

async function report(
  differences: readonly Difference[],
  was: Transcript,
  { file, login, json, signal }: Reporting,
): Promise<void> {
  const colour = process.stdout.isTTY && !process.env['NO_COLOR'];
  for (const [index, difference] of differences.entries()) {
    const text = json
      ? toJsonLine(differenceRecord(difference))
      : `${index > 0 ? '\n' : ''}${renderDifference(difference, { file, login, colour })}`;
    await writeLine(text, signal);
  }
  const happened = [...was.values()];
  const messages = happened.filter(({ about }) => about === 'message').length;
  const requests = happened.flatMap(({ about, items }) => (about === 'decisions' ? items : [])).length;
  if (json)
    await writeLine(toJsonLine({ type: 'summary', messages, requests, differences: differences.length }), signal);
  const found = differences.length === 0 ? 'no differences' : pluralize(differences.length, 'difference');
  const played = [pluralize(messages, 'message'), ...(requests > 0 ? [pluralize(requests, 'private request')] : [])];
  if (!json) notice(`replayed ${played.join(' and ')}: ${found}`);
  if (differences.length > 0) throw new ExitSignal(EXIT.failure);
}

/**
 * Copies a folder of stores, so that a replay does not change it. Returns the path of the copy, which the caller removes.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if it cannot be read
 */
async function copyState(from: string): Promise<string> {
  const copy = await mkdtemp(path.join(tmpdir(), 'chatosbot-'));
  try {
    await cp(from, copy, { recursive: true });
    return copy;
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such folder' : `it cannot be read (${code})`;
    throw new ChatosError('INVALID_ARGUMENT', `${from}: ${why}`, { cause: error });
  }
}
