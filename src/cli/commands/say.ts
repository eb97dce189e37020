import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import type { ChatosError } from '../../errors.ts';
import type { ChatosClient } from '../../client/client.ts';
import { splitText } from '../../client/split-text.ts';
import { toJsonLine } from '../../util/escape.ts';
import { connectCommand, type ConnectFlags } from '../connecting/connect.ts';
import { configOption, loginArgument, loginOption, serverOption } from '../options.ts';
import { standardInput } from '../terminal/input.ts';
import { interruptibly } from '../terminal/signals.ts';
import { writeLine } from '../terminal/output.ts';

interface SayFlags extends ConnectFlags {
  readonly to?: string;
  readonly json?: boolean;
}

/** How long the server may take to confirm that it has handled all messages. */
const CONFIRM_TIMEOUT_MS = 10_000;

export function register(command: Command): void {
  command
    .argument('<text...>', "the message; '-' sends each line of standard input that is not blank")
    .option('-t, --to <login>', 'send it to this login only', loginArgument)
    .addOption(serverOption())
    .addOption(loginOption())
    .option('--json', 'print a line of JSON for each message that was sent')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot say Stand-up in five minutes
  $ chatosbot say --to alice 'the build is green'
  $ tail -f app.log | chatosbot say --login logs -
  $ chatosbot say -- '-5 degrees'

The server confirms a message to everyone. It does not confirm a message to one login: if no one has that login, the
message is dropped without an error.`,
    )
    .action(async (words: string[], flags: SayFlags) => {
      if (isBlank(words.join(''))) command.error("there is nothing to say; '-' sends the lines of standard input");
      await interruptibly((signal) => say(words, flags, signal));
    });
}

async function say(words: string[], flags: SayFlags, signal: AbortSignal): Promise<void> {
  let lost: ChatosError | undefined;
  const prepare = (client: ChatosClient): void => {
    client.on('disconnected', (error) => (lost = error ?? lost));
  };
  const client = await connectCommand(flags, { signal, prepare });
  try {
    for await (const line of words.length === 1 && words[0] === '-' ? inputLines(signal) : [words.join(' ')]) {
      for (const part of splitText(line)) {
        await (flags.to === undefined ? client.say(part) : client.tell(flags.to, part));
        if (flags.json) await writeLine(toJsonLine({ type: 'sent', to: flags.to ?? null, text: part }), signal);
      }
    }
    if (flags.to === undefined) await client.roundTrip({ timeoutMs: CONFIRM_TIMEOUT_MS, signal });
    await client.close();
    if (lost) throw lost;
  } finally {
    await client.destroy();
  }
}

async function* inputLines(signal: AbortSignal): AsyncGenerator<string> {
  const lines = createInterface({ input: standardInput(), crlfDelay: Infinity });
  signal.addEventListener('abort', () => lines.close(), { once: true });
  for await (const line of lines) if (!isBlank(line)) yield line;
  signal.throwIfAborted();
}

function isBlank(text: string): boolean {
  return text.trim() === '';
}
