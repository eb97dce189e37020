import { loginKey } from '../../util/login-key.ts';
import type { LineCommands } from './line-language.ts';

/** What a line may be completed with. */
export interface Completions {
  readonly commands: LineCommands<never>;
  /** Logins that were heard, the last one first. */
  readonly logins: () => readonly string[];
  /** Commands of bots, with their prefix. */
  readonly botCommands: () => readonly string[];
}

/** What may stand in the place of the end of a line. */
export interface Completed {
  readonly hits: readonly string[];
  /** The end of the line that each of them replaces. */
  readonly end: string;
}

/** Completes a line before its cursor: commands behind a slash, commands of bots, and logins. */
export function completeLine(line: string, { commands, logins, botCommands }: Completions): Completed {
  const [, slash] = /^\/(\S*)$/.exec(line) ?? [];
  if (slash !== undefined && !slash.startsWith('/')) {
    const names = [...Object.keys(commands), 'help', 'quit'].filter((name) => name.startsWith(slash));
    return { hits: names.map((name) => `/${name} `), end: line };
  }
  const [, command, peer = ''] = /^\/(\S+)\s+(\S*)$/.exec(line) ?? [];
  if (command !== undefined) {
    const takesPeer = commands[command]?.usage?.includes('PEER') === true;
    return { hits: takesPeer ? matching(logins(), peer).map((login) => `${login} `) : [], end: peer };
  }
  if (line.startsWith('/')) return { hits: [], end: '' };
  const bots = line === '' ? [] : botCommands().filter((name) => name.startsWith(line));
  if (bots.length > 0) return { hits: bots.map((name) => `${name} `), end: line };
  const [, before = '', word = ''] = /^(.*?)(@?[^\s@]*)$/s.exec(line)!;
  if (word === '' || word === '@') return { hits: [], end: '' };
  const at = word.startsWith('@') ? '@' : '';
  const behind = before === '' && at === '' ? ': ' : ' ';
  return { hits: matching(logins(), word.slice(at.length)).map((login) => `${at}${login}${behind}`), end: word };
}

function matching(logins: readonly string[], start: string): string[] {
  const key = loginKey(start).toLowerCase();
  return logins.filter((login) => loginKey(login).toLowerCase().startsWith(key));
}
