import { styleText } from 'node:util';
import { escapeUnsafe } from '../../util/escape.ts';
import type { Difference } from './comparison.ts';

const COLOURS = { '-': 'red', '+': 'green' } as const;

export interface ReportOptions {
  /** The recording, as the user named it. */
  readonly file: string;
  /** The bots' account. */
  readonly login: string;
  readonly colour: boolean;
}

/** A difference for a person: its cause, then lines as of a diff. */
export function renderDifference(difference: Difference, { file, login, colour }: ReportOptions): string {
  const place = difference.heard ? `${file}:${difference.heard.line}` : file;
  const lines = difference.lines.map(({ sign, item }) => {
    const text = typeof item === 'string' ? item : `${addressed(login, item.to)}: ${item.text}`;
    const line = `${sign} ${escapeUnsafe(text)}`;
    return colour && sign !== ' ' ? styleText(COLOURS[sign], line) : line;
  });
  return [escapeUnsafe(`${place}: ${headingOf(difference, login)}`), ...lines].join('\n');
}

/** A difference for a program. */
export function differenceRecord({ about, heard, peer, lines }: Difference): object {
  const side = (left: '-' | '+'): unknown[] =>
    lines.filter(({ sign }) => sign === ' ' || sign === left).map(({ item }) => item);
  const { from, private: isPrivate, text } = heard ?? {};
  const cause = heard && { line: heard.line, heard: { from, private: isPrivate, text } };
  return { type: 'difference', about, ...cause, peer, was: side('-'), is: side('+') };
}

function headingOf({ about, heard, peer }: Difference, login: string): string {
  if (heard) return `${addressed(heard.from, heard.private ? login : undefined)}: ${heard.text}`;
  if (about === 'peer') return `about the private connections of ${peer}`;
  if (about === 'decisions') return `${peer} asks for a private connection`;
  return about === 'requests' ? `asks ${peer} for a private connection` : 'by itself';
}

function addressed(from: string, to: string | undefined): string {
  return to === undefined ? from : `${from} -> ${to}`;
}
