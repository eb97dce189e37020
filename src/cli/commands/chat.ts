import process from 'node:process';
import { Option, type Command } from 'commander';
import type { ChatosClient } from '../../client/client.ts';
import { formatAddress } from '../../net/address.ts';
import { Conversation } from '../chat/conversation.ts';
import { chatHelp, runLine } from '../chat/line-commands.ts';
import { LineInput, outputFailed, untilAborted, type LineTalk } from '../chat/line-input.ts';
import { jsonView, textView } from '../chat/view.ts';
import { connectCommand, type ConnectFlags } from '../connecting/connect.ts';
import { configOption, loginOption, seconds, serverOption } from '../options.ts';
import { interruptibly } from '../terminal/signals.ts';

interface ChatFlags extends ConnectFlags {
  readonly linger: number;
  readonly json?: boolean;
}

export function register(command: Command): void {
  command
    .addOption(serverOption())
    .addOption(loginOption())
    .addOption(
      new Option('--linger <seconds>', 'after the end of a script, how long to go on showing what others say')
        .argParser(seconds())
        .default(0),
    )
    .addOption(new Option('--json', 'show everything in lines of JSON'))
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Type to talk to everyone. Commands:
${chatHelp().replace(/^/gm, '  ')}

Examples:
  $ chatosbot chat --login alice
  $ printf '/msg echo hello\\n' | chatosbot chat --linger 2`,
    )
    .action(chat);
}

async function chat(flags: ChatFlags): Promise<void> {
  await interruptibly((signal) => converse(flags, signal));
}

async function converse(flags: ChatFlags, signal: AbortSignal): Promise<void> {
  const interactive = process.stdin.isTTY && process.stderr.isTTY && !flags.json;
  const view = flags.json ? jsonView() : textView();
  let conversation: Conversation | undefined;
  const prepare = (made: ChatosClient): void => {
    conversation = new Conversation(made, view);
  };
  const client = await connectCommand(flags, { signal, prepare });
  const closed = new Promise<never>((_, reject) => {
    client.once('closed', (error) => {
      if (error) reject(error);
    });
  });
  closed.catch(() => undefined);
  // Not before now: lines that come while nobody listens for them would be lost.
  const input = new LineInput(view, { interactive });
  try {
    view.notice(
      `logged in as ${client.login} on ${formatAddress(client.server)}${interactive ? '; /help shows how' : ''}`,
    );
    const reading = input.read(talkOf(conversation!), { json: flags.json ?? false, lingerMs: flags.linger * 1000 });
    await Promise.race([reading, closed, untilAborted(signal), outputFailed()]);
    await conversation!.end();
  } finally {
    input.close();
    await client.destroy();
  }
}

function talkOf(conversation: Conversation): LineTalk {
  return {
    prompt: () => (conversation.target === undefined ? '> ' : `[${conversation.target}]> `),
    run: (line) => runLine(conversation, line),
    help: chatHelp,
  };
}
