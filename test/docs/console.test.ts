import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { PAGES, readFences } from './fences.ts';
import { chatosbotCalls, readSessions } from './sessions.ts';

const calls = PAGES.flatMap(readFences)
  .filter(({ language }) => ['console', 'sh', 'ini'].includes(language))
  .flatMap(({ page, line, language, text }) => {
    const shell = language === 'sh' ? text.split('\n') : readSessions(text).map(({ command }) => command);
    const lines = language === 'ini' ? [/^ExecStart=.*\/(chatosbot .*)$/m.exec(text)?.[1] ?? ''] : shell;
    return lines.flatMap(chatosbotCalls).map((args) => ({ from: `${page}:${line}`, args, shown: args.join(' ') }));
  });

describe('the commands in the docs', () => {
  test.each(calls)('$from: chatosbot $shown', async ({ args }) => {
    const [name, ...rest] = args;
    if (name === '--version' || name === '--help') return;
    const entry = COMMANDS.find((each) => each.name === name);
    expect(entry, `there is no command ${name}`).toBeDefined();
    const command = new Command(name);
    (await entry!.load()).register(command, async () => undefined);
    inert(command);
    await command.parseAsync(rest, { from: 'user' });
  });
});

/** Takes what a command does out of it: what is left is how it is called, and throws where that is wrong. */
function inert(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  if (command.commands.length === 0) command.action(() => undefined);
  for (const each of command.commands) inert(each);
}
