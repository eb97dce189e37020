import { Argument, type Command } from 'commander';
import { askedOffers } from '../completion/asked-offers.ts';
import { offersFor } from '../completion/offers.ts';
import { offerLines, SCRIPTS } from '../completion/scripts.ts';
import { writeLine } from '../terminal/output.ts';

export function register(command: Command, registerOther: (name: string) => Promise<void>): void {
  command
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)))
    .argument('[words...]', 'what the script asks: the words behind the program, to print what may come next')
    .addHelpText(
      'after',
      `
Examples:
  $ eval "$(chatosbot completion bash)"     # in ~/.bashrc
  $ eval "$(chatosbot completion zsh)"      # in ~/.zshrc, after compinit
  $ chatosbot completion fish | source      # in ~/.config/fish/config.fish

The script completes commands, options and their values on TAB.`,
    )
    .action(async (shell: keyof typeof SCRIPTS, typed: readonly string[]) => {
      const program = command.parent!;
      if (typed.length === 0) return writeLine(SCRIPTS[shell](program.name()).trimEnd());
      const words = shell === 'bash' ? rejoined(typed) : typed;
      await registerOther(words.find((word) => !word.startsWith('-')) ?? '');
      const offers = offersFor(program, words);
      const found = offers === 'logins' || offers === 'bans' ? await askedOffers(offers, words) : offers;
      const [last = ''] = words.slice(-1);
      const split = last === typed.at(-1) ? '' : last;
      const lines = typeof found === 'string' ? [`:${found}`] : offerLines(shell, found, split);
      if (lines.length > 0) await writeLine(lines.join('\n'));
    });
}

/** Bash splits words at `=` and `:`. */
function rejoined(parts: readonly string[]): string[] {
  const words: string[] = [];
  for (const [index, part] of parts.entries()) {
    const isSplit = index > 0 && (/^[=:]/.test(part) || /^[=:]+$/.test(parts[index - 1]!));
    words.push(isSplit ? `${words.pop()!}${part}` : part);
  }
  return words;
}
