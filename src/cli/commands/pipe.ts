import type { Command } from 'commander';
import type { Channel } from '../../client/channel.ts';
import { formatAddress } from '../../net/address.ts';
import { connectCommand } from '../connecting/connect.ts';
import { byteRate, configOption, loginArgument, loginOption, seconds, serverOption } from '../options.ts';
import { askPeer } from '../piping/asking.ts';
import { DEFAULT_WAIT_S, type PipeFlags } from '../piping/flags.ts';
import { Listener } from '../piping/listener.ts';
import { reporter } from '../piping/report.ts';
import { standardEnds, transfer } from '../piping/transfer.ts';
import { interruptibly } from '../terminal/signals.ts';

export function register(command: Command): void {
  command
    .argument('[peer]', 'the login to connect to', loginArgument)
    .option('--listen', 'wait for peers, and accept the first')
    .option('--from <glob...>', 'with --listen: accept only these logins; * and ? are wildcards')
    .option(
      '-w, --wait <seconds>',
      `how long to wait for the peer (default: ${DEFAULT_WAIT_S}; with --listen, no limit)`,
      seconds,
    )
    .option('--idle-timeout <seconds>', 'break the connection when nothing moves for so long', seconds)
    .option('--limit-rate <rate>', 'send and receive at most so many bytes a second each: 800, 50k, 2M', byteRate)
    .addOption(serverOption())
    .addOption(loginOption())
    .option('-q, --quiet', 'report only errors')
    .option('--json', 'report on standard error, as lines of JSON')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot pipe --listen --login alice > backup.tar     # on one machine
  $ tar c photos | chatosbot pipe alice                    # on another
  $ chatosbot pipe bob < question.txt > answer.txt

Standard input goes to the peer, and standard output is what the peer sends. The command ends when both directions have
ended. Ctrl-C breaks the connection, which the peer sees as broken and not as ended.`,
    )
    .action(pipe);
}

async function pipe(peer: string | undefined, flags: PipeFlags, command: Command): Promise<void> {
  if (flags.from && !flags.listen) command.error('--from needs --listen');
  if (peer === undefined && !flags.listen) command.error('name a peer, or wait for one with --listen');
  if (peer !== undefined && flags.listen) {
    command.error('--listen takes no peer: --from limits who is accepted, --login is your own login');
  }
  await interruptibly((signal) => pipeTo(peer, flags, signal));
}

async function pipeTo(peer: string | undefined, flags: PipeFlags, signal: AbortSignal): Promise<void> {
  const report = reporter(flags);
  const listener = flags.listen ? new Listener(flags.from ?? ['*'], report) : undefined;
  const ends = standardEnds();
  const client = await connectCommand(flags, { signal, prepare: (made) => listener?.listenOn(made) });
  let channel: Channel | undefined;
  try {
    report('logged-in', `logged in as ${client.login} on ${formatAddress(client.server)}`, { login: client.login });
    if (listener) {
      report('waiting', 'waiting for a private connection', {});
      channel = await listener.next({ timeoutMs: (flags.wait ?? Infinity) * 1000, signal });
    } else {
      report('waiting', `asking ${peer} for a private connection`, { peer });
      channel = await askPeer(client, peer!, { timeoutMs: (flags.wait ?? DEFAULT_WAIT_S) * 1000, signal });
    }
    report('connected', `private connection with ${channel.peer}`, { peer: channel.peer });
    const { sent, received } = await transfer(channel, ends, flags, signal);
    report('done', undefined, { sent, received });
    await client.close();
  } finally {
    // Breaks a channel that has not ended in order: the peer must not take it for an end of file.
    channel?.destroy();
    await client.destroy();
  }
}
