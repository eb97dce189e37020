/** What shells offer for a line, with a completion script. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect } from 'vitest';
import { commandFolder, startProgram } from './chatosbot.ts';
import { HAS_TERMINAL, onTerminal } from './terminal.ts';

/** A script that completes a program's commands. */
export interface Completion {
  readonly program: string;
  /** The file of the script. */
  readonly script: string;
  /** Where files are looked for. */
  readonly cwd: string;
}

/** Whether this machine has a shell; on a terminal, whether it has both. */
export function hasShell(shell: string, where?: 'terminal'): boolean {
  return spawnSync(shell, ['-c', 'true']).status === 0 && (where === undefined || HAS_TERMINAL);
}

/** What bash offers for the last of the words behind the program's name: split as bash does it, also at `=` and `:`. */
export function bashOffers(completion: Completion, words: readonly string[]): Promise<string[]> {
  const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_$1"; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return offers(
    'bash',
    ['--norc', '-c', script, 'bash', completion.script, completion.program, ...words],
    completion.cwd,
  );
}

/** What fish offers for the end of a line behind the program's name: each with a tab and its description, if any. */
export function fishOffers({ program, script, cwd }: Completion, line: string): Promise<string[]> {
  const command = 'source $argv[1]; complete -C $argv[2]';
  return offers('fish', ['--no-config', '-c', command, script, `${program} ${line}`], cwd);
}

/** A `PATH` in which the scripts find the program that they ask. */
function searched(): string {
  return [commandFolder(), process.env['PATH']].join(path.delimiter);
}

async function offers(shell: string, args: readonly string[], cwd: string): Promise<string[]> {
  const { stdout, stderr } = await startProgram(shell, args, { cwd, env: { PATH: searched() } }).exit();
  expect(stderr).toBe('');
  const rows = stdout.split('\n').filter((row) => row !== '');
  return rows.toSorted();
}

const START = {
  bash: ['exec bash --norc --noprofile -i', ''],
  zsh: ['exec zsh -f -i', 'autoload -U compinit && compinit -D -u; '],
} as const;

/**
 * Starts an interactive shell on a terminal. What it returns types a line, with tabs in it, behind the program's name, and
 * returns the words that the program is given in the end.
 */
export async function openShell(
  shell: 'bash' | 'zsh',
  { program, script, cwd }: Completion,
): Promise<(typed: string) => Promise<string>> {
  const [start, setUp] = START[shell];
  const screen = onTerminal(start, { cwd, env: { PATH: searched(), PS1: '> ', LANG: 'C.UTF-8' } });
  screen.type(`${setUp}source '${script}'; ${program}() { printf '<%s>' "$*"; }; echo re''ady\r`);
  await screen.shows('ready\r\n');
  return async (typed) => {
    const from = screen.stdout.length;
    screen.type(`${program} ${typed}\r`);
    await screen.shows('<');
    await screen.shows('>');
    const [, given] = /<([^<>]*)>/.exec(screen.stdout.subarray(from).toString())!;
    return given!.trim();
  };
}
