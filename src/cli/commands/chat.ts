import process from 'node:process';
import type { Command } from 'commander';
import type { ChatosClient } from '../../client/client.ts';
import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { formatAddress } from '../../net/address.ts';
import { Conversation } from '../chat/conversation.ts';
import { CHAT_COMMANDS } from '../chat/line-commands.ts';
import { LineInput, outputFailed, untilAborted } from '../chat/line-input.ts';
import { lineHelp } from '../chat/line-language.ts';
import { historyFile } from '../chat/history.ts';
import { jsonView, textView, type ChatView } from '../chat/view.ts';
import { connectCommand, type ConnectFlags } from '../connecting/connect.ts';
import { reportSessions } from '../connecting/session-reports.ts';
import { configOption, identityOption, loginOption, noIdentityOption, seconds, serverOption } from '../options.ts';
import { boundReports } from '../terminal/output.ts';
import { interruptibly } from '../terminal/signals.ts';

interface ChatFlags extends ConnectFlags {
  readonly linger: number;
  readonly history: boolean;
  readonly json?: boolean;
}

export function register(command: Command): void {
  command
    .addOption(serverOption())
    .addOption(loginOption())
    .addOption(identityOption())
    .addOption(noIdentityOption())
    .option('--linger <seconds>', 'after the end of a script, how long to keep showing messages', seconds, 0)
    .option('--no-history', 'keep no typed lines for the next time')
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
  boundReports();
  let own: string | undefined;
  let hasLeft = false;
  const view = flags.json ? jsonView() : textView({ own: () => own });
  let conversation: Conversation | undefined;
  const prepare = (made: ChatosClient): void => {
    own = made.login;
    conversation = new Conversation(made, view);
    made.once('slowed', () => view.notice('the server slows this client: what is said waits'));
    if (interactive) reportLosses(made, view, () => hasLeft || signal.aborted);
  };
  // A script ends with its connection, a person waits for it.
  const connecting = { signal, prepare, heartbeatMs: DEFAULT_HEARTBEAT_MS, reconnect: interactive };
  const client = await connectCommand(flags, connecting);
  const closed = new Promise<never>((_, reject) => {
    client.once('closed', (error) => {
      if (error) reject(error);
    });
  });
  closed.catch(() => undefined);
  // Not earlier: lines that arrive before anything reads them are lost.
  const json = flags.json ?? false;
  const input = new LineInput(view, { interactive, json, lingerMs: flags.linger * 1000 });
  try {
    view.notice(
      `logged in as ${client.login} on ${formatAddress(client.server)}${interactive ? '; /help shows how' : ''}`,
    );
    const subject = conversation!;
    const reading = input.read({
      commands: CHAT_COMMANDS,
      subject,
      prompt: () => promptOf(client, subject),
      historyFile: flags.history ? historyFile('chat') : undefined,
      completions: {
        logins: () => subject.heard.users.map(({ login }) => login),
        botCommands: () => subject.heard.commands,
      },
    });
    await Promise.race([reading, closed, untilAborted(signal), outputFailed()]);
    hasLeft = true;
    if (client.connected) await subject.end();
  } finally {
    input.close();
    await client.destroy();
  }
}

function promptOf(client: ChatosClient, { target }: Conversation): string {
  if (!client.connected) return '[not connected]> ';
  return target === undefined ? '> ' : `[${target}]> `;
}

/** Says when the connection is lost, why it does not come back, once for each reason, and when it is back. */
function reportLosses(client: ChatosClient, view: ChatView, hasLeft: () => boolean): void {
  let wasLost = false;
  reportSessions(
    client,
    (_type, text) => {
      if (text !== undefined && wasLost) view.notice(text);
    },
    () => wasLost,
  );
  client.on('disconnected', (error) => {
    if (hasLeft()) return;
    wasLost = true;
    const why = error ? `: ${error.message}` : '';
    view.notice(`the connection to the server is lost${why}; lines are not sent until it is back`);
  });
}
