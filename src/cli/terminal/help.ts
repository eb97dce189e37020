import process from 'node:process';
import { Help } from 'commander';

/** Where nothing is known of how wide it is shown. */
const DEFAULT_COLUMNS = 80;
/** No terminal is taken for narrower. */
const MIN_COLUMNS = 20;
/** With less room beside the names of options, what they mean stands below them. */
const MIN_BESIDE = 40;
const INDENT_BELOW = 6;

type Stream = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>;

/** How wide a text may be that goes to a stream, in columns. */
function columnsOf({ isTTY, columns }: Stream): number {
  return Math.max((isTTY && columns) || DEFAULT_COLUMNS, MIN_COLUMNS);
}

/** Help that is as wide as the terminal, for `Command.configureHelp`. */
export const HELP: Partial<Help> = {
  minWidthToWrap: 1,
  formatItem(this: Help, term, termWidth, description, helper) {
    const columns = this.helpWidth ?? DEFAULT_COLUMNS;
    if (columns - termWidth - 4 >= MIN_BESIDE) {
      return Help.prototype.formatItem.call(this, term, termWidth, description, helper);
    }
    const below = ' '.repeat(INDENT_BELOW);
    return [`  ${term}`, ...wrapped(description, columns - INDENT_BELOW).map((line) => below + line)].join('\n');
  },
};

/** Where help and errors go, for `Command.configureOutput`: what is wrong with a command line is reported as all errors are. */
export const HELP_OUTPUT = {
  getOutHelpWidth: () => columnsOf(process.stdout),
  getErrHelpWidth: () => columnsOf(process.stderr),
  writeOut: (text: string) => void process.stdout.write(wrapHelp(text, columnsOf(process.stdout))),
  writeErr: (text: string) => void process.stderr.write(wrapHelp(text, columnsOf(process.stderr))),
  outputError: () => undefined,
};

/** Wraps the paragraphs of a text again. Lines that are indented stay lines of their own, and examples what can be copied. */
export function wrapHelp(text: string, columns: number): string {
  const lines: string[] = [];
  let paragraph: string[] = [];
  const end = (): void => {
    lines.push(...wrapped(paragraph.join(' '), columns));
    paragraph = [];
  };
  for (const line of text.split('\n')) {
    // A title stands on its own.
    if (!/^\S/.test(line) || STARTS_ANEW.test(line)) end();
    if (!/^\S/.test(line)) lines.push(...wrappedItem(line, columns));
    else paragraph.push(line);
    if (line.endsWith(':')) end();
  }
  end();
  return lines.join('\n');
}

const STARTS_ANEW = /^(?:Exit code|Keys): /;

/** A line of a list, or an example: what follows a term goes on below itself. */
function wrappedItem(line: string, columns: number): string[] {
  const [, term = '', rest = ''] = /^( +(?:\S+ {2,})?)(.*)$/.exec(line) ?? [];
  // Help is written in letters of one column; to measure others takes more of the start than all of this.
  if (line.length <= columns || rest.startsWith('$')) return [line];
  const room = columns - term.length;
  if (room >= MIN_BESIDE / 2) {
    return wrapped(rest, room).map((each, index) => (index === 0 ? term : ' '.repeat(term.length)) + each);
  }
  const below = ' '.repeat(INDENT_BELOW);
  if (rest.startsWith('-')) {
    return wrapped(rest, columns - INDENT_BELOW).map((each, index) => (index === 0 ? term : below) + each);
  }
  return [
    ...(term.trim() === '' ? [] : [term.trimEnd()]),
    ...wrapped(rest, columns - INDENT_BELOW).map((each) => below + each),
  ];
}

/** The words of a text in lines. A word that is too long has one of its own. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
