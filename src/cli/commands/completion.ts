import { Argument, type Command } from 'commander';
import { renderBash } from '../completion/bash.ts';
import { readCommand, type CommandModel } from '../completion/command-model.ts';
import { renderFish } from '../completion/fish.ts';
import { renderZsh } from '../completion/zsh.ts';
import { writeLine } from '../terminal/output.ts';

const SHELLS: Readonly<Record<string, (program: CommandModel, name: string) => string>> = {
  bash: renderBash,
  zsh: renderZsh,
  fish: renderFish,
};

export function register(command: Command, registerAll: () => Promise<void>): void {
  command
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      `
Examples:
  $ eval "$(chatosbot completion bash)"     # in ~/.bashrc
  $ eval "$(chatosbot completion zsh)"      # in ~/.zshrc, after compinit
  $ chatosbot completion fish | source      # in ~/.config/fish/config.fish

The script completes commands, options and their values on TAB.`,
    )
    .action(async (shell: string) => {
      await registerAll();
      const program = command.parent!;
      await writeLine(SHELLS[shell]!(readCommand(program), program.name()).trimEnd());
    });
}
