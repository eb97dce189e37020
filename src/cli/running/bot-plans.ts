import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { IsolationOptions } from '../../bot/isolation/options.ts';
import type { LoadedConfig } from '../../config/read.ts';
import type { Config } from '../../config/schema.ts';
import { ChatosError } from '../../errors.ts';
import { closest } from '../../util/closest.ts';
import { loginKey } from '../../util/login-key.ts';
import { configuredIdentity, type IdentityFiles } from '../connecting/identity.ts';

/** A bot of the configuration, or one that was named on the command line. */
export interface PlannedBot {
  /** Its file, as an absolute path; `undefined` for the configuration's announcements. */
  readonly file: string | undefined;
  /** Its own account; else that of the command line or the configuration, else its name. */
  readonly login: string | undefined;
  /** Its own server: an address, or `embedded`; else that of the command line or the configuration. */
  readonly server: string | undefined;
  /** The files of its own identity; `false` for none; else that of the command line or the configuration. */
  readonly identityFiles: IdentityFiles | false | undefined;
  readonly options: Readonly<Record<string, unknown>>;
  /** Whether it runs in a worker thread, and what that may cost. */
  readonly isolation: IsolationOptions | undefined;
  /** Its place in the configuration. */
  readonly path: readonly (string | number)[] | undefined;
}

type BotConfig = Exclude<NonNullable<Config['bots']>[number], string>;

/** The name of the announcements of the configuration, as that of a bot. */
const ANNOUNCEMENTS = 'announcements';
/** What the files of plugins end with. */
const EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

/**
 * The bots that were named, with their settings of the configuration; without names, all of the configuration. A name is a
 * file, else a bot of the configuration: the name of its file without the ending, or its login.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if a name is that of one bot and the login of another
 */
export function planBots(names: readonly string[], loaded: LoadedConfig): PlannedBot[] {
  const configured = configuredBots(loaded);
  if (names.length === 0) return configured;
  return names.flatMap((name) => {
    const file = path.resolve(name);
    const known = configured.filter((bot) => bot.file === file);
    if (known.length > 0) return known;
    const named = isFile(file) ? [] : botsNamed(name, configured, loaded);
    return named.length > 0 ? named : [{ ...NO_SETTINGS, file }];
  });
}

/**
 * The entries of the configuration of a bot that has run: of its file, else of its name. Where there is none, its file.
 *
 * @param file its file, if it is known; empty for the announcements
 */
export function plansOf(name: string, file: string | undefined, loaded: LoadedConfig): PlannedBot[] {
  const configured = configuredBots(loaded);
  const same = configured.filter((bot) => file !== undefined && (bot.file ?? '') === file);
  const known = same.length > 0 ? same : configured.filter((bot) => nameOf(bot) === name);
  if (known.length > 0 || file === undefined || !isFile(file)) return known;
  return [{ ...NO_SETTINGS, file }];
}

/** Whether a bot of the configuration has this name, or this login. */
export function isBotName(name: string, loaded: LoadedConfig): boolean {
  return botsNamed(name, configuredBots(loaded), loaded).length > 0;
}

/** What may be meant by a file that does not exist: the end of the error. */
export function missingHint(file: string, isNamed: boolean, loaded: LoadedConfig): string {
  const shown = path.relative(process.cwd(), file);
  const ending = EXTENSIONS.find((each) => isFile(file + each));
  if (ending !== undefined) return `; did you mean ${shown.includes(path.sep) ? '' : './'}${shown}${ending}?`;
  const names = configuredBots(loaded).flatMap((bot) => [nameOf(bot), accountOf(bot, loaded) ?? nameOf(bot)]);
  if (!isNamed || names.length === 0 || /[/\\.]/.test(shown)) return '';
  const near = closest(shown, names);
  const known = near === undefined ? `there are ${[...new Set(names)].join(', ')}` : `did you mean ${near}?`;
  return `, and no bot of the configuration has this name or login; ${known}`;
}

function configuredBots({ config, directory }: LoadedConfig): PlannedBot[] {
  // A salvaged configuration has holes where entries were invalid: `flatMap` skips them.
  const bots = (config.bots ?? []).flatMap((bot, index): PlannedBot[] => {
    const {
      path: file,
      login,
      server,
      identity: own,
      options = {},
      ...rest
    }: BotConfig = typeof bot === 'string' ? { path: bot } : bot;
    const { isolate, memoryMb, stallMs } = rest;
    const isolation = isolate === undefined ? undefined : { memoryMb, stallMs };
    const identityFiles = configuredIdentity(own, directory);
    const place = ['bots', index] as const;
    return [{ file: path.resolve(directory, file), login, server, identityFiles, options, isolation, path: place }];
  });
  if ((config.announcements ?? []).length === 0) return bots;
  return [...bots, { ...NO_SETTINGS, file: undefined, path: [ANNOUNCEMENTS] }];
}

const NO_SETTINGS = {
  login: undefined,
  server: undefined,
  identityFiles: undefined,
  options: {},
  isolation: undefined,
  path: undefined,
};

function botsNamed(name: string, bots: readonly PlannedBot[], loaded: LoadedConfig): PlannedBot[] {
  const called = bots.filter((bot) => nameOf(bot) === name);
  const loggedIn = bots.filter((bot) => {
    const login = accountOf(bot, loaded);
    return login !== undefined && loginKey(login) === loginKey(name);
  });
  if (called.length === 0) return loggedIn;
  // Of several bots with one login, the name says which.
  if (loggedIn.length === 0 || called.some((bot) => loggedIn.includes(bot))) return called;
  const list = (some: readonly PlannedBot[]): string =>
    some.map((bot) => `${shownFile(bot)} (${loaded.locate(bot.path!)})`).join(', ');
  const why = `'${name}' is the name of ${list(called)}, and the login of ${list(loggedIn)}: name the file`;
  throw new ChatosError('INVALID_ARGUMENT', why);
}

/** The name that a bot has where its plugin names none. */
function nameOf({ file }: PlannedBot): string {
  return file === undefined ? ANNOUNCEMENTS : path.basename(file, path.extname(file));
}

/** Its own login, or that of the configuration. */
function accountOf({ login }: PlannedBot, { config }: LoadedConfig): string | undefined {
  return login ?? config.login;
}

function shownFile({ file }: PlannedBot): string {
  return file === undefined ? ANNOUNCEMENTS : path.relative(process.cwd(), file);
}

function isFile(file: string): boolean {
  // Where it cannot be looked at, as a link in a circle, it is no file either.
  return existsSync(file) && statSync(file).isFile();
}
