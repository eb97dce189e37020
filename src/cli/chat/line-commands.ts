import type { Conversation } from './conversation.ts';
import { carryOut, lineHelp, WAIT_COMMAND, type LineCommands } from './line-language.ts';

/** What may be typed behind a slash. The last argument takes the rest of the line. */
export const LINE_COMMANDS: LineCommands<Conversation> = {
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
  wait: WAIT_COMMAND,
};

export function chatHelp(): string {
  return lineHelp(LINE_COMMANDS);
}

/** What a typed line means. `quit` and `help` are left to the caller. */
export function runLine(conversation: Conversation, line: string): Promise<'quit' | 'help' | undefined> {
  return carryOut(LINE_COMMANDS, conversation, line);
}
