import type { Conversation } from './conversation.ts';
import { WAIT_COMMAND, type LineCommands } from './line-language.ts';

export const CHAT_COMMANDS: LineCommands<Conversation> = {
  msg: {
    usage: 'PEER TEXT',
    summary: 'send a message to PEER only',
    run: (conversation, [peer, text]) => conversation.tell(peer!, text!),
  },
  pipe: {
    usage: 'PEER',
    summary: 'ask for a private connection; lines then go into it',
    run: (conversation, [peer]) => conversation.pipe(peer!),
  },
  accept: {
    usage: 'PEER',
    summary: 'accept a request for a private connection',
    run: (conversation, [peer]) => conversation.accept(peer!),
  },
  refuse: { usage: 'PEER', summary: 'refuse a request', run: (conversation, [peer]) => conversation.refuse(peer!) },
  room: { summary: 'send lines to everyone again', run: (conversation) => conversation.leaveChannel() },
  close: {
    usage: '[PEER]',
    summary: 'close the private connection in use, or the one with PEER',
    run: (conversation, [peer]) => conversation.close(peer),
  },
  who: { summary: 'show who was heard so far', run: (conversation) => conversation.who() },
  wait: WAIT_COMMAND,
};
