import process from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import { Option, type Command } from 'commander';
import type { ChatosClient } from '../../client/client.ts';
import { isChatosError, type ChatosError } from '../../errors.ts';
import { formatAddress } from '../../net/address.ts';
import { Conversation } from '../chat/conversation.ts';
import { chatHelp, runLine } from '../chat/line-commands.ts';
import { jsonView, textView, type ChatView } from '../chat/view.ts';
import { connectCommand, type ConnectFlags } from '../connect.ts';
import { exitFor, ExitSignal } from '../exit.ts';
import { configOption, loginOption, seconds, serverOption } from '../options.ts';
import { standardInput } from '../input.ts';
import { interruptibly } from '../signals.ts';

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
    conversation = new Conversation(made, view, { scripted: !interactive });
  };
  const client = await connectCommand(flags, { signal, prepare });
  const closed = new Promise<never>((_, reject) => {
    client.once('closed', (error) => {
      if (error) reject(error);
    });
  });
  closed.catch(() => undefined);
  // Not before now: lines that come while nobody listens for them would be lost.
  const lines = interactive
    ? createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' })
    : createInterface({ input: standardInput(), crlfDelay: Infinity });
  // Readline keeps Ctrl-C to itself on a terminal.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  if (interactive) {
    view.attach(lines);
    // Back from Ctrl-Z: readline has paused itself.
    lines.on('SIGCONT', () => lines.prompt(true));
  }
  try {
    view.notice(
      `logged in as ${client.login} on ${formatAddress(client.server)}${interactive ? '; /help shows how' : ''}`,
    );
    const reading = interactive ? readTyped(lines, conversation!, view) : readScript(lines, conversation!, view, flags);
    await Promise.race([reading, closed, aborted(signal), outputFailed()]);
    await conversation!.end();
  } finally {
    lines.close();
    if (interactive) process.stderr.write('\n');
    await client.destroy();
  }
}

/** Lines of a person: each is carried out at once, whatever the one before is waiting for. */
function readTyped(lines: Interface, conversation: Conversation, view: ChatView): Promise<void> {
  return new Promise((resolve) => {
    const prompt = (): void => {
      lines.setPrompt(conversation.target === undefined ? '> ' : `[${conversation.target}]> `);
      lines.prompt(true);
    };
    lines.on('line', (line) => {
      void runLine(conversation, line)
        .catch((error: unknown) => view.notice(chatError(error).message))
        .then((asked) => {
          if (asked === 'quit') resolve();
          if (asked === 'help') for (const row of chatHelp().split('\n')) view.notice(row);
          prompt();
        });
    });
    lines.once('close', resolve);
    prompt();
  });
}

/** Lines of a script: one after the other. What fails is told, and decides the exit status at the end. */
async function readScript(
  lines: Interface,
  conversation: Conversation,
  view: ChatView,
  flags: ChatFlags,
): Promise<void> {
  let failure: ChatosError | undefined;
  for await (const line of lines) {
    try {
      const asked = await runLine(conversation, line);
      if (asked === 'quit') break;
      if (asked === 'help') for (const row of chatHelp().split('\n')) view.notice(row);
    } catch (error) {
      failure ??= chatError(error);
      view.notice(chatError(error).message);
    }
  }
  await new Promise((resolve) => setTimeout(resolve, flags.linger * 1000));
  // It has been told already, except to a machine that wants its code.
  if (failure) throw flags.json ? failure : new ExitSignal(exitFor(failure).status);
}

function chatError(error: unknown): ChatosError {
  if (isChatosError(error)) return error;
  throw error;
}

/** Whoever reads standard output may stop reading: that ends the chat. */
function outputFailed(): Promise<never> {
  return new Promise((_, reject) => process.stdout.once('error', reject));
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new ExitSignal(0)), { once: true });
  });
}
