import { flatten, type CommandModel, type OptionModel, type Values } from './command-model.ts';

/** The script for fish. */
export function renderFish(program: CommandModel, name: string): string {
  const paths = flatten(program)
    .filter(({ commands }) => commands.length > 0)
    .map(({ path, commands }) => {
      const words = commands.map((each) => each.path.at(-1)!).join(' ');
      return `        case ${quoteFish(path.join(' '))}\n            set commands ${words}`;
    });
  return `# Completion of ${name} for fish, printed by: ${name} completion fish

# Whether the typed line has this command.
function __${name}_at
    set -l path
    for word in (commandline -opc)[2..]
        set -l commands
        switch "$path"
${paths.join('\n').replaceAll(/^/gm, '    ')}
        end
        contains -- $word $commands; and set -a path $word
    end
    test "$path" = "$argv"
end

complete -c ${name} -f
${flatten(program)
  .flatMap((command) => renderCommand(command, name))
  .join('\n')}
`;
}

function renderCommand({ path, options, values, commands }: CommandModel, name: string): string[] {
  const start = `complete -c ${name} -n ${quoteFish([`__${name}_at`, ...path].join(' '))}`;
  return [
    ...commands.map((each) => `${start} -a ${each.path.at(-1)!} -d ${quoteFish(each.summary)}`),
    ...values.filter((value) => value.values !== 'any').map((value) => `${start} ${offers(value.values)}`),
    ...options.map((option) => `${start} ${renderOption(option)}`),
  ];
}

function renderOption({ flags, summary, value }: OptionModel): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const takes = value ? [value.optional ? '' : '-r', offers(value.values)] : [];
  return [...names, ...takes, `-d ${quoteFish(summary)}`].filter((part) => part !== '').join(' ');
}

function offers(values: Values): string {
  if (values === 'any') return '-f';
  if (values === 'files') return '-F';
  return values === 'directories' ? "-f -a '(__fish_complete_directories)'" : `-f -a ${quoteFish(values.join(' '))}`;
}

/** Between single quotes, fish keeps a backslash, except before a quote or a backslash. */
function quoteFish(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}
