import { styleText } from 'node:util';
import type { HeardEvent } from '../../bot/events.ts';
import { escapeUnsafe } from '../../util/escape.ts';
import type { Difference } from './comparison.ts';
import type { DiffLine } from './difference.ts';
import type { Saying } from './transcript.ts';

/** A message, and its line of the recording. */
type Heard = HeardEvent & { readonly line: number };

const COLOURS = { '-': 'red', '+': 'green' } as const;

export interface ReportOptions {
  /** The recording, as the user named it. */
  readonly file: string;
  /** The bots' account. */
  readonly login: string;
  readonly colour: boolean;
}

/** A difference for a person: its cause, then lines as of a diff. */
export function renderDifference(difference: Difference<Heard>, { file, login, colour }: ReportOptions): string {
  const place = difference.about === 'message' ? `${file}:${difference.heard.line}` : file;
  const lines = textLines(difference, login).map(({ sign, item }) => {
    const line = `${sign} ${escapeUnsafe(item)}`;
    return colour && sign !== ' ' ? styleText(COLOURS[sign], line) : line;
  });
  return [escapeUnsafe(`${place}: ${headingOf(difference, login)}`), ...lines].join('\n');
}

/** A difference for a program. */
export function differenceRecord(difference: Difference<Heard>): object {
  const lines: readonly DiffLine<unknown>[] = difference.lines;
  const side = (left: '-' | '+'): unknown[] =>
    lines.filter(({ sign }) => sign === ' ' || sign === left).map(({ item }) => item);
  const { about } = difference;
  const cause = 'heard' in difference ? causeOf(difference.heard) : {};
  return {
    type: 'difference',
    about,
    ...cause,
    ...('peer' in difference && { peer: difference.peer }),
    was: side('-'),
    is: side('+'),
  };
}

function causeOf({ line, from, private: isPrivate, text }: Heard): object {
  return { line, heard: { from, private: isPrivate, text } };
}

function headingOf(difference: Difference<Heard>, login: string): string {
  switch (difference.about) {
    case 'message': {
      const { from, private: isPrivate, text } = difference.heard;
      return `${isPrivate ? `${from} -> ${login}` : from}: ${text}`;
    }
    case 'peer':
      return `about the private connections of ${difference.peer}`;
    case 'decisions':
      return `${difference.peer} asks for a private connection`;
    case 'requests':
      return `asks ${difference.peer} for a private connection`;
    default:
      return 'by itself';
  }
}

function textLines(difference: Difference<Heard>, login: string): readonly DiffLine<string>[] {
  const lines: readonly DiffLine<string | Saying>[] = difference.lines;
  return lines.map(({ sign, item }) => ({ sign, item: typeof item === 'string' ? item : textOf(item, login) }));
}

function textOf({ to, text }: Saying, login: string): string {
  return `${to === undefined ? login : `${login} -> ${to}`}: ${text}`;
}
