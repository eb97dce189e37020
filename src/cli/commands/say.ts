import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { Option } from 'commander';
import { ChatosError } from '../../errors.ts';
import type { ChatosClient } from '../../client/client.ts';
import { createDeferred } from '../../util/deferred.ts';
import { splitText } from '../../client/split-text.ts';
import { toJsonLine } from '../../util/json-line.ts';
import { connectCommand, type ConnectFlags } from '../connecting/connect.ts';
import { configOption, loginArgument, loginOption, serverOption } from '../options.ts';
import { standardInput } from '../terminal/input.ts';
import { interruptibly } from '../terminal/signals.ts';
import { writeLine } from '../terminal/output.ts';

interface SayFlags extends ConnectFlags {
  readonly to?: string;
  readonly json?: boolean;
}

/** How long the server may take to send our own last message back. */
const CONFIRM_TIMEOUT_MS = 10_000;

export function register(command: Command): void {
  command
    .argument('<text...>', "what to say; '-' reads lines from standard input")
    .addOption(new Option('-t, --to <login>', 'to one login alone').argParser(loginArgument))
    .addOption(serverOption())
    .addOption(loginOption())
    .addOption(new Option('--json', 'report each message that was sent as a line of JSON'))
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot say Stand-up in five minutes
  $ chatosbot say --to alice 'the build is green'
  $ tail -f app.log | chatosbot say --login logs -

A message to everyone comes back from the server, which shows that it was passed on. A message to one does not: where
nobody has that login, the server drops it, and nobody can tell.`,
    )
    .action(say);
}

async function say(words: string[], flags: SayFlags): Promise<void> {
  await interruptibly((signal) => deliver(words, flags, signal));
}

async function deliver(words: string[], flags: SayFlags, signal: AbortSignal): Promise<void> {
  let sent = 0;
  let confirmed = 0;
  let onConfirmed = (): void => undefined;
  let lost: ChatosError | undefined;
  const prepare = (client: ChatosClient): void => {
    client.on('message', ({ own, private: isPrivate }) => {
      if (!own || isPrivate) return;
      confirmed += 1;
      onConfirmed();
    });
    client.on('disconnected', (error) => (lost = error ?? lost));
  };
  const client = await connectCommand(flags, { signal, prepare });
  try {
    for await (const line of words.length === 1 && words[0] === '-' ? inputLines(signal) : [words.join(' ')]) {
      for (const part of splitText(line)) {
        await (flags.to === undefined ? client.say(part) : client.tell(flags.to, part));
        sent += 1;
        if (flags.json) await writeLine(toJsonLine({ type: 'sent', to: flags.to ?? null, text: part }));
      }
    }
    if (flags.to === undefined && sent > 0) {
      const what = 'the server did not pass the message on';
      const waiting = createDeferred<void>({ timeoutMs: CONFIRM_TIMEOUT_MS, signal, what });
      onConfirmed = () => confirmed >= sent && waiting.resolve();
      onConfirmed();
      client.once('closed', (error) =>
        waiting.reject(error ?? new ChatosError('CONNECTION_LOST', `${what}: it closed`)),
      );
      await waiting.promise;
    }
    await client.close();
    if (lost) throw lost;
  } finally {
    await client.destroy();
  }
}

async function* inputLines(signal: AbortSignal): AsyncGenerator<string> {
  const lines = createInterface({ input: standardInput(), crlfDelay: Infinity });
  signal.addEventListener('abort', () => lines.close(), { once: true });
  for await (const line of lines) if (line !== '') yield line;
  signal.throwIfAborted();
}
