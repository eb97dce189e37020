import { WAIT_COMMAND, type LineCommands } from '../chat/line-language.ts';
import type { Rehearsal } from './rehearsal.ts';

/** What may be typed behind a slash to somebody who rehearses a bot. */
export const REPL_COMMANDS: LineCommands<Rehearsal> = {
  as: {
    usage: 'NAME',
    summary: 'be somebody else from now on',
    words: 1,
    run: (rehearsal, [name]) => rehearsal.as(name!),
  },
  msg: {
    usage: 'TEXT',
    summary: 'say something to the bot alone',
    words: 1,
    run: (rehearsal, [text]) => rehearsal.tell(text!),
  },
  pipe: {
    usage: '',
    summary: 'ask the bot for a private connection; lines go into it then',
    words: 0,
    run: (rehearsal) => rehearsal.pipe(),
  },
  end: {
    usage: '',
    summary: 'end your side of it',
    words: 0,
    run: (rehearsal) => rehearsal.inChannels((conversation) => conversation.endSide()),
  },
  room: {
    usage: '',
    summary: 'lines go to everyone again',
    words: 0,
    run: (rehearsal) => rehearsal.inChannels((conversation) => conversation.leaveChannel()),
  },
  close: {
    usage: '',
    summary: 'close the private connection in use',
    words: 0,
    run: (rehearsal) => rehearsal.inChannels((conversation) => conversation.close(undefined)),
  },
  accept: {
    usage: '',
    summary: 'accept a private connection that the bot asks for',
    words: 0,
    run: (rehearsal) => rehearsal.accept(),
  },
  refuse: {
    usage: '',
    summary: 'refuse it',
    words: 0,
    run: (rehearsal) => rehearsal.inChannels((conversation, bot) => conversation.refuse(bot)),
  },
  advance: {
    usage: 'TIME',
    summary: 'let time go by, as 90s or 1h30m: schedules and time-outs',
    words: 1,
    run: (rehearsal, [time]) => rehearsal.advance(time!),
  },
  reload: {
    usage: '',
    summary: 'load the bot anew; what it has kept stays',
    words: 0,
    run: (rehearsal) => rehearsal.reload(),
  },
  status: {
    usage: '',
    summary: 'show how the bot is',
    words: 0,
    run: (rehearsal) => rehearsal.status(),
  },
  wait: WAIT_COMMAND,
};
