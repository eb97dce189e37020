import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { LoadedConfig } from '../../config/read.ts';
import { configuredServer } from '../../config/settings.ts';
import { ChatosError } from '../../errors.ts';
import { formatAddresses } from '../../net/address-list.ts';
import { loginKey } from '../../util/login-key.ts';
import type { BotToRun } from './bot-entries.ts';
import type { PlannedBot } from './bot-plans.ts';

type Entry = Pick<PlannedBot, 'file' | 'login' | 'server' | 'options' | 'path'>;

export interface EntryCriteria {
  /** The file, or the name or login, as the user gave it. */
  readonly file: string;
  readonly login: string | undefined;
  /** The server's address; for entries of the same login. */
  readonly server?: string;
}

/**
 * Chooses one of the entries that the configuration has of a file: that of the login, else the one without a login of its
 * own, else any of them if they have the same options.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if no entry or more than one matches, or they are of several files; the message
 *   lists them
 */
export function chooseEntry<E extends Entry>(
  entries: readonly E[],
  { file, login, server }: EntryCriteria,
  loaded: Pick<LoadedConfig, 'locate' | 'directory'>,
): E {
  const files = [...new Set(entries.map((entry) => entry.file))];
  if (files.length > 1) {
    const shown = files.map((each) => (each === undefined ? 'the announcements' : path.relative('', each)));
    throw new ChatosError('INVALID_ARGUMENT', `several bots have the login ${file}: name one of ${shown.join(', ')}`);
  }
  const key = login === undefined ? undefined : loginKey(login);
  const keyOf = (entry: Entry): string | undefined => entry.login && loginKey(entry.login);
  const named =
    login === undefined ? [] : [key, undefined].map((each) => entries.filter((entry) => keyOf(entry) === each));
  const possible = named.find(({ length }) => length > 0) ?? entries;
  const here = possible.filter((entry) => isAt(entry, server, loaded));
  const found = here.length > 0 ? here : possible;
  const first = found[0]!;
  const isClear = login !== undefined || found.every((entry) => keyOf(entry) === keyOf(first));
  if (isClear && found.every(({ options }) => isDeepStrictEqual(options, first.options))) return first;
  const list = found.map((entry) => `${entry.login ?? 'its own name'} (${loaded.locate(entry.path!)})`).join(', ');
  const hint = login === undefined ? 'choose one with --login' : `none of them is the only one for the login ${login}`;
  throw new ChatosError('INVALID_ARGUMENT', `the configuration has ${file} for several logins: ${list}; ${hint}`);
}

/** The title of a bot for people: its name, and if its file is there for several logins, who and where it is. */
export function titleOf(
  bot: Pick<BotToRun, 'plugin' | 'login' | 'server' | 'file'>,
  all: readonly PlannedBot[],
): string {
  const { login, server, file } = bot;
  const { name } = bot.plugin;
  if (all.filter((other) => other.file === file).length < 2) return name;
  return `${name} as ${login}${server === undefined ? '' : ` on ${server}`}`;
}

function isAt({ server }: Entry, address: string | undefined, loaded: Pick<LoadedConfig, 'directory'>): boolean {
  if (server === undefined || server === 'embedded' || address === undefined) return false;
  return formatAddresses(configuredServer(server, loaded)) === address;
}
