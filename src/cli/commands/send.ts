import { Option, type Command } from 'commander';
import type { ChatosClient } from '../../client/client.ts';
import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { scan, streamOffer } from '../../transfer/files/scan.ts';
import { DEFAULT_REOPEN_TIMEOUT_MS } from '../../transfer/verified/options.ts';
import { connectCommand } from '../connecting/connect.ts';
import { findSecret, secretMistake, secretOptions } from '../connecting/secrets.ts';
import { reportSessions } from '../connecting/session-reports.ts';
import {
  byteRate,
  configOption,
  identityOption,
  loginArgument,
  loginOption,
  noIdentityOption,
  seconds,
  serverOption,
  someSeconds,
} from '../options.ts';
import { askPeer } from '../piping/asking.ts';
import { DEFAULT_WAIT_S } from '../piping/flags.ts';
import type { SendFlags } from '../sending/flags.ts';
import { sendByCode } from '../sending/sending-by-code.ts';
import { ProgressView } from '../sending/progress-view.ts';
import { transferReporter } from '../sending/report.ts';
import { askAgain, sendTo, sendToAll, type Sending } from '../sending/sending-files.ts';
import { sourcesOf, walkRules } from '../sending/sources.ts';
import { inputSource } from '../terminal/input.ts';
import { interruptibly } from '../terminal/signals.ts';

export function register(command: Command): void {
  const [secretOption, codeOption] = secretOptions();
  command
    .argument('<file...>', 'the files and folders to send; - for standard input')
    .option('-t, --to <login>', 'send to this login, which runs receive --from; again for others, all at once', logins)
    .option(
      '-w, --wait <seconds>',
      `how long to wait for a receiver (default: ${DEFAULT_WAIT_S}; with a code, a day)`,
      someSeconds,
    )
    .option('--retry', 'keep trying where the server is not there yet, or the login is taken, until --wait is over')
    .option(
      '--reconnect-timeout <seconds>',
      `how long to wait for another connection when one is lost (default: ${DEFAULT_REOPEN_TIMEOUT_MS / 1000})`,
      seconds,
    )
    .option('--name <name>', 'what the file or folder is called at the other side')
    .addOption(
      new Option('--compress <when>', 'auto: where the way is slower than compressing is')
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    )
    .addOption(
      new Option('--outside-links <what>', 'links that lead out of the folder: refuse to send, or leave them out')
        .choices(['refuse', 'skip'])
        .default('refuse'),
    )
    .option(
      '--exclude <glob>',
      'leave out of folders what is called so; * and ? are wildcards, with a / in it it is a path; repeatable',
      (text: string, previous: readonly string[] | undefined) => [...(previous ?? []), text],
    )
    .option('--limit-rate <rate>', 'send at most so many bytes a second to each receiver: 800, 50k, 2M', byteRate)
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
  $ chatosbot send photos report.pdf              # prints a code, as 7-velvet-orange
  $ chatosbot receive 7-velvet-orange              # on another machine
  $ chatosbot send site --exclude node_modules --exclude '*.log'
  $ chatosbot send photos --to bob                # where bob runs: chatosbot receive --from ann

With a code, everything is encrypted from end to end. What was interrupted goes on when both sides run again: what is there is checked, and not sent again.`,
    )
    .action(send);
}

async function send(files: readonly string[], flags: SendFlags, command: Command): Promise<void> {
  const mistake = mistakeIn(files, flags);
  if (mistake !== undefined) command.error(mistake);
  await interruptibly((signal) => sendFiles(files, flags, signal));
}

function mistakeIn(files: readonly string[], flags: SendFlags): string | undefined {
  const { to, name, code, secret, exclude } = flags;
  if (name !== undefined && files.length > 1) return '--name is for one file or folder';
  if (files.includes('-') && (files.length > 1 || (to && to.length > 1))) {
    return "'-', standard input, goes alone, and to one receiver";
  }
  if (exclude && files.includes('-')) return '--exclude is for folders';
  if (!to && (code !== undefined || secret !== undefined))
    return 'without --to, a code is made: leave --code and --secret out';
  if (code !== undefined && to!.length > 1)
    return 'a code is good for one private connection: use --secret for several';
  return secretMistake(flags);
}

async function sendFiles(files: readonly string[], flags: SendFlags, signal: AbortSignal): Promise<void> {
  const report = transferReporter(flags, false);
  const found = await findSecret(flags);
  const sources = files[0] === '-' ? [] : sourcesOf(files, flags.name);
  const rules = walkRules(flags, report);
  const input = files[0] === '-' ? inputSource() : undefined;
  const offer = input ? streamOffer(flags.name ?? 'stdin', input.size ?? 0) : await scan(sources, rules, signal);
  const sending: Sending = {
    sources,
    rules,
    offer,
    ...(input && { input }),
    flags,
    report,
    view: new ProgressView(flags),
    secret: found?.secret,
    signal,
  };
  if (!flags.to) return sendByCode(sending);
  const timeoutMs = (flags.wait ?? DEFAULT_WAIT_S) * 1000;
  const client = await connectCommand(flags, {
    signal,
    heartbeatMs: DEFAULT_HEARTBEAT_MS,
    reconnect: true,
    retryMs: flags.retry ? timeoutMs : undefined,
    prepare: (made) => reportSessions(made, report, () => true, flags.retry === true),
  });
  try {
    await sendToAll(flags.to, (peer) => ask(client, peer, timeoutMs, sending), report, signal);
    await client.close();
  } finally {
    await client.destroy();
  }
}

async function ask(client: ChatosClient, peer: string, timeoutMs: number, sending: Sending): Promise<void> {
  const { report, signal } = sending;
  report('waiting', `asking ${peer} for a private connection`, { peer });
  const channel = await askPeer(client, peer, { timeoutMs, signal, command: 'receive --from' });
  await sendTo(channel, askAgain(client, peer), sending);
}

function logins(text: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), loginArgument(text)];
}
