import { WAIT_COMMAND, type LineCommands } from '../chat/line-language.ts';
import type { Rehearsal } from './rehearsal.ts';

/** The commands of `repl`. */
export const REPL_COMMANDS: LineCommands<Rehearsal> = {
  as: {
    usage: 'NAME',
    summary: 'be another user from now on',
    words: 1,
    run: (rehearsal, [name]) => rehearsal.as(name!),
  },
  msg: {
    usage: 'TEXT',
    summary: 'send a message to the bot only',
    words: 1,
    run: (rehearsal, [text]) => rehearsal.tell(text!),
  },
  pipe: {
    usage: '',
    summary: 'ask the bot for a private connection; lines then go into it',
    words: 0,
    run: (rehearsal) => rehearsal.pipe(),
  },
  end: {
    usage: '',
    summary: 'end your side of the private connection',
    words: 0,
    run: (rehearsal) => rehearsal.inChannels((conversation) => conversation.endSide()),
  },
  room: {
    usage: '',
    summary: 'send lines to everyone again',
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
    summary: 'refuse a private connection',
    words: 0,
    run: (rehearsal) => rehearsal.inChannels((conversation, bot) => conversation.refuse(bot)),
  },
  advance: {
    usage: 'TIME',
    summary: 'advance the clock, as 90s or 1h30m: schedules and time-outs',
    words: 1,
    run: (rehearsal, [time]) => rehearsal.advance(time!),
  },
  reload: {
    usage: '',
    summary: 'reload the bot; its store stays',
    words: 0,
    run: (rehearsal) => rehearsal.reload(),
  },
  status: {
    usage: '',
    summary: 'show the status of the bot',
    words: 0,
    run: (rehearsal) => rehearsal.status(),
  },
  wait: WAIT_COMMAND,
};
