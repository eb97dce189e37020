import { flatten, type CommandModel, type OptionModel, type ValueModel } from './command-model.ts';
import { quote } from '../../util/quote.ts';

/** The script for zsh: a file of `fpath`, or to be evaluated. */
export function renderZsh(program: CommandModel, name: string): string {
  const functions = flatten(program).map((command) => renderFunction(command, name));
  return `#compdef ${name}
# Completion of ${name} for zsh, printed by: ${name} completion zsh

${functions.join('\n\n')}

if [[ $funcstack[1] == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function renderFunction({ path, options, values, commands }: CommandModel, name: string): string {
  const specs = options.map(optionSpec);
  const head = `${functionName(path, name)}() {`;
  if (commands.length === 0) {
    specs.push(...values.map((value, index) => quote(valueSpec(value, value.variadic ? '*' : String(index + 1)))));
    return `${head}\n  _arguments -s -S ${lines(specs)}\n}`;
  }
  const described = commands.map((each) => quote(`${each.path.at(-1)!}:${each.summary}`));
  const branches = commands.map((each) => `    ${each.path.at(-1)!}) ${functionName(each.path, name)} ;;`);
  return `${head}
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C -s -S ${lines([...specs, "'1:command:->command'", "'*::argument:->argument'"])}
  case $state in
    command)
      local -a commands=(
        ${described.join('\n        ')}
      )
      _describe -t commands command commands
      ;;
    argument)
      case $line[1] in
    ${branches.join('\n    ')}
      esac
      ;;
  esac
}`;
}

function functionName(path: readonly string[], name: string): string {
  return ['', name, ...path].join('_');
}

function lines(specs: readonly string[]): string {
  return specs.map((spec) => `\\\n    ${spec}`).join(' ');
}

/** A flag is offered once; an option with a value again, as it may be repeatable. */
function optionSpec({ flags, summary, value }: OptionModel): string {
  const text = `[${summary.replaceAll(/[\\[\]]/g, String.raw`\$&`)}]`;
  if (!value) return quote(`(${flags.join(' ')})`) + braced(flags) + quote(text);
  const takes = `${value.optional ? '::' : ':'}${value.name}:${action(value)}`;
  const named = flags.map((flag) => `*${flag}${flag.startsWith('--') ? '=' : '+'}`);
  return braced(named.map(quote)) + quote(text + takes);
}

function braced(words: readonly string[]): string {
  return words.length === 1 ? words[0]! : `{${words.join(',')}}`;
}

function valueSpec(value: ValueModel, position: string): string {
  // With a bare message, zsh would not offer options here.
  const takes = value.values === 'any' ? `_guard "^-*" ${value.name}` : action(value);
  return `${position}:${value.optional && !value.variadic ? ':' : ''}${value.name}:${takes}`;
}

function action({ values }: ValueModel): string {
  if (values === 'any') return ' ';
  if (values === 'files') return '_files';
  return values === 'directories' ? '_files -/' : `(${values.join(' ')})`;
}
