import { isError, messageOf } from '../errors.ts';
import { writeErrorLine } from './error-lines.ts';
import { escapeUnsafe, toJsonLine } from './escape.ts';
import { resolveOptions, type OptionTable } from './option-table.ts';
import { pluralize } from './printable.ts';

/** The levels, from the least to the one that writes nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
/** The level of a line, or the least level that is written. */
export type LogLevel = (typeof LOG_LEVELS)[number];
/** How much a line matters. */
export type LineLevel = Exclude<LogLevel, 'silent'>;

/** The formats: one line for a person, or one JSON object a line. */
export const LOG_FORMATS = ['text', 'json'] as const;
/** The format of a line. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Details of a line, by name. Bigints become text, errors their message, `undefined` is omitted. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A log with levels. Programs may pass their own. */
export interface Logger {
  /** Details for finding a fault. */
  debug: (message: string, fields?: LogFields) => void;
  /** Normal events. */
  info: (message: string, fields?: LogFields) => void;
  /** Something is wrong, but the program continues. */
  warn: (message: string, fields?: LogFields) => void;
  /** Something failed. */
  error: (message: string, fields?: LogFields) => void;
  /** Whether lines of this level are written; what would be dropped need not be made. @default all are */
  isEnabled?(level: LogLevel): boolean;
  /** The same logger with fields added to every line. */
  with(fields: LogFields): Logger;
}

/** The least level that is written, where it may change. */
export interface LevelSwitch {
  level: LogLevel;
}

/** Options of a logger. */
export interface LogOptions {
  /** The least level that is written. @default 'info' */
  readonly level?: LogLevel;
  /** One line for a person, or one JSON object a line. @default 'text' */
  readonly format?: LogFormat;
  /**
   * Receives each line, with its newline. @default standard error; where its reader stalls, what is beyond a megabyte is
   * lost, and counted
   */
  readonly write?: ((line: string) => void) | undefined;
}

const LOG_OPTIONS: OptionTable<Omit<LogOptions, 'write'> & { readonly write: unknown }> = {
  level: { kind: 'choice', of: LOG_LEVELS, default: 'info' },
  format: { kind: 'choice', of: LOG_FORMATS, default: 'text' },
  write: { kind: 'function', default: undefined },
};

/**
 * A logger that writes lines; peer text in messages and fields is escaped, so a line is always one line.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where an option is unknown or invalid
 */
export function createLogger(options: LogOptions = {}): Logger {
  return createSwitchedLogger(options).log;
}

/** The same, and the switch that changes its level, and that of those made of it by {@link Logger.with}. */
export function createSwitchedLogger(options: LogOptions = {}): { readonly log: Logger; readonly level: LevelSwitch } {
  const resolved = resolveOptions('logger options', options, LOG_OPTIONS);
  const render = resolved.format === 'json' ? jsonLine : textLine;
  const report = (lines: number): string => render('warn', lostLinesText(lines), { lost: lines });
  const write = (resolved.write as LogOptions['write']) ?? ((line: string) => writeErrorLine(line, report));
  const level: LevelSwitch = { level: resolved.level as LogLevel };
  return { log: loggerTo((lineLevel, message, fields) => write(render(lineLevel, message, fields)), level), level };
}

/** What is said of lines that nobody read. */
export function lostLinesText(lines: number): string {
  return `${pluralize(lines, 'line')} of the log ${lines === 1 ? 'was' : 'were'} lost: they could not be written`;
}

/** A logger that hands over each line of at least a level, with the fields that were added by {@link Logger.with}. */
export function loggerTo(
  send: (level: LineLevel, message: string, fields: LogFields) => void,
  least: Readonly<LevelSwitch> = { level: 'debug' },
): Logger {
  const isEnabled = (level: LogLevel): boolean => LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least.level);
  const build = (bound: LogFields): Logger => {
    const at =
      (level: LineLevel): Logger['info'] =>
      (message, fields) => {
        if (isEnabled(level)) send(level, message, fields ? { ...bound, ...fields } : bound);
      };
    return {
      isEnabled,
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      with: (fields) => build({ ...bound, ...fields }),
    };
  };
  return build({});
}

/** Drops everything. */
export const SILENT_LOGGER: Logger = createLogger({ level: 'silent' });

function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return value.toString();
  if (isError(value)) return messageOf(value);
  try {
    return toJsonLine({ value }).slice('{"value":'.length, -1);
  } catch {
    return messageOf(value);
  }
}

function jsonLine(level: LogLevel, message: string, fields: LogFields): string {
  const own = { time: new Date().toISOString(), level, message };
  try {
    return `${toJsonLine({ ...own, ...fields, ...own })}\n`;
  } catch {
    // One of them refers to itself, or fails when it is looked at.
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    const texts = given.map(([name, value]) => [name, plain(value)]);
    return `${toJsonLine({ ...own, ...Object.fromEntries(texts), ...own })}\n`;
  }
}

function textLine(level: LogLevel, message: string, fields: LogFields): string {
  let line = `${new Date().toISOString().slice(0, 19)}Z ${level.padEnd(5)} ${escapeUnsafe(message)}`;
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || name === 'stack') continue;
    const text = escapeUnsafe(plain(value));
    line += ` ${escapeUnsafe(name)}=${/[\s"=]/.test(text) || text === '' ? JSON.stringify(text) : text}`;
  }
  if (typeof fields['stack'] === 'string') {
    line += `\n${fields['stack']
      .split('\n')
      .map((frame) => `    ${escapeUnsafe(frame.trim())}`)
      .join('\n')}`;
  }
  return `${line}\n`;
}
