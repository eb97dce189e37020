import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { isChatosError } from '../../errors.ts';
import { escapeUnsafe, toJsonLine } from '../../util/escape.ts';
import { createLogger, lostLinesText, type LogFields, type LogFormat } from '../../util/log.ts';
import { pluralize } from '../../util/printable.ts';
import { loseErrorLines } from './standard-streams.ts';

/** Writes for a person, on standard error. Text from the network in it is made harmless. */
export function notice(text: string): void {
  process.stderr.write(`${text.split('\n').map(escapeUnsafe).join('\n')}\n`);
}

let warnsInJson = false;

/** For commands whose standard error is read by a program: whether {@link warn} writes lines of JSON from now on. */
export function warnInJson(does: boolean): void {
  warnsInJson = does;
}

/** Says what is to be known, and stops nothing. */
export function warn(text: string): void {
  if (warnsInJson) process.stderr.write(`${toJsonLine({ type: 'warning', message: text })}\n`);
  else notice(`warning: ${text}`);
}

/** Reports an error; with `json`, as an object with the error's code. */
export function noticeError(message: string, error: unknown, json: boolean): void {
  const code = isChatosError(error) ? error.code : undefined;
  if (json) process.stderr.write(`${toJsonLine({ type: 'error', code, message })}\n`);
  else notice(`chatosbot: ${message}`);
}

/**
 * Writes a line of data to standard output; resolves when it is written, so that a slow reader slows us down. Rejects when
 * the signal is aborted while a reader has stalled.
 */
export function writeLine(line: string, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });
    process.stdout.write(`${line}\n`, (error) => {
      signal?.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** A reader that has not taken everything by then has stalled. */
const STALLED_MS = 2_000;
let waitsForStalled = true;

/**
 * For commands that run until they are stopped: a reader of standard error that stalls costs lines, which are counted, but
 * neither memory nor the end of the process.
 */
export function leaveStalledReaders({ logFormat }: { readonly logFormat: LogFormat }): void {
  waitsForStalled = false;
  loseErrorLines((lines) => {
    const text = lostLinesText(lines);
    if (logFormat !== 'json') return `chatosbot: ${text}`;
    return toJsonLine({ time: new Date().toISOString(), level: 'warn', message: text, lost: lines });
  });
}

/**
 * For commands that may serve many peers, and report on standard error: what a reader that stalls costs is bounded here,
 * too. What has been reported is waited for at the end, as it is by other commands.
 */
export function boundReports(): void {
  loseErrorLines((lines) => {
    const message = `${pluralize(lines, 'line')} ${lines === 1 ? 'was' : 'were'} lost here: they could not be written`;
    return warnsInJson ? toJsonLine({ type: 'warning', message }) : `warning: ${message}`;
  });
}

/** Resolves when everything is written to standard output and standard error. */
export async function flushOutput(): Promise<void> {
  const flushed = Promise.all([flush(process.stdout), flush(process.stderr)]);
  await (waitsForStalled ? flushed : Promise.race([flushed, setTimeout(STALLED_MS)]));
}

async function flush(stream: NodeJS.WriteStream): Promise<void> {
  // Behind what waits, something may be said of lines that were lost.
  do {
    await new Promise<void>((resolve) => {
      // What failed is reported by an event, in a moment.
      if (stream.writableLength === 0 || stream.destroyed || stream.errored) setImmediate(resolve);
      else stream.write('', () => resolve());
    });
  } while (stream.writableLength > 0 && !stream.destroyed && !stream.errored);
}

/** Announces what a command that goes on running has reached, as `listening on tcp://…`. */
export type Announce = (text: string, fields?: LogFields) => void;

/** Announces in plain lines, or with `--log-format json` in lines like the log's; at every log level. */
export function announcer({ logFormat }: { readonly logFormat: LogFormat }): Announce {
  return (text, fields = {}) => {
    if (logFormat === 'json') createLogger({ format: 'json' }).info(text, fields);
    else notice(text);
  };
}
