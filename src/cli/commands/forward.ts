import { InvalidArgumentError, type Command } from 'commander';
import { messageOf } from '../../errors.ts';
import { Permits } from '../../transfer/forward/permits.ts';
import {
  DEFAULT_DIAL_TIMEOUT_S,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_MAX_PEERS,
  type ForwardFlags,
} from '../forwarding/flags.ts';
import { forwardReporter } from '../forwarding/report.ts';
import { parseForward, type Forward } from '../forwarding/specs.ts';
import {
  configOption,
  identityOption,
  loginArgument,
  loginOption,
  noIdentityOption,
  seconds,
  serverOption,
} from '../options.ts';
import { DEFAULT_WAIT_S } from '../piping/flags.ts';
import { interruptibly } from '../terminal/signals.ts';

export function register(command: Command): void {
  command
    .argument('[peer]', 'the login that connects for you', loginArgument)
    .option(
      '-L, --local <forward>',
      'listen here, connect from the peer: [host:]port:target:port, or a path for either end; repeatable',
      collect((text) => parseForward(text, 'at')),
    )
    .option('--listen', 'wait for peers, and connect for them to what --permit names')
    .option(
      '--permit <target...>',
      'with --listen: what peers may connect to: host:port or a path; * and ? are wildcards in a host, * is any port',
      permits,
    )
    .option('--from <glob...>', 'with --listen: accept only these logins; * and ? are wildcards')
    .option('--max <number>', `connections at once, of one peer (default: ${DEFAULT_MAX_CONNECTIONS})`, count(10_000))
    .option('--max-peers <number>', `with --listen: peers at once (default: ${DEFAULT_MAX_PEERS})`, count(64))
    .option(
      '--dial-timeout <seconds>',
      `how long a target may take to answer, and the peer to come back (default: ${DEFAULT_DIAL_TIMEOUT_S})`,
      seconds,
    )
    .option('--idle-timeout <seconds>', 'reset a connection when nothing moves through it for so long', seconds)
    .option('-w, --wait <seconds>', `how long to wait for the peer at the start (default: ${DEFAULT_WAIT_S})`, seconds)
    .option('--retry', 'keep trying where the server is not there yet, or the login is taken, until --wait is over')
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
  $ chatosbot forward --listen --login vault --permit db.internal:5432   # where the database can be reached
  $ chatosbot forward -L 5432:db.internal:5432 vault                     # on another machine
  $ psql -h 127.0.0.1 -p 5432

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
  const { listen, local, permit, from, maxPeers } = flags;
  if (!listen) {
    if (peer === undefined) return 'name a peer, or wait for peers with --listen';
    if (from || permit || maxPeers !== undefined) return '--from, --permit and --max-peers need --listen';
    return local ? undefined : 'say what to forward: -L';
  }
  if (peer !== undefined) return '--listen takes no peer: --from limits who is accepted, --login is your own login';
  if (local) return '-L needs a peer: --permit names what peers may connect to';
  return permit ? undefined : 'nothing is permitted: name what peers may connect to, with --permit host:port';
}

/** Reads the value of an option that may be given several times. */
function collect(parse: (text: string) => Forward) {
  return (text: string, previous: readonly Forward[] | undefined): readonly Forward[] => [
    ...(previous ?? []),
    read(parse, text),
  ];
}

function permits(text: string, previous: readonly string[] | undefined): readonly string[] {
  read((each) => new Permits([each]), text);
  return [...(previous ?? []), text];
}

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
