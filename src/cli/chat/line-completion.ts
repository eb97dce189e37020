import { escapeUnsafe } from '../../util/escape.ts';
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
  const [, command = '', args] = /^\/([^/\s]\S*)\s+(.*)$/s.exec(line) ?? [];
  if (args !== undefined) return completeArguments(commands[command]?.usage, args, { logins, botCommands });
  // What is said begins behind the first of two slashes.
  return completeText(line.replace(/^\/(?=\/)/, ''), { logins, botCommands });
}

type Known = Omit<Completions, 'commands'>;

const NONE: Completed = { hits: [], end: '' };

/** Completes what follows a command: a login, in quotes where it has spaces, or the text behind it. */
function completeArguments(usage = '', args: string, known: Known): Completed {
  const takesLogin = /^\[?(?:PEER|NAME)/.test(usage);
  const rest = takesLogin ? BEHIND_WORD.exec(args)?.[1] : args;
  if (rest === undefined) {
    const hits = matching(known.logins(), args.replace(/^"/, ''));
    return { hits: hits.map((login) => `${/\s/.test(login) ? `"${login}"` : login} `), end: args };
  }
  return usage.endsWith('TEXT') ? completeText(rest, known) : NONE;
}

/** What is behind a word, or several in quotes. */
const BEHIND_WORD = /^(?:"[^"]+"|[^\s"]\S*)\s+(.*)$/s;

/** Completes what is said: a command of a bot at its beginning, and logins. */
function completeText(line: string, { logins, botCommands }: Known): Completed {
  const bots = line === '' ? [] : botCommands().filter((name) => name.startsWith(line));
  if (bots.length > 0) return { hits: bots.map((name) => `${name} `), end: line };
  const [, before = '', word = ''] = /^(.*?)(@?[^\s@]*)$/s.exec(line)!;
  if (word === '' || word === '@') return NONE;
  const at = word.startsWith('@') ? '@' : '';
  const behind = before === '' && at === '' ? ': ' : ' ';
  return { hits: matching(logins(), word.slice(at.length)).map((login) => `${at}${login}${behind}`), end: word };
}

function matching(logins: readonly string[], start: string): string[] {
  const key = loginKey(start).toLowerCase();
  // Readline shows them as they are: a server may let anything be a login.
  const safe = logins.filter((login) => escapeUnsafe(login) === login);
  return safe.filter((login) => loginKey(login).toLowerCase().startsWith(key));
}
