import process from 'node:process';
import type { Command } from 'commander';
import type { ChatosClient } from '../../client/client.ts';
import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { formatAddress } from '../../net/address.ts';
import { Conversation } from '../chat/conversation.ts';
import { CHAT_COMMANDS } from '../chat/line-commands.ts';
import { LineInput, outputFailed, untilAborted } from '../chat/line-input.ts';
import { lineHelp } from '../chat/line-language.ts';
import { jsonView, textView } from '../chat/view.ts';
import { connectCommand, type ConnectFlags } from '../connecting/connect.ts';
import { configOption, identityOption, loginOption, noIdentityOption, seconds, serverOption } from '../options.ts';
import { interruptibly } from '../terminal/signals.ts';

interface ChatFlags extends ConnectFlags {
  readonly linger: number;
  readonly json?: boolean;
}

export function register(command: Command): void {
  command
    .addOption(serverOption())
    .addOption(loginOption())
    .addOption(identityOption())
    .addOption(noIdentityOption())
    .option('--linger <seconds>', 'after the end of a script, how long to keep showing messages', seconds, 0)
    .option('--json', 'show everything as lines of JSON')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
A line that you type goes to everyone. Commands:
${lineHelp(CHAT_COMMANDS).replace(/^/gm, '  ')}

Examples:
  $ chatosbot chat --login alice
  $ chatosbot chat --server tls://chat.example.org:7777
  $ printf '/msg echo hello\\n' | chatosbot chat --linger 2`,
    )
    .action((flags: ChatFlags) => interruptibly((signal) => chat(flags, signal)));
}

async function chat(flags: ChatFlags, signal: AbortSignal): Promise<void> {
  const interactive = process.stdin.isTTY && process.stderr.isTTY && !flags.json;
  const view = flags.json ? jsonView() : textView();
  let conversation: Conversation | undefined;
  const prepare = (made: ChatosClient): void => {
    conversation = new Conversation(made, view);
    made.once('slowed', () => view.notice('the server slows this client: what is said waits'));
  };
  const client = await connectCommand(flags, { signal, prepare, heartbeatMs: DEFAULT_HEARTBEAT_MS });
  const closed = new Promise<never>((_, reject) => {
    client.once('closed', (error) => {
      if (error) reject(error);
    });
  });
  closed.catch(() => undefined);
  // Not earlier: lines that arrive before anything reads them are lost.
  const input = new LineInput(view, { interactive });
  try {
    view.notice(
      `logged in as ${client.login} on ${formatAddress(client.server)}${interactive ? '; /help shows how' : ''}`,
    );
    const subject = conversation!;
    const prompt = (): string => (subject.target === undefined ? '> ' : `[${subject.target}]> `);
    const options = { json: flags.json ?? false, lingerMs: flags.linger * 1000 };
    const reading = input.read({ commands: CHAT_COMMANDS, subject, prompt }, options);
    await Promise.race([reading, closed, untilAborted(signal), outputFailed()]);
    await subject.end();
  } finally {
    input.close();
    await client.destroy();
  }
}
