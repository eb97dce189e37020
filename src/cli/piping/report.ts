import process from 'node:process';
import { toJsonLine } from '../../util/escape.ts';
import { boundReports, notice, warnInJson } from '../terminal/output.ts';
import type { PipeFlags } from './flags.ts';

/** What `pipe --json` reports, with the fields of each: an API, which docs/pipes.md describes. A field may be null. */
export const PIPE_EVENTS = {
  'logged-in': ['login', 'server'],
  retrying: ['server', 'code', 'message', 'delayMs'],
  waiting: ['peer'],
  refused: ['peer'],
  code: ['code'],
  connected: ['peer'],
  encrypted: ['peer'],
  progress: ['sent', 'received', 'total'],
  'peer-ended': ['peer', 'received'],
  'exec-exited': ['peer', 'exitCode', 'signal'],
  'no-reconnect': ['peer'],
  lost: ['peer', 'message'],
  reconnected: ['peer'],
  broken: ['peer', 'code', 'message'],
  done: ['peer', 'sent', 'received', 'durationMs'],
} as const;

type PipeEvent = keyof typeof PIPE_EVENTS;
type FieldsOf<E extends PipeEvent> = {
  readonly [F in (typeof PIPE_EVENTS)[E][number]]: string | number | null;
};

/** Reports what has happened: with `--json` the type and the fields, else the text, if there is one. */
export type Report = <E extends PipeEvent>(type: E, text: string | undefined, fields: FieldsOf<E>) => void;

/** What a listener reports: of `pipe`, and of other commands that wait for peers. */
export interface ListenerReport {
  (type: 'refused', text: string, fields: { peer: string }): void;
  (type: 'broken', text: string, fields: { peer: string; code: string; message: string }): void;
}

export function reporter(flags: PipeFlags): Report {
  warnInJson(flags.json === true);
  boundReports();
  return (type, text, fields) => {
    if (flags.json) process.stderr.write(`${toJsonLine({ type, ...fields })}\n`);
    else if (!flags.quiet && text !== undefined) notice(text);
  };
}
