import { flatten, type CommandModel, type ValueModel } from './command-model.ts';
import { quote } from '../../util/quote.ts';

/** The script for bash. It keeps to what 3.2 has, the bash of macOS. */
export function renderBash(program: CommandModel, name: string): string {
  const commands = flatten(program).map(({ path, commands: below, options, values }) => {
    const words = below.map((each) => each.path.at(-1)!).join(' ');
    const flags = options.flatMap((option) => option.flags).join(' ');
    const takes = values.map((value) => quote(valueWord(value))).join(' ');
    return `    ${quote(path.join(' '))}) commands=${quote(words)} options=${quote(flags)} values=(${takes}) ;;`;
  });
  const options = flatten(program).flatMap(({ path, options: all }) =>
    all.flatMap(({ flags, value }) => {
      if (!value) return [];
      const patterns = flags.map((flag) => quote([...path, flag].join(' '))).join(' | ');
      return [`    ${patterns}) value=${quote(valueWord(value))} ;;`];
    }),
  );
  return `# Completion of ${name} for bash, printed by: ${name} completion bash

# The subcommands, options and arguments of a command.
_${name}_command() {
  case $1 in
${commands.join('\n')}
  esac
}

# The value of an option: * for several, ? if it is optional, then words or a kind.
_${name}_option() {
  value=
  case $1 in
${options.join('\n')}
  esac
}

# Offers the files of a kind, or the words, that begin with what is typed.
_${name}_offer() {
  local found IFS=$' \\t\\n' from=(-W "$1")
  case $1 in
    :any) return ;;
    :files)
      # Readline expands ~ and quotes.
      compopt -o default 2>/dev/null && return
      from=(-f)
      ;;
    :directories)
      compopt -o filenames 2>/dev/null
      from=(-d)
      ;;
  esac
  while IFS= read -r found; do
    COMPREPLY+=("$found")
  done < <(compgen "\${from[@]}" -- "$2")
}

_${name}() {
  local commands options values value path= literal= word i position=0 last
  local typed=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  _${name}_command ''
  value=
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    # Bash splits --option=value and host:port.
    if [[ $word == = && $value ]]; then
      continue
    elif [[ $word == [:=]* ]]; then
      ((i++))
    elif [[ $literal ]]; then
      ((position++))
    elif [[ $value && ! ($value == [*?]* && $word == -*) ]]; then
      [[ $value == '*'* ]] || value=
    elif [[ $word == -- ]]; then
      literal=1 value=
    elif [[ $word == -* ]]; then
      _${name}_option "\${path:+$path }$word"
    elif [[ " $commands " == *" $word "* ]]; then
      path=\${path:+$path }$word
      _${name}_command "$path"
    else
      ((position++))
    fi
  done
  # There is nothing to offer after a colon.
  [[ $typed == :* ]] || ((i > COMP_CWORD)) && return
  [[ $typed == = ]] && typed=
  if [[ $value && ! ($value == [*?]* && $typed == -*) ]]; then
    _${name}_offer "\${value#[*?]}" "$typed"
  elif [[ $typed == -* && ! $literal ]]; then
    _${name}_offer "$options" "$typed"
  elif [[ $commands && $position == 0 ]]; then
    _${name}_offer "$commands" "$typed"
  else
    last=$((\${#values[@]} - 1))
    ((position > last && last >= 0)) && [[ \${values[last]} == '*'* ]] && position=$last
    ((position > last)) || _${name}_offer "\${values[position]#[*?]}" "$typed"
  fi
}

complete -F _${name} ${name}
`;
}

function valueWord({ values, optional, variadic }: ValueModel): string {
  const kind = typeof values === 'string' ? `:${values}` : values.join(' ');
  return `${variadic ? '*' : optional ? '?' : ''}${kind}`;
}
