import { InvalidArgumentError, type Command } from 'commander';
import { messageOf } from '../../errors.ts';
import { DEFAULT_HOST } from '../../net/address.ts';
import { Permits } from '../../transfer/forward/permits.ts';
import { secretMistake, secretOptions } from '../connecting/secrets.ts';
import {
  DEFAULT_DIAL_TIMEOUT_S,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_MAX_PEERS,
  type ForwardFlags,
} from '../forwarding/flags.ts';
import { forwardReporter } from '../forwarding/report.ts';
import { parseForward, parseListen } from '../forwarding/specs.ts';
import {
  configOption,
  identityOption,
  loginArgument,
  loginOption,
  noIdentityOption,
  serverOption,
  someSeconds,
} from '../options.ts';
import { DEFAULT_WAIT_S } from '../piping/flags.ts';
import { interruptibly } from '../terminal/signals.ts';

export function register(command: Command): void {
  const [secretOption, codeOption] = secretOptions();
  command
    .argument('[peer]', 'the login that connects for you', loginArgument)
    .option(
      '-L, --local <forward>',
      'listen here, connect from the peer: [host:]port:target:port, or a path for either end; repeatable',
      collect((text) => parseForward(text, 'at')),
    )
    .option(
      '-R, --remote <forward>',
      'listen at the peer, connect from here: [host:]port:target:port, or a path for either end; repeatable',
      collect((text) => parseForward(text, 'target')),
    )
    .option(
      '-D, --dynamic <port>',
      'listen here for SOCKS 5 clients, connect from the peer: [host:]port; repeatable',
      collect(parseListen),
    )
    .option('--listen', 'wait for peers, and connect for them to what --permit names')
    .option(
      '--permit <target...>',
      'with --listen: what peers may connect to: host:port or a path; * and ? are wildcards in a host, * is any port',
      permits,
    )
    .option(
      '--permit-listen <port...>',
      'with --listen: what peers may listen on: [host:]port or a path, as for --permit; a port alone is on 127.0.0.1',
      listenPermits,
    )
    .option('--from <glob...>', 'with --listen: accept only these logins; * and ? are wildcards')
    .option('--max <number>', `connections at once, of one peer (default: ${DEFAULT_MAX_CONNECTIONS})`, count(10_000))
    .option('--max-peers <number>', `with --listen: peers at once (default: ${DEFAULT_MAX_PEERS})`, count(64))
    .option(
      '--dial-timeout <seconds>',
      `how long a target may take to answer, and the peer to come back (default: ${DEFAULT_DIAL_TIMEOUT_S})`,
      someSeconds,
    )
    .option('--idle-timeout <seconds>', 'reset a connection when nothing moves through it for so long', someSeconds)
    .option(
      '-w, --wait <seconds>',
      `how long to wait for the peer at the start (default: ${DEFAULT_WAIT_S})`,
      someSeconds,
    )
    .option('--retry', 'keep trying where the server is not there yet, or the login is taken, until --wait is over')
    .addOption(serverOption())
    .addOption(loginOption())
    .addOption(identityOption())
    .addOption(noIdentityOption())
    .addOption(secretOption)
    .addOption(codeOption)
    .option('-q, --quiet', 'report only errors')
    .option('--json', 'report as lines of JSON')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot forward --listen --login vault --permit db.internal:5432   # where the database can be reached
  $ chatosbot forward -L 5432:db.internal:5432 vault                     # on another machine
  $ psql -h 127.0.0.1 -p 5432
  $ chatosbot forward -D 1080 vault                                      # a SOCKS 5 proxy
  $ curl --socks5-hostname 127.0.0.1:1080 http://db.internal/

Nothing is permitted that --permit does not name. The ports are on loopback unless a host is given, and stay open while
the server or the peer is away.`,
    )
    .action(forward);
}

async function forward(peer: string | undefined, flags: ForwardFlags, command: Command): Promise<void> {
  const mistake = mistakeIn(peer, flags);
  if (mistake !== undefined) command.error(mistake);
  const report = forwardReporter(flags);
  if (flags.listen) {
    const { serveForwarding } = await import('../forwarding/serving.ts');
    await interruptibly((signal) => serveForwarding(flags, report, signal));
  } else {
    const { forwardTo } = await import('../forwarding/forwarding.ts');
    await interruptibly((signal) => forwardTo(peer!, flags, report, signal));
  }
}

function mistakeIn(peer: string | undefined, flags: ForwardFlags): string | undefined {
  const { listen, local, remote, dynamic, permit, permitListen, from, maxPeers, code } = flags;
  const forwards = local ?? remote ?? dynamic;
  if (!listen) {
    if (peer === undefined) return 'name a peer, or wait for peers with --listen';
    if (permit ?? permitListen ?? from ?? maxPeers) {
      return '--permit, --permit-listen, --from and --max-peers need --listen';
    }
    return forwards ? secretMistake(flags) : 'say what to forward: -L, -R or -D';
  }
  if (peer !== undefined) return '--listen takes no peer: --from limits who is accepted, --login is your own login';
  if (forwards) return '-L, -R and -D need a peer: with --listen, --permit names what peers may connect to';
  if (code !== undefined && maxPeers !== undefined)
    return 'a code is good for one peer: with --max-peers, use --secret';
  if (!permit && !permitListen) return 'nothing is permitted: name what peers may connect to, with --permit host:port';
  return secretMistake(flags);
}

/** Reads the value of an option that may be given several times. */
function collect<T>(parse: (text: string) => T) {
  return (text: string, previous: readonly T[] | undefined): readonly T[] => [...(previous ?? []), read(parse, text)];
}

const permits = collect((text: string) => {
  void new Permits([text]);
  return text;
});

const listenPermits = collect((text: string) => {
  const permit = /^(\d+|\*)$/.test(text) ? `${DEFAULT_HOST}:${text}` : text;
  void new Permits([permit]);
  return permit;
});

function read<T>(parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

function count(most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < 1 || number > most)
      throw new InvalidArgumentError(`expected a number, 1 to ${most}`);
    return number;
  };
}
