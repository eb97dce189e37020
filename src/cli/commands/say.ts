import process from 'node:process';
import type { Command } from 'commander';
import { ChatosError } from '../../errors.ts';
import type { ChatosClient } from '../../client/client.ts';
import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { splitText } from '../../client/split-text.ts';
import { formatAddress } from '../../net/address.ts';
import { formatAddresses } from '../../net/address-list.ts';
import { withEither } from '../../util/abort.ts';
import { createDeferred, withResolvers } from '../../util/deferred.ts';
import { toJsonLine } from '../../util/escape.ts';
import { loginKey } from '../../util/login-key.ts';
import { connectCommand, type ConnectFlags } from '../connecting/connect.ts';
import { Delivery } from '../connecting/delivery.ts';
import { linesOf } from '../connecting/input-lines.ts';
import { reportSessions } from '../connecting/session-reports.ts';
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
import { standardInput } from '../terminal/input.ts';
import { SafeText } from '../terminal/safe-text.ts';
import { interruptibly } from '../terminal/signals.ts';
import { notice, writeLine } from '../terminal/output.ts';
import { formatSeconds } from '../../util/printable.ts';

interface SayFlags extends ConnectFlags {
  readonly to?: string;
  readonly waitForAnswer?: boolean;
  readonly answerTimeout?: number;
  /** In seconds. */
  readonly wait?: number;
  readonly retry?: boolean;
  readonly json?: boolean;
}

/** How long an answer may take, where nothing else is said. */
const DEFAULT_ANSWER_S = 60;
/** How long a server that is lost may take to come back. */
const RETURN_MS = 60_000;

export function register(command: Command): void {
  command
    .argument('<text...>', "the message; '-' sends each line of standard input that is not blank")
    .option('-t, --to <login>', 'send it to this login only', loginArgument)
    .addOption(serverOption())
    .addOption(loginOption())
    .addOption(identityOption())
    .addOption(noIdentityOption())
    .option('--wait-for-answer', 'print the first private message that this login sends back')
    .option('--answer-timeout <seconds>', `how long the answer may take (default: ${DEFAULT_ANSWER_S})`, someSeconds)
    .option('--retry', 'keep trying where the server is not there yet, or the login is taken, until --wait is over')
    .option('-w, --wait <seconds>', `with --retry: for how long (default: ${DEFAULT_WAIT_S})`, someSeconds)
    .option('--json', 'print a line of JSON for each message that was sent, and for the answer')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot say Stand-up in five minutes
  $ chatosbot say --to alice 'the build is green'
  $ tail -f app.log | chatosbot say --login logs -
  $ chatosbot say -- '-5 degrees'
  $ chatosbot say --to dice --wait-for-answer --answer-timeout 5 '!roll 20'
  $ chatosbot say --server tls://chat.example.org:7777 --identity me.pem done

The server confirms a message to everyone. It does not confirm a message to one login: if no one has that login, the
message is dropped without an error.`,
    )
    .action(async (words: string[], flags: SayFlags) => {
      if (flags.waitForAnswer && flags.to === undefined) command.error('--wait-for-answer needs --to: whose answer?');
      if (flags.answerTimeout !== undefined && !flags.waitForAnswer) {
        command.error('--answer-timeout needs --wait-for-answer');
      }
      if (flags.wait !== undefined && !flags.retry) command.error('--wait needs --retry');
      if (isBlank(words.join(''))) command.error("there is nothing to say; '-' sends the lines of standard input");
      await interruptibly((signal) => say(words, flags, signal));
    });
}

async function say(words: string[], flags: SayFlags, signal: AbortSignal): Promise<void> {
  const isStream = words.length === 1 && words[0] === '-';
  const { to, answerTimeout = DEFAULT_ANSWER_S, retry = false, wait = DEFAULT_WAIT_S } = flags;
  const answer = withResolvers<string>();
  const gone = new AbortController();
  let isReady = false;
  const prepare = (client: ChatosClient): void => {
    reportSessions(
      client,
      (type, text) => (isReady || (retry && type === 'retrying')) && text !== undefined && notice(text),
      () => true,
    );
    client.on('message', ({ from, text, private: isPrivate, own }) => {
      // What comes before anything was said is no answer.
      if (isReady && isPrivate && !own && to !== undefined && loginKey(from) === loginKey(to)) answer.resolve(text);
    });
    client.once('slowed', () => notice('the server slows this client: what is said waits'));
    onLost(client, isStream ? RETURN_MS : 0, (error) => gone.abort(error));
  };
  const heartbeatMs = isStream ? DEFAULT_HEARTBEAT_MS : undefined;
  const client = await connectCommand(flags, {
    signal,
    prepare,
    heartbeatMs,
    reconnect: isStream || retry,
    retryMs: retry ? wait * 1000 : undefined,
  });
  isReady = true;
  try {
    await withEither(signal, gone.signal, async (stop) => {
      const delivery = new Delivery(client, flags.to, stop, isStream);
      for await (const line of isStream ? linesOf(standardInput(), stop) : [words.join(' ')]) {
        if (isBlank(line)) continue;
        for (const part of splitText(line)) {
          await delivery.send(part);
          if (flags.json) await writeLine(toJsonLine({ type: 'sent', to: flags.to ?? null, text: part }), stop);
        }
      }
      await delivery.finish();
      if (!flags.waitForAnswer) return;
      const text = await answerWithin(answer.promise, answerTimeout * 1000, to!, stop);
      await writeLine(flags.json ? toJsonLine({ type: 'answer', from: to, text }) : shown(text), stop);
    });
    await client.close();
  } finally {
    await client.destroy();
  }
}

/** @throws {ChatosError} `TIMED_OUT`, or the reason of the signal */
async function answerWithin(
  answer: Promise<string>,
  timeoutMs: number,
  from: string,
  signal: AbortSignal,
): Promise<string> {
  const late = createDeferred<string>({ timeoutMs, signal, what: `no answer from ${from}` });
  answer.then((text) => late.resolve(text)).catch(() => undefined);
  return late.promise;
}

/** Data for a program; safe for a terminal, where several lines are several lines. */
function shown(text: string): string {
  if (!process.stdout.isTTY) return text;
  const safe = new SafeText();
  return safe.write(Buffer.from(text)) + safe.end();
}

/** Calls back when the session is lost and no other has come for so long. */
function onLost(client: ChatosClient, withinMs: number, report: (error: ChatosError) => void): void {
  client.on('disconnected', (error) => {
    if (withinMs === 0) {
      report(error ?? new ChatosError('CONNECTION_LOST', `${formatAddress(client.server)} closed the connection`));
      return;
    }
    const message = `${formatAddresses(client.servers)} has not come back within ${formatSeconds(withinMs)}`;
    const timer = setTimeout(() => report(new ChatosError('NOT_CONNECTED', message)), withinMs).unref();
    client.once('connected', () => clearTimeout(timer));
  });
}

function isBlank(text: string): boolean {
  return text.trim() === '';
}
