import process from 'node:process';
import { toJsonLine } from '../../util/escape.ts';
import { eraseMovingLine } from '../terminal/moving-line.ts';
import { boundReports, notice, warnInJson } from '../terminal/output.ts';
import type { TransferFlags } from './flags.ts';

/** What `send --json` and `receive --json` report, with the fields of each: an API, which docs/files.md describes. */
export const TRANSFER_EVENTS = {
  'logged-in': ['login', 'server'],
  retrying: ['server', 'code', 'message', 'delayMs'],
  waiting: ['peer'],
  code: ['code'],
  refused: ['peer'],
  connected: ['peer'],
  encrypted: ['peer'],
  offer: ['peer', 'kind', 'name', 'items', 'entries', 'bytes'],
  accepted: ['peer', 'entries', 'bytes'],
  'left-out': ['path', 'reason', 'failed'],
  entry: ['peer', 'path', 'size', 'outcome', 'reason'],
  progress: ['peer', 'path', 'fileBytes', 'fileSize', 'bytes', 'movedBytes', 'totalBytes', 'entries', 'totalEntries'],
  lost: ['peer', 'message'],
  reconnected: ['peer'],
  broken: ['peer', 'code', 'message'],
  done: ['peer', 'done', 'already', 'skipped', 'refused', 'failed', 'bytes', 'movedBytes', 'keptBytes', 'durationMs'],
} as const;

type TransferEventName = keyof typeof TRANSFER_EVENTS;
type FieldsOf<E extends TransferEventName> = {
  readonly [F in (typeof TRANSFER_EVENTS)[E][number]]: string | number | boolean | null;
};

/** Reports what has happened: with `--json` the type and the fields, else the text, if there is one. */
export type TransferReport = <E extends TransferEventName>(
  type: E,
  text: string | undefined,
  fields: FieldsOf<E>,
) => void;

/** @param onData whether standard output is for data: then JSON goes to standard error */
export function transferReporter({ json, quiet }: TransferFlags, onData: boolean): TransferReport {
  warnInJson(json === true && onData);
  boundReports();
  return (type, text, fields) => {
    if (json) (onData ? process.stderr : process.stdout).write(`${toJsonLine({ type, ...fields })}\n`);
    else if (!quiet && text !== undefined) {
      eraseMovingLine();
      notice(text);
    }
  };
}
