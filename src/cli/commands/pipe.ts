import process from 'node:process';
import type { Command } from 'commander';
import type { Channel } from '../../client/channel.ts';
import type { ChatosClient } from '../../client/client.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { createDeferred } from '../../util/deferred.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { formatAddress } from '../../net/address.ts';
import { matchesLogin } from '../../policy/login-glob.ts';
import { pipeChannel } from '../../transfer/pipe.ts';
import { toJsonLine } from '../../util/escape.ts';
import { connectCommand, type ConnectFlags } from '../connecting/connect.ts';
import { configOption, loginArgument, loginOption, seconds, serverOption } from '../options.ts';
import { notice } from '../terminal/output.ts';
import { showProgress } from '../terminal/progress.ts';
import { standardInput } from '../terminal/input.ts';
import { interruptibly } from '../terminal/signals.ts';

interface PipeFlags extends ConnectFlags {
  readonly listen?: boolean;
  readonly from?: string[];
  readonly wait?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

const DEFAULT_WAIT_S = 30;

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
  const incoming = flags.listen ? incomingChannel(flags, signal) : undefined;
  const client = await connectCommand(flags, { signal, prepare: (made) => incoming?.listenOn(made) });
  let channel: Channel | undefined;
  try {
    report('logged-in', `logged in as ${client.login} on ${formatAddress(client.server)}`, { login: client.login });
    if (incoming) {
      report('waiting', 'waiting for a private connection', {});
      channel = await incoming.channel(client);
    } else {
      report('waiting', `asking ${peer} for a private connection`, { peer });
      channel = await client.request(peer!, { timeoutMs: (flags.wait ?? DEFAULT_WAIT_S) * 1000, signal });
    }
    report('connected', `private connection with ${channel.peer}`, { peer: channel.peer });
    const { sent, received } = await transfer(channel, flags, signal);
    report('done', undefined, { sent, received });
    await client.close();
  } finally {
    // Breaks a channel that has not ended in order: the peer must not take it for an end of file.
    channel?.destroy();
    await client.destroy();
  }
}

async function transfer(channel: Channel, flags: PipeFlags, signal: AbortSignal) {
  const abort = (): void => void channel.destroy(new ChatosError('ABORTED', 'interrupted'));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const hidden = flags.quiet === true || flags.json === true;
  const progress = hidden
    ? { clear: () => undefined, done: () => undefined }
    : showProgress(() => ({ sent: channel.bytesSent, received: channel.bytesReceived }));
  if (process.stdout.isTTY) channel.once('data', progress.clear);
  const input = standardInput();
  // At a terminal, the end of the peer is enough: users need not know Ctrl-D.
  if (input.isTTY) channel.once('inputEnd', () => input.push(null));
  try {
    return await pipeChannel(channel, input, process.stdout);
  } finally {
    progress.done();
    signal.removeEventListener('abort', abort);
  }
}

/** The channel of the first request that is accepted; if one is not established, that of the next. */
function incomingChannel(flags: PipeFlags, signal: AbortSignal) {
  const wanted = flags.from ?? ['*'];
  const waiting = createDeferred<Channel>({
    timeoutMs: (flags.wait ?? Infinity) * 1000,
    signal,
    what: 'no peer asked for a private connection',
  });
  waiting.promise.catch(() => undefined);
  let busy = false;
  const onRequest = async (request: PrivateRequest): Promise<void> => {
    if (busy || !wanted.some((pattern) => matchesLogin(pattern, request.from))) {
      request.refuse();
      return;
    }
    busy = true;
    try {
      waiting.resolve(await request.accept());
    } catch (error) {
      busy = false;
      if (!isChatosError(error)) throw error;
      notice(`the private connection with ${request.from} was not established: ${error.message}`);
    }
  };
  return {
    listenOn: (client: ChatosClient): void => {
      client.on('request', (request) => void onRequest(request));
    },
    channel: (client: ChatosClient): Promise<Channel> => {
      client.once('closed', (error) => error && waiting.reject(error));
      return waiting.promise;
    },
  };
}

function reporter(flags: PipeFlags): (type: string, text: string | undefined, fields: object) => void {
  return (type, text, fields) => {
    if (flags.json) process.stderr.write(`${toJsonLine({ type, ...fields })}\n`);
    else if (!flags.quiet && text !== undefined) notice(text);
  };
}
