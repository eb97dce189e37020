import { InvalidArgumentError, Option } from 'commander';
import { DEFAULT_STATUS_ADDRESS, formatStatusAddress, parseStatusAddress } from '../ops/status-address.ts';
import { messageOf } from '../errors.ts';
import { brokerProblem, nodeProblem, peerProblem } from '../config/cluster-problems.ts';
import { EXPECTED_WORKERS, isWorkerCount } from '../config/workers.ts';
import { parseAddress, type Address } from '../net/address.ts';
import { toAddresses } from '../net/address-list.ts';
import { loginProblem } from '../protocol/login.ts';
import { durationMs } from '../util/duration.ts';
import {
  createSwitchedLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  type Logger,
  type LogFormat,
  type LogLevel,
} from '../util/log.ts';

/** Options that several commands have; each command needs its own object. */
export const serverOption = (): Option =>
  new Option(
    '-s, --server <address>',
    'the server: [tcp|tls]://host:port[?longBytes=8&pin=…]; several addresses with commas are tried in turn',
  )
    .env('CHATOSBOT_SERVER')
    .argParser(serverArgument);

export const loginOption = (what = "your login (default: your system user's name)"): Option =>
  new Option('-l, --login <name>', what).env('CHATOSBOT_LOGIN').argParser(loginArgument);

/** {@link loginOption} for commands that load bots. */
export const botLoginOption = (): Option =>
  loginOption("the login of bots that have none of their own (default: the bot's name)");

/** Who one is for tls:// servers. */
export const identityOption = (
  what = "your certificate and its key, for tls:// servers (default: what 'chatosbot identity' made); repeatable, for two files",
): Option =>
  new Option('--identity <file>', what)
    .env('CHATOSBOT_IDENTITY')
    .argParser((file, previous: readonly string[] | false | undefined) => {
      if (file === '') throw new InvalidArgumentError('name a file, or leave it out');
      return [...(previous || []), file];
    });

export const noIdentityOption = (): Option => new Option('--no-identity', 'show no certificate to the server');

export const configOption = (): Option =>
  new Option('-c, --config <file>', 'the configuration file (default: the nearest chatosbot.config.yaml)').env(
    'CHATOSBOT_CONFIG',
  );

export const stateOption = (): Option =>
  storesOption("the folder of the bots' stores (default: .chatosbot beside the configuration file)").env(
    'CHATOSBOT_STATE',
  );

export const serverStateOption = (): Option =>
  storesOption('the folder of what the server keeps (default: .chatosbot beside the configuration file)').env(
    'CHATOSBOT_STATE',
  );

/** A folder of stores; an empty name would mean the working directory. */
export const storesOption = (what: string): Option =>
  new Option('--state <directory>', what).argParser((folder) => {
    if (folder === '') throw new InvalidArgumentError('name a folder, or leave it out');
    return folder;
  });

/** Where the status endpoint listens; without an address, at the default one. */
export const statusOption = (of: 'bots' | 'server' = 'bots'): Option =>
  new Option('--status [address]', `serve the status of the ${of} over HTTP: /, /status, /metrics, /healthz, /readyz`)
    .env('CHATOSBOT_STATUS')
    .preset(formatStatusAddress(DEFAULT_STATUS_ADDRESS))
    .argParser((text) => {
      const hint = '; without an address, put --status last';
      if (/\.[cm]?[jt]s$/.test(text)) throw new InvalidArgumentError(`it is a plugin, not an address${hint}`);
      return argument(parseStatusAddress, hint)(text);
    });

/** Where a server has its control socket. */
export const controlOptions = (): Option[] => [
  controlOption("the Unix socket for 'chatosbot ctl' (default: a private one, by the port)"),
  new Option('--no-control', 'open no control socket'),
];

export const controlOption = (what: string): Option =>
  new Option('--control <path>', what).env('CHATOSBOT_CONTROL').argParser((file) => {
    if (file === '') throw new InvalidArgumentError('name a file, or leave it out');
    return file;
  });

/** Where the status endpoint is. */
export const statusAddressOption = (): Option =>
  new Option('--status <address>', "the endpoint of '--status' (default: 127.0.0.1:7780)")
    .env('CHATOSBOT_STATUS')
    .argParser(statusArgument);

export const listenOption = (): Option =>
  new Option('--listen <address>', 'the address that the server listens on; repeatable, port 0 takes a free one')
    .env('CHATOSBOT_LISTEN')
    .argParser((text, previous: readonly Address[] | undefined) => [...(previous ?? []), listenArgument(text)]);

/** How many processes a server has. */
export const workersOption = (): Option =>
  new Option('--workers <n>', "how many processes share the work: a number, or 'auto' for one a core (default: 1)")
    .env('CHATOSBOT_WORKERS')
    .argParser((text) => {
      const count = text === 'auto' ? text : Number(text);
      if (isWorkerCount(count)) return count;
      throw new InvalidArgumentError(EXPECTED_WORKERS);
    });

const MAX_LOCAL_NODES = 16;

/** What makes a server a node of a cluster. */
export const clusterOptions = (): Option[] => [
  new Option('--cluster <servers>', 'be a node of the cluster that meets at this NATS server: nats://host:port')
    .env('CHATOSBOT_CLUSTER')
    .argParser((text, previous: readonly string[] | undefined) => [
      ...(previous ?? []),
      checkedText(brokerProblem)(text),
    ]),
  new Option('--node <name>', "the name of this node (default: the machine's)")
    .env('CHATOSBOT_NODE')
    .argParser(checkedText(nodeProblem)),
  new Option('--peer <address>', 'where this node listens for the others: host:port, as they can reach it')
    .env('CHATOSBOT_PEER')
    .argParser(checkedText(peerProblem)),
  new Option('--cluster-secret <file>', 'the secret that all nodes share')
    .env('CHATOSBOT_CLUSTER_SECRET')
    .argParser((file) => {
      if (file === '') throw new InvalidArgumentError('name a file, or leave it out');
      return file;
    }),
  new Option('--nodes <n>', 'start so many nodes on this machine, to try a cluster out').argParser((text) => {
    const count = Number(text);
    if (Number.isInteger(count) && count >= 1 && count <= MAX_LOCAL_NODES) return count;
    throw new InvalidArgumentError(`expected a number, 1 to ${MAX_LOCAL_NODES}`);
  }),
  new Option('--with-parent', 'stop when the process that has started this one has ended').hideHelp(),
];

export const logOptions = (level: LogLevel = 'info'): Option[] => [
  new Option('--log-level <level>', 'the lowest level that is logged')
    .choices([...LOG_LEVELS])
    .default(level)
    .env('CHATOSBOT_LOG_LEVEL'),
  new Option('--log-format <format>', 'text for people, json for programs')
    .choices([...LOG_FORMATS])
    .default('text')
    .env('CHATOSBOT_LOG_FORMAT'),
];

export interface LogFlags {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export function loggerFor(flags: LogFlags): Logger {
  return switchedLoggerFor(flags).log;
}

/** The same, and the switch that changes its level. */
export function switchedLoggerFor({ logLevel, logFormat }: LogFlags): ReturnType<typeof createSwitchedLogger> {
  return createSwitchedLogger({ level: logLevel, format: logFormat });
}

/** What a timer can hold. */
const MAX_SECONDS = 2_000_000;

/** A length of time, in seconds, 0 or more: a number of them, fractions are allowed, or `90s`, `30m`, `1h30m`. */
export function seconds(text: string): number {
  const value = secondsIn(text);
  if (value >= 0 && value <= MAX_SECONDS) return value;
  throw new InvalidArgumentError('expected a number of seconds, 0 or more, or a time such as 90s, 30m or 1h30m');
}

/** The same, above 0: for what would be over before it begins. */
export function someSeconds(text: string): number {
  const value = secondsIn(text);
  if (value > 0 && value <= MAX_SECONDS) return value;
  throw new InvalidArgumentError('expected a number of seconds, more than 0, or a time such as 90s, 30m or 1h30m');
}

/** The same, of any length. */
export function duration(text: string): number {
  const value = secondsIn(text);
  if (value > 0 && value < 3_000_000_000) return value;
  throw new InvalidArgumentError('expected a time, such as 90s, 30m, 1h30m or 7d, or a number of seconds');
}

function secondsIn(text: string): number {
  if (text.trim() === '') return Number.NaN;
  try {
    return /[a-z]/i.test(text) ? durationMs(text) / 1_000 : Number(text);
  } catch {
    return Number.NaN;
  }
}

const BYTE_UNITS = { '': 1, k: 1e3, m: 1e6, g: 1e9, ki: 2 ** 10, mi: 2 ** 20, gi: 2 ** 30 };

/** How many peers are served at once, of which each takes memory. */
export function peerCount(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= 1_000) return number;
  throw new InvalidArgumentError('expected a number, 1 to 1000');
}

/** A number of bytes per second, at least 1: `800`, `50k`, `1.5M`, `64Ki`. */
export function byteRate(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([kmg]?i?)$/i.exec(text) ?? [];
  const value = Number(number) * (BYTE_UNITS[unit?.toLowerCase() as keyof typeof BYTE_UNITS] ?? Number.NaN);
  if (!(value >= 1)) throw new InvalidArgumentError('expected bytes per second, 1 or more, such as 800, 50k or 2M');
  return value;
}

/** The forms of a time, for the help of options that take one. */
export const TIME_FORMS = "23:30 or 2026-03-29T02:30, in the system's time zone unless it names its own";

/** A date and time of ISO 8601, a date alone, or a time of today. */
export function timeArgument(text: string): Date {
  const match = TIME.exec(/^[\d-]{10}$/.test(text) ? `${text}T00:00` : text);
  const [, date, hour = '', minute, second = '', zone = ''] = match ?? [];
  const today = new Date();
  const day = date ?? `${today.getFullYear()}-${twoDigits(today.getMonth() + 1)}-${twoDigits(today.getDate())}`;
  const at = new Date(`${day}T${twoDigits(hour)}:${minute}${second}${zone}`);
  // Date reads the 31st of February as a day of March, and today may be another day in another zone.
  const isDay = new Date(`${day}T00:00Z`).toJSON()?.startsWith(day) && (date !== undefined || zone === '');
  if (match && isDay && !Number.isNaN(at.getTime())) return at;
  throw new InvalidArgumentError('expected a time such as 23:30, 2026-03-29T02:30 or 2026-03-29T02:30Z');
}

const TIME = /^(?:(\d{4}-\d{2}-\d{2})[T ])?(\d{1,2}):(\d{2})(:\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?$/;

function twoDigits(value: number | string): string {
  return String(value).padStart(2, '0');
}

/** Makes a parser report its errors as those of the option or argument; `hint` is added. */
function argument<T>(parse: (text: string) => T, hint = ''): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(`${messageOf(error)}${hint}`);
    }
  };
}

/** A text that has no problem. */
function checkedText(problemOf: (text: string) => string | undefined): (text: string) => string {
  return (text) => {
    const problem = problemOf(text);
    if (problem !== undefined) throw new InvalidArgumentError(problem);
    return text;
  };
}

export const serverArgument = argument(toAddresses);

const listenArgument = argument((text) => parseAddress(text, 'listener'));

export const statusArgument = argument(parseStatusAddress);

export function loginArgument(text: string): string {
  const problem = loginProblem(text);
  if (problem !== undefined) throw new InvalidArgumentError(`it cannot be a login: ${problem}`);
  return text;
}
