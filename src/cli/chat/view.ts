import process from 'node:process';
import { escapeUnsafe, toJsonLine } from '../../util/escape.ts';
import { pluralize } from '../../util/printable.ts';
import { displayWidth, hangingRows } from '../terminal/width.ts';

/** A message, or a line of a private connection. */
export interface Said {
  readonly type: 'message' | 'private' | 'channel';
  readonly from: string;
  /** The login that it was sent to; `undefined` for everyone. */
  readonly to?: string | undefined;
  readonly text: string;
}

/** What a person types into: output goes above it. */
export interface Below {
  /** Writes something above the line that is being typed. */
  above(write: () => void): void;
}

/** Where a conversation is shown: messages on standard output, everything else on standard error. */
export interface ChatView {
  /** From now on a person types; `undefined`: not any more. */
  attach(line: Below | undefined): void;
  said(event: Said): void;
  notice(text: string): void;
}

export interface TextViewOptions {
  /** Whether each line begins with the time. @default true */
  readonly times?: boolean;
  /** Whose name is marked where others say it. @default nobody's */
  readonly own?: () => string | undefined;
}

const clock = (): string => new Date().toTimeString().slice(0, 8);

/** Looks on a terminal. */
const LOOKS = { own: '1', private: '35', channel: '36', mention: '1;33', notice: '2' } as const;

function looksFor(stream: NodeJS.WriteStream): (look: keyof typeof LOOKS | undefined, text: string) => string {
  const isPlain = !stream.isTTY || process.env['NO_COLOR'] || process.env['TERM'] === 'dumb';
  return (look, text) => (isPlain || look === undefined ? text : `\u001B[${LOOKS[look]}m${text}\u001B[0m`);
}

/** What may wait for a reader of standard output, in bytes. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** Shows what is said while somebody reads it: others say as much as they like. `report` takes how much was lost. */
function whileRead<T>(show: (event: T) => void, report: (text: string) => void): (event: T) => void {
  let lost = 0;
  return (event) => {
    if (process.stdout.writableLength > MAX_WAITING_BYTES) {
      lost += 1;
      return;
    }
    if (lost > 0) report(`${pluralize(lost, 'line')} ${lost === 1 ? 'was' : 'were'} lost: nobody read standard output`);
    lost = 0;
    show(event);
  };
}

/** Lines of text; on a terminal, above the line that is being typed. */
export function textView({ times = true, own = () => undefined }: TextViewOptions = {}): ChatView {
  let line: Below | undefined;
  const show = (stream: NodeJS.WriteStream, text: string): void => {
    const write = (): void => void stream.write(`${text}\n`);
    if (line) line.above(write);
    else write();
  };
  const lineOf = ({ type, from, to, text }: Said): string => {
    const who = {
      message: from,
      private: `${from} -> ${to}`,
      channel: `[${from}${to === undefined ? '' : ` -> ${to}`}]`,
    };
    const { isTTY } = process.stdout;
    const paint = looksFor(process.stdout);
    const isMention = isTTY && from !== own() && type === 'message' && mentions(text, own());
    const look = isMention ? 'mention' : from === own() ? 'own' : type === 'message' ? undefined : type;
    const time = times ? `${clock()} ` : '';
    const mark = isMention ? '! ' : '';
    const name = `${escapeUnsafe(who[type])}:`;
    const head = `${time}${mark}${name}`;
    // What is said in several lines looks like nothing that anybody else has said.
    const [first = '', ...more] = isTTY ? text.split(/\r?\n/) : [text];
    const margin = ' '.repeat(time.length);
    const rows = [`${head} ${escapeUnsafe(first)}`, ...more.map((row) => `${margin}  | ${escapeUnsafe(row)}`)];
    const shown = (isTTY ? rows.flatMap(unforged) : rows).join('\n');
    return shown.startsWith(head) ? `${time}${mark}${paint(look, name)}${shown.slice(head.length)}` : shown;
  };
  const notice = (text: string): void =>
    show(process.stderr, looksFor(process.stderr)('notice', `* ${escapeUnsafe(text)}`));
  return {
    attach: (below) => void (line = below),
    said: whileRead((event: Said) => show(process.stdout, lineOf(event)), notice),
    notice,
  };
}

/** What begins a line of a chat: the time, or the mark of a notice. */
const LINE_BEGINNING = /(?:\d\d:\d\d:\d\d|\*) /;
/** The indent of rows that might be taken for a line. */
const INDENT = '    ';

/** A line that has another one in it is broken here, not by the terminal: that would begin a row with it. */
function unforged(line: string): string[] {
  const { columns } = process.stdout;
  if (!LINE_BEGINNING.test(line.slice(1)) || columns <= 2 * INDENT.length || displayWidth(line) <= columns)
    return [line];
  // One column is left, as terminals differ in what follows a row that is full.
  return hangingRows(line, columns - 1, INDENT);
}

/** Whether a text has a login as a word. */
function mentions(text: string, login: string | undefined): boolean {
  if (login === undefined) return false;
  const name = login.normalize('NFC').replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}])${name}(?![\\p{L}\\p{N}])`, 'iu').test(text.normalize('NFC'));
}

/** A JSON object a line. */
export function jsonView(): ChatView {
  const write = (event: object): void =>
    void process.stdout.write(`${toJsonLine({ time: new Date().toISOString(), ...event })}\n`);
  const show = whileRead(write, (text) => write({ type: 'notice', text }));
  return {
    attach: () => undefined,
    said: show,
    notice: (text) => show({ type: 'notice', text }),
  };
}
