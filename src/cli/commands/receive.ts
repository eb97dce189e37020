import { mkdirSync, statSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Channel } from '../../client/channel.ts';
import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { ChatosError } from '../../errors.ts';
import { fileProblem } from '../../transfer/files/failures.ts';
import { CONFLICT_MODES } from '../../transfer/files/conflict.ts';
import { DEFAULT_REOPEN_TIMEOUT_MS } from '../../transfer/verified/options.ts';
import { connectCommand } from '../connecting/connect.ts';
import { hideArguments } from '../connecting/hidden-arguments.ts';
import { findSecret, secretMistake, secretOptions } from '../connecting/secrets.ts';
import { reportSessions } from '../connecting/session-reports.ts';
import {
  configOption,
  identityOption,
  loginOption,
  noIdentityOption,
  peerCount,
  seconds,
  serverOption,
  someSeconds,
} from '../options.ts';
import { Listener } from '../piping/listener.ts';
import { standardOutput } from '../piping/transfer.ts';
import { canAsk } from '../sending/consent.ts';
import { DEFAULT_CODE_WAIT_S, DEFAULT_MAX_ENTRIES, type ReceiveFlags } from '../sending/flags.ts';
import { keepReceiving } from '../sending/keeping.ts';
import { ProgressView } from '../sending/progress-view.ts';
import { receiveByCode, type NumberedCode } from '../sending/receiving-by-code.ts';
import { receiveFrom, targetOf, type Receiving } from '../sending/receiving-files.ts';
import { transferReporter } from '../sending/report.ts';
import { interruptibly } from '../terminal/signals.ts';

/** What looks like a code. */
const CODE = /^\d+-[a-z]+-[a-z]+$/i;

export function register(command: Command): void {
  const [secretOption, codeOption] = secretOptions();
  command
    .argument('[code...]', 'the code that send has printed')
    .option('-f, --from <glob...>', 'wait for senders with these logins; * and ? are wildcards')
    .option('-d, --dir <folder>', 'the folder that all goes into; made where it does not exist', '.')
    .option('-o, --output <name>', 'what the one file or folder that comes is to be called; - for standard output')
    .addOption(
      new Option('--conflict <what>', 'where something else has the name of a file')
        .choices(CONFLICT_MODES)
        .default('refuse'),
    )
    .option('-y, --yes', 'take what is offered, without asking')
    .option('--max-size <bytes>', 'refuse what is larger: 800M, 4G', byteSize)
    .option('--max-entries <number>', 'refuse more files and folders than this', count, DEFAULT_MAX_ENTRIES)
    .option('--any-names', 'allow names that collide, or mean something else, on other systems')
    .option('-k, --keep', 'receive from one sender after the other, until a signal ends it')
    .option('--max <number>', 'with --keep: receive from so many at once (default: 1)', peerCount)
    .option(
      '-w, --wait <seconds>',
      `how long to wait for a sender (default: no limit; with a code, ${DEFAULT_CODE_WAIT_S})`,
      someSeconds,
    )
    .option('--retry', 'keep trying where the server is not there yet, or the login is taken, until --wait is over')
    .option(
      '--reconnect-timeout <seconds>',
      `how long to wait for another connection when one is lost (default: ${DEFAULT_REOPEN_TIMEOUT_MS / 1000})`,
      seconds,
    )
    .addOption(secretOption)
    .addOption(codeOption)
    .addOption(serverOption())
    .addOption(loginOption())
    .addOption(identityOption())
    .addOption(noIdentityOption())
    .option('-q, --quiet', 'report only errors')
    .option('--json', 'report as lines of JSON')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot receive 7-velvet-orange --dir inbox
  $ chatosbot receive --from ann                  # where ann runs: chatosbot send FILE --to bob
  $ chatosbot receive --from '*-build' --keep --yes --dir artifacts

Nothing is written outside the folder. A file is called NAME.chatosbot.part until it is complete.`,
    )
    .action(receive);
}

async function receive(words: readonly string[], flags: ReceiveFlags, command: Command): Promise<void> {
  // As it is said: 7 velvet orange.
  const text = words.length > 0 ? words.join(' ') : undefined;
  const mistake = mistakeIn(text, flags);
  if (mistake !== undefined) command.error(mistake);
  await interruptibly(async (signal) => {
    const onData = flags.output === '-';
    const report = transferReporter(flags, onData);
    const view = new ProgressView(flags, onData);
    const output = onData ? standardOutput(false) : undefined;
    if (text !== undefined) {
      // The number is no secret, and other words may end so.
      hideArguments(words.filter((word) => !/^\d+$/.test(word)));
      const code = await readCode(text);
      prepareTarget(flags);
      return receiveByCode(code, { flags, report, view, secret: undefined, standardOutput: output, signal });
    }
    const found = await findSecret(flags);
    await receiveListening({ flags, report, view, standardOutput: output, secret: found?.secret, signal });
  });
}

function mistakeIn(text: string | undefined, flags: ReceiveFlags): string | undefined {
  const { from, keep, max, output, yes, code, secret } = flags;
  if (text === undefined && !from)
    return "give the code that send has printed, or say who may send: --from, '*' for anyone";
  // `--from ann 7-velvet-orange`: the code would be a login.
  const hasCode = text !== undefined || (from ?? []).some((glob) => CODE.test(glob));
  if (hasCode && (from || keep)) return 'a code is of one sender: leave --from and --keep out';
  if (text !== undefined && (code !== undefined || secret !== undefined))
    return 'a code encrypts: leave --code and --secret out';
  if (max !== undefined && !keep) return '--max needs --keep';
  if (keep && output !== undefined) return '--output is for one file: with --keep, use --dir';
  if (keep && code !== undefined) return 'a code is good for one private connection: with --keep, use --secret';
  if (!yes && !canAsk()) return 'there is no terminal to ask on: add --yes to take what is offered';
  return secretMistake(flags);
}

async function receiveListening(receiving: Receiving): Promise<void> {
  const { flags, report, signal } = receiving;
  prepareTarget(flags);
  const listener = new Listener(flags.from!, report);
  const timeoutMs = (flags.wait ?? Infinity) * 1000;
  const client = await connectCommand(flags, {
    signal,
    heartbeatMs: DEFAULT_HEARTBEAT_MS,
    reconnect: true,
    retryMs: flags.retry ? timeoutMs : undefined,
    prepare: (made) => {
      reportSessions(made, report, () => true, flags.retry === true);
      listener.listenOn(made);
    },
  });
  try {
    report('waiting', 'waiting for a sender', { peer: null });
    const next = (): Promise<Channel> => listener.next({ timeoutMs, signal });
    const receiveNext = (channel: Channel): Promise<void> =>
      receiveFrom(channel, (onBack) => listener.expect(channel.peer, onBack), receiving);
    if (flags.keep) await keepReceiving({ next, receive: receiveNext, max: flags.max, report, signal });
    else await receiveNext(await next());
    await client.close();
  } finally {
    await client.destroy();
  }
}

/** @throws {ChatosError} `INVALID_ARGUMENT` where it is none, or leads to nobody */
async function readCode(text: string): Promise<NumberedCode> {
  const { parseCode } = await import('../../transfer/secure/codes.ts');
  const { number, words } = parseCode(text);
  if (number === undefined)
    throw new ChatosError('INVALID_ARGUMENT', 'the code has no number: type all that send has printed');
  return { number, words };
}

/** @throws {ChatosError} `INVALID_ARGUMENT` where nothing can be received there */
function prepareTarget(flags: ReceiveFlags): void {
  const { directory, shown } = targetOf(flags);
  try {
    mkdirSync(directory, { recursive: true });
    if (
      flags.output !== undefined &&
      flags.output !== '-' &&
      statSync(shown, { throwIfNoEntry: false })?.isDirectory()
    ) {
      throw new ChatosError('INVALID_ARGUMENT', `${shown} is a folder: name it with --dir to receive into it`);
    }
  } catch (error) {
    if (error instanceof ChatosError) throw error;
    const isTaken = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const why = isTaken ? 'it is not a folder' : fileProblem(error);
    throw new ChatosError('INVALID_ARGUMENT', `cannot receive into ${directory}: ${why}`, { cause: error });
  }
}

const UNITS = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

function byteSize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([kmgt]?)i?b?$/i.exec(text) ?? [];
  const value = Number(number) * (UNITS[unit?.toLowerCase() as keyof typeof UNITS] ?? Number.NaN);
  if (!(value >= 0)) throw new InvalidArgumentError('expected a number of bytes, such as 800M or 4G');
  return value;
}

function count(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1) throw new InvalidArgumentError('expected a number, 1 or more');
  return number;
}
