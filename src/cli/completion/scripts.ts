import type { Words } from './offers.ts';

/**
 * The scripts ask the program what may come next: `NAME completion SHELL -- WORD…` prints `:files`, `:directories` or
 * words, a line each. The one for bash keeps to what 3.2 has, the bash of macOS.
 */
export const SCRIPTS = {
  bash: (name: string): string => `# Completion of ${name} for bash, printed by: ${name} completion bash

_${name}() {
  local found offers IFS=$'\\n' typed=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  offers=$(command ${name} completion bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)
  # Bash splits --option=value and host:port.
  [[ $typed == [:=]* ]] && typed=
  local from=(-W "$offers")
  case $offers in
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
  done < <(compgen "\${from[@]}" -- "$typed")
}

complete -F _${name} ${name}
`,
  zsh: (name: string): string => `#compdef ${name}
# Completion of ${name} for zsh, printed by: ${name} completion zsh

_${name}() {
  local -a offers=("\${(@f)$(command ${name} completion zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null </dev/null)}")
  compset -P '--*='
  case $offers[1] in
    :files) _files ;;
    :directories) _files -/ ;;
    ?*) _describe -t offers ${name} offers ;;
  esac
}

if [[ $funcstack[1] == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`,
  fish: (name: string): string => `# Completion of ${name} for fish, printed by: ${name} completion fish

function __${name}_offers
    set -l typed (commandline -ct)
    set -l offers (command ${name} completion fish -- (commandline -opc)[2..] "$typed" 2>/dev/null </dev/null)
    set -l option (string match -r -- '^--[^=]*=' "$typed")
    set -l value (string replace -r -- '^--[^=]*=' '' "$typed")
    switch "$offers[1]"
        case :files
            set offers (__fish_complete_path "$value")
        case :directories
            set offers (__fish_complete_directories "$value")
        case '*'
            # Without this, fish also looks for the letters in the descriptions.
            set offers (string match -- "$value*" $offers)
    end
    string join -- \\n "$option"$offers
end

complete -c ${name} -f -a '(__${name}_offers)'
`,
} as const;

/**
 * What may come next, as the script of a shell reads it: a line each.
 *
 * @param split a word that is typed, where bash has split it
 */
export function offerLines(shell: keyof typeof SCRIPTS, offers: Words, split = ''): string[] {
  if (shell === 'bash') {
    // It puts what is offered behind the last colon that is typed, as in the ban of an IPv6 network.
    const value = split.replace(/^--[^=]*=/, '');
    const begun = value.slice(0, value.lastIndexOf(':') + 1);
    return offers.flatMap(([word]) => (word.startsWith(begun) ? [word.slice(begun.length)] : []));
  }
  return offers.map(([word, meaning]) => {
    if (shell === 'fish') return meaning === '' ? word : `${word}\t${meaning}`;
    // What is behind a colon would be the meaning.
    const escaped = word.replaceAll(':', String.raw`\:`);
    return meaning === '' ? escaped : `${escaped}:${meaning}`;
  });
}
