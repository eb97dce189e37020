import process from 'node:process';
import { Argument, Option, type Command } from 'commander';
import type { ControlLine, ControlRequest } from '../../ops/control-protocol.ts';
import { toJsonLine } from '../../util/escape.ts';
import { LOG_LEVELS } from '../../util/log.ts';
import { escapeUnsafe } from '../../util/escape.ts';
import { missingText, REPORTS } from '../ctl/reports.ts';
import { ask, type ControlFlags } from '../ctl/socket.ts';
import { groupOptions } from '../group-options.ts';
import { configOption, controlOption, duration, seconds } from '../options.ts';
import { EXIT, ExitSignal } from '../terminal/exit.ts';
import { notice, writeLine } from '../terminal/output.ts';

interface CtlFlags extends ControlFlags {
  readonly json?: boolean;
}

interface BanFlags {
  readonly for?: number;
  readonly reason?: string;
  readonly login?: boolean;
}

const WHO = 'logins, or sessions as #12';
const WHAT = "logins (* and ? are wildcards), addresses, networks as 192.0.2.0/24, or keys as 'sha256:…'";

export function register(command: Command): void {
  const addOptions = groupOptions(command, () => [
    controlOption(
      'the control socket of the server (default: the one of the configured port, 7777 without one, or the only one)',
    ),
    new Option('--json', 'print lines of JSON'),
    configOption(),
  ]);
  const add = (usage: string, summary: string, example: string): Command =>
    addOptions(command.command(usage).description(summary)).addHelpText(
      'after',
      `\nExamples:\n  $ chatosbot ctl ${example}`,
    );

  add('sessions', 'list who is connected', 'sessions').action((flags: CtlFlags) =>
    show(flags, { command: 'sessions' }, REPORTS.sessions),
  );
  add('channels', 'list the private connections', 'channels --json').action((flags: CtlFlags) =>
    show(flags, { command: 'channels' }, REPORTS.channels),
  );
  add('kick', 'end sessions, and their private connections', 'kick mallory')
    .argument('<who...>', WHO)
    .option('--all', "what is named is a pattern of logins, as 'spam-*'")
    .action((who: string[], { all, ...flags }: CtlFlags & { readonly all?: boolean }) =>
      show(flags, { command: 'kick', who, all }, REPORTS.kicked),
    );
  add('ban', 'keep somebody out, and end their sessions and private connections', "ban 'spam-*' --for 1h --reason spam")
    .argument('<who...>', WHAT)
    .option('--for <time>', 'for how long, such as 90s, 30m, 1h or 7d (default: until it is lifted)', duration)
    .option('--reason <text>', 'why, for the log and the list')
    .option('--login', 'what is named is a login, whatever it looks like')
    .action((what: string[], { for: forS, reason, login, ...flags }: CtlFlags & BanFlags) =>
      show(flags, { command: 'ban', what, forMs: forS && forS * 1000, reason, login }, REPORTS.banned),
    );
  add('unban', 'lift bans', 'unban 203.0.113.0/24')
    .argument('<ban...>', 'what was banned, as the list of bans shows it')
    .option('--login', 'what is named is a login, whatever it looks like')
    .action((what: string[], { login, ...flags }: CtlFlags & BanFlags) =>
      show(flags, { command: 'unban', what, login }, REPORTS.unbanned),
    );
  add('cluster', 'show the cluster that the server is a node of', 'cluster').action((flags: CtlFlags) =>
    show(flags, { command: 'cluster' }, REPORTS.cluster),
  );
  add('bans', 'list who is banned', 'bans').action((flags: CtlFlags) => show(flags, { command: 'bans' }, REPORTS.bans));
  add('reload', 'read the configuration again, and apply what can be applied', 'reload').action((flags: CtlFlags) =>
    show(flags, { command: 'reload' }, REPORTS.reloaded),
  );
  add('drain', 'stop the server as SIGTERM does', 'drain --drain 60')
    .option('--drain <seconds>', 'how long private connections may take to finish', seconds)
    .action(({ drain, ...flags }: CtlFlags & { readonly drain?: number }) =>
      show(flags, { command: 'drain', drainMs: drain && drain * 1000 }, REPORTS.draining),
    );
  add('log-level', 'show what the log shows, or change it', 'log-level debug')
    .addArgument(new Argument('[level]', 'the lowest level that is logged').choices([...LOG_LEVELS]))
    .action((level: string | undefined, flags: CtlFlags) =>
      show(flags, { command: 'log-level', level }, REPORTS.logLevel),
    );
  add('stats', 'show what the server has done and holds', 'stats --json').action((flags: CtlFlags) =>
    show(flags, { command: 'stats' }, REPORTS.stats),
  );
  command.addHelpText(
    'after',
    `
Examples:
  $ chatosbot ctl sessions
  $ chatosbot ctl kick mallory
  $ chatosbot ctl ban 203.0.113.0/24 --for 1h
  $ chatosbot ctl log-level debug
  $ chatosbot ctl drain

Each of them finds the server on the port of the configuration (7777 without one), or the only one that this user runs;
--control names the socket of another.
Exit code: 69 if no server is there or nobody has the login, 77 if the socket is another user's, 124 if it does not
answer.`,
  );
}

/** How wide a terminal is. */
function roomOf({ isTTY, columns }: NodeJS.WriteStream): number | undefined {
  return isTTY && columns > 0 ? columns : undefined;
}

async function show(
  flags: CtlFlags,
  request: ControlRequest,
  report: (lines: readonly ControlLine[], room?: number) => string[],
): Promise<void> {
  const all = await ask(flags, request, undefined, (socket) =>
    notice(`asking the only server there is, not that of the configuration: ${socket}`),
  );
  const lines = all.filter(({ type }) => type !== 'missing');
  for (const line of all) {
    if (line.type === 'missing') notice(`warning: ${missingText(line)}`);
  }
  const texts = flags.json ? all.map(toJsonLine) : report(lines, roomOf(process.stdout)).map(escapeUnsafe);
  if (texts.length > 0) await writeLine(texts.join('\n'));
  // A reload that was not done is what a wrong configuration is anywhere.
  if (lines.some(({ invalid }) => Array.isArray(invalid) && invalid.length > 0)) throw new ExitSignal(EXIT.usage);
}
