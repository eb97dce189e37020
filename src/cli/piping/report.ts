import process from 'node:process';
import { toJsonLine } from '../../util/escape.ts';
import { notice } from '../terminal/output.ts';
import type { PipeFlags } from './flags.ts';

/** Reports what has happened: with `--json` the type and the fields, else the text, if there is one. */
export type Report = (type: string, text: string | undefined, fields: object) => void;

export function reporter(flags: PipeFlags): Report {
  return (type, text, fields) => {
    if (flags.json) process.stderr.write(`${toJsonLine({ type, ...fields })}\n`);
    else if (!flags.quiet && text !== undefined) notice(text);
  };
}
