import process from 'node:process';
import type { Command } from 'commander';
import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { DEFAULT_REOPEN_TIMEOUT_MS } from '../../transfer/verified/options.ts';
import { connectCommand } from '../connecting/connect.ts';
import { findSecret, secretMistake, secretOptions, type FoundSecret } from '../connecting/secrets.ts';
import { reportSessions } from '../connecting/session-reports.ts';
import {
  byteRate,
  configOption,
  identityOption,
  loginArgument,
  loginOption,
  noIdentityOption,
  peerCount,
  seconds,
  serverOption,
  someSeconds,
} from '../options.ts';
import { askPeer } from '../piping/asking.ts';
import { converse } from '../piping/conversation.ts';
import { DEFAULT_WAIT_S, type PipeFlags } from '../piping/flags.ts';
import { invitation, whyNoAnswer } from '../piping/hints.ts';
import { Listener } from '../piping/listener.ts';
import { reporter, type Report } from '../piping/report.ts';
import { serve } from '../piping/serving.ts';
import { standardEnds } from '../piping/transfer.ts';
import type { NextChannel } from '../piping/verified.ts';
import { notice } from '../terminal/output.ts';
import { interruptibly } from '../terminal/signals.ts';

/** At a terminal, why there may be no answer is said after this time without one. */
const HINT_MS = 3_000;

export function register(command: Command): void {
  const [secretOption, codeOption] = secretOptions();
  command
    .argument('[peer]', 'the login to connect to', loginArgument)
    .option('--listen', 'wait for peers, and accept the first')
    .option('--from <glob...>', 'with --listen: accept only these logins; * and ? are wildcards')
    .option(
      '-w, --wait <seconds>',
      `how long to wait for the peer (default: ${DEFAULT_WAIT_S}; with --listen, no limit)`,
      someSeconds,
    )
    .option('--retry', 'keep trying where the server is not there yet, or the login is taken, until --wait is over')
    .option('-k, --keep', 'with --listen: serve peers one after the other, until a signal ends it')
    .option('--max <number>', 'with --keep: serve so many at once (default: 1)', peerCount)
    .option('--exec <command>', 'join the peer with a process of this shell command, one for each connection')
    .option('--send-only', 'discard what the peer sends')
    .option('--recv-only', 'do not read standard input: our direction ends at once')
    .option('--verify', 'exit with 0 only if both outputs have taken everything, unchanged; needed on both sides')
    .option('--reconnect', 'as --verify, and go on over another connection when one is lost; needed on both sides')
    .option(
      '--reconnect-timeout <seconds>',
      `with --reconnect: how long to wait for another connection (default: ${DEFAULT_REOPEN_TIMEOUT_MS / 1000})`,
      seconds,
    )
    .option('--idle-timeout <seconds>', 'break the connection when nothing moves for so long', someSeconds)
    .option('--limit-rate <rate>', 'send and receive at most so many bytes a second each: 800, 50k, 2M', byteRate)
    .addOption(secretOption)
    .addOption(codeOption)
    .addOption(serverOption())
    .addOption(loginOption())
    .addOption(identityOption())
    .addOption(noIdentityOption())
    .option('-q, --quiet', 'report only errors')
    .option('--json', 'report on standard error, as lines of JSON')
    .option('--raw', 'let what the peer sends control the terminal that it is shown on')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot pipe --listen --login alice > backup.tar     # on one machine
  $ tar c photos | chatosbot pipe alice                    # on another
  $ chatosbot pipe bob < question.txt > answer.txt
  $ chatosbot pipe bob --server tls://chat.example.org:7777 --identity me.pem < question.txt
  $ chatosbot pipe --listen --keep --login count --exec 'wc -l'

Standard input goes to the peer, and standard output is what the peer sends. The command ends when both directions have
ended. Ctrl-C breaks the connection, which the peer sees as broken and not as ended. SIGUSR1 prints how far it is.`,
    )
    .action(pipe);
}

async function pipe(peer: string | undefined, flags: PipeFlags, command: Command): Promise<void> {
  const mistake = mistakeIn(peer, flags);
  if (mistake !== undefined) command.error(mistake);
  const verify = flags.verify === true || flags.reconnect === true;
  await interruptibly((signal) => pipeTo(peer, { ...flags, verify }, signal));
}

function mistakeIn(peer: string | undefined, flags: PipeFlags): string | undefined {
  const { listen, from, keep, max, exec, sendOnly, recvOnly, code } = flags;
  if (from && !listen) return '--from needs --listen';
  if (peer === undefined && !listen) return 'name a peer, or wait for one with --listen';
  if (peer !== undefined && listen) {
    return '--listen takes no peer: --from limits who is accepted, --login is your own login';
  }
  if (keep && !listen) return '--keep needs --listen';
  if (keep && code !== undefined) return 'a code is good for one private connection: with --keep, use --secret';
  if (max !== undefined && !keep) return '--max needs --keep';
  if (flags.reconnectTimeout !== undefined && !flags.reconnect) return '--reconnect-timeout needs --reconnect';
  if (exec !== undefined && (sendOnly || recvOnly))
    return '--exec leaves nothing for --send-only and --recv-only to do';
  if (sendOnly && recvOnly) return 'with --send-only and --recv-only, nothing would be transferred';
  if (keep && sendOnly) return '--keep sends nothing without --exec: leave --send-only out';
  return secretMistake(flags);
}

async function pipeTo(peer: string | undefined, flags: PipeFlags, signal: AbortSignal): Promise<void> {
  const report = reporter(flags);
  const { listen, keep = false, retry = false, wait } = flags;
  // What becomes of the session matters, also while there is a private connection.
  const goesOn = keep || flags.reconnect === true;
  const timeoutMs = (wait ?? (listen ? Infinity : DEFAULT_WAIT_S)) * 1000;
  const startedAt = performance.now();
  const found = await findSecret(flags);
  const listener = listen ? new Listener(flags.from ?? ['*'], report) : undefined;
  const ends = standardEnds(flags);
  const onTerminal = process.stderr.isTTY && !flags.quiet && !flags.json;
  let state: 'connecting' | 'waiting' | 'busy' = 'connecting';
  const client = await connectCommand(flags, {
    signal,
    heartbeatMs: DEFAULT_HEARTBEAT_MS,
    reconnect: true,
    retryMs: retry ? timeoutMs : undefined,
    prepare: (made) => {
      reportSessions(made, report, () => (state === 'connecting' ? retry : goesOn || state === 'waiting'));
      listener?.listenOn(made);
    },
  });
  const { login } = client;
  const reconnection = (from: string, onBack: () => void): NextChannel =>
    listener?.expect(from, onBack) ?? {
      next: (stop) => askPeer(client, from, { timeoutMs: Infinity, signal: stop }),
      release: () => undefined,
    };
  const { secret } = found ?? {};
  const settings = { flags, report, login, ends, secret, reconnection: flags.reconnect ? reconnection : undefined };
  const limits = { timeoutMs: Math.max(timeoutMs - (retry ? performance.now() - startedAt : 0), 0), signal };
  try {
    const what = listener ? 'waiting for a private connection' : `asking ${peer} for a private connection`;
    report('waiting', what, { peer: peer ?? null });
    if (found?.made) reportCode(found.made.text, flags, report);
    if (listener && onTerminal) notice(invitation(client, secretWords(flags, found)));
    state = 'waiting';
    if (listener && keep) {
      await serve(listener, settings, signal);
    } else {
      const hint = setTimeout(() => {
        if (!listener && onTerminal) notice(`no answer yet: ${whyNoAnswer(client, peer!)}`);
      }, HINT_MS);
      const asking = listener ? listener.next(limits) : askPeer(client, peer!, limits);
      const channel = await asking.finally(() => clearTimeout(hint));
      state = 'busy';
      await converse(channel, settings, signal);
    }
    await client.close();
  } finally {
    await client.destroy();
  }
}

/** Without it nobody could come: --quiet does not keep it back. */
function reportCode(code: string, { json, quiet }: PipeFlags, report: Report): void {
  if (quiet && !json) notice(`code: ${code}`);
  else report('code', `code: ${code} (for the other side, and for nobody else)`, { code });
}

/** What the other side has to give for the same secret. */
function secretWords({ secret }: PipeFlags, found: FoundSecret | undefined): string {
  if (found?.secret.kind === 'code') return ` --code ${found.secret.code}`;
  return secret === undefined ? '' : ' --secret FILE';
}
