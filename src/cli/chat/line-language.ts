import { closest } from '../../util/closest.ts';
import { ChatosError } from '../../errors.ts';

export interface LineCommand<Subject> {
  /** The arguments as the help shows them: `PEER` is needed, `[PEER]` is not. @default none */
  readonly usage?: string;
  readonly summary: string;
  run(subject: Subject, args: readonly string[]): Promise<void> | void;
}

/** Commands that are typed after a slash. The last argument takes the rest of the line. */
export type LineCommands<Subject> = Readonly<Record<string, LineCommand<Subject>>>;

/** Where lines without a slash go. */
export interface Speaker {
  say(text: string): Promise<void>;
}

export function lineHelp(commands: LineCommands<never>): string {
  const rows = Object.entries(commands).map(([name, { usage = '', summary }]) => [`/${name} ${usage}`.trim(), summary]);
  const all = [...rows, ['/help', 'list the commands'], ['/quit', 'leave (or press Ctrl-D)'], ['//TEXT', 'send /TEXT']];
  return all.map(([left, right]) => `${left!.padEnd(18)} ${right}`).join('\n');
}

/** Whether a typed line wants to leave. */
export function isQuit(line: string): boolean {
  return /^\/quit(?!\S)/.test(line);
}

/** Executes a typed line. `quit` and `help` are left to the caller. */
export async function executeLine<Subject extends Speaker>(
  commands: LineCommands<Subject>,
  subject: Subject,
  line: string,
): Promise<'quit' | 'help' | undefined> {
  if (line.trim() === '') return undefined;
  if (!line.startsWith('/') || line.startsWith('//')) {
    await subject.say(line.replace(/^\//, ''));
    return undefined;
  }
  const [, name = '', rest = ''] = /^\/(\S*)\s*(.*)$/s.exec(line)!;
  if (name === 'quit' || name === 'help') return name;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    const guess = closest(name, [...Object.keys(commands), 'quit', 'help']);
    const hint = guess === undefined ? '/help lists the commands' : `did you mean /${guess}?`;
    throw new ChatosError('INVALID_ARGUMENT', `there is no /${name}; ${hint}`);
  }
  const needed = command.usage?.match(/\b(?<!\[)[A-Z]+/g)?.length ?? 0;
  const kinds = command.usage?.match(/[A-Z]+/g) ?? [];
  const args = splitWords(rest.trim(), needed).map((word, index) => {
    return kinds[index] === 'TEXT' ? word : word.replace(/^"([^"]+)"$/, '$1');
  });
  if (args.length < needed) throw usageError(name, command);
  await command.run(subject, args);
  return undefined;
}

/** The command of both languages: a script waits before its next line. */
export const WAIT_COMMAND: LineCommand<unknown> = {
  usage: 'SECONDS',
  summary: 'in a script: wait before the next line',
  run: async (_subject, [text]) => {
    const seconds = Number(text);
    if (!(seconds >= 0 && seconds <= 86_400)) throw usageError('wait', WAIT_COMMAND);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  },
};

function usageError(name: string, { usage = '' }: LineCommand<never>): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', `usage: /${name} ${usage}`);
}

/** At most `count` words (at least one), the last of which takes the rest. Others may have spaces in quotes. */
function splitWords(text: string, count: number): string[] {
  const words: string[] = [];
  let rest = text;
  while (rest !== '' && words.length < count - 1) {
    const [, word = '', tail = ''] = /^("[^"]+"(?!\S)|\S+)\s*(.*)$/s.exec(rest)!;
    words.push(word);
    rest = tail;
  }
  if (rest !== '') words.push(rest);
  return words;
}
