import { closest } from '../../util/closest.ts';
import { ChatosError } from '../../errors.ts';
import type { Conversation } from './conversation.ts';

export interface LineCommand {
  /** The arguments as the help shows them. */
  readonly usage: string;
  readonly summary: string;
  /** How many words the command needs behind its name. */
  readonly words: number;
  run(conversation: Conversation, args: readonly string[]): Promise<void> | void;
}

/** What may be typed behind a slash. The last argument takes the rest of the line. */
export const LINE_COMMANDS: Readonly<Record<string, LineCommand>> = {
  msg: {
    usage: 'PEER TEXT',
    summary: 'say something to one',
    words: 2,
    run: (conversation, [peer, text]) => conversation.tell(peer!, text!),
  },
  pipe: {
    usage: 'PEER',
    summary: 'ask for a private connection; lines go into it then',
    words: 1,
    run: (conversation, [peer]) => conversation.pipe(peer!),
  },
  accept: {
    usage: 'PEER',
    summary: 'accept a request for a private connection',
    words: 1,
    run: (conversation, [peer]) => conversation.accept(peer!),
  },
  refuse: {
    usage: 'PEER',
    summary: 'refuse it',
    words: 1,
    run: (conversation, [peer]) => conversation.refuse(peer!),
  },
  room: {
    usage: '',
    summary: 'lines go to everyone again',
    words: 0,
    run: (conversation) => conversation.leaveChannel(),
  },
  close: {
    usage: '[PEER]',
    summary: 'close the private connection in use, or the one with PEER',
    words: 0,
    run: (conversation, [peer]) => conversation.close(peer),
  },
  wait: {
    usage: 'SECONDS',
    summary: 'in a script: wait before the next line',
    words: 1,
    run: async (_conversation, [text]) => {
      const seconds = Number(text);
      if (!(seconds >= 0 && seconds <= 86_400)) throw usageError('wait');
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    },
  },
};

export function chatHelp(): string {
  const rows = Object.entries(LINE_COMMANDS).map(([name, { usage, summary }]) => [`/${name} ${usage}`.trim(), summary]);
  const all = [...rows, ['/help', 'show this'], ['/quit', 'leave (Ctrl-D does, too)'], ['//TEXT', 'say /TEXT']];
  return all.map(([left, right]) => `${left!.padEnd(18)} ${right}`).join('\n');
}

/** What a typed line means. `quit` and `help` are left to the caller. */
export async function runLine(conversation: Conversation, line: string): Promise<'quit' | 'help' | undefined> {
  if (line.trim() === '') return undefined;
  if (!line.startsWith('/')) {
    await conversation.say(line);
    return undefined;
  }
  if (line.startsWith('//')) {
    await conversation.say(line.slice(1));
    return undefined;
  }
  const [, name = '', rest = ''] = /^\/(\S*)\s*(.*)$/s.exec(line)!;
  if (name === 'quit' || name === 'help') return name;
  const command = Object.hasOwn(LINE_COMMANDS, name) ? LINE_COMMANDS[name] : undefined;
  if (!command) {
    const guess = closest(name, [...Object.keys(LINE_COMMANDS), 'quit', 'help']);
    const hint = guess === undefined ? '/help lists the commands' : `did you mean /${guess}?`;
    throw new ChatosError('INVALID_ARGUMENT', `there is no /${name}; ${hint}`);
  }
  const args = splitWords(rest.trim(), command.words);
  if (args.length < command.words) throw usageError(name);
  await command.run(conversation, args);
  return undefined;
}

function usageError(name: string): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', `usage: /${name} ${LINE_COMMANDS[name]!.usage}`);
}

/** At most `count` words (at least one), the last of which takes all that is left. */
function splitWords(text: string, count: number): string[] {
  const words: string[] = [];
  let rest = text;
  while (rest !== '' && words.length < count - 1) {
    const [, word = '', tail = ''] = /^(\S+)\s*(.*)$/s.exec(rest)!;
    words.push(word);
    rest = tail;
  }
  if (rest !== '') words.push(rest);
  return words;
}
