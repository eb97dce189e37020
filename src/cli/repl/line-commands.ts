import { WAIT_COMMAND, type LineCommands } from '../chat/line-language.ts';
import type { Rehearsal } from './rehearsal.ts';

export const REPL_COMMANDS: LineCommands<Rehearsal> = {
  as: { usage: 'NAME', summary: 'be another user from now on', run: (rehearsal, [name]) => rehearsal.as(name!) },
  msg: { usage: 'TEXT', summary: 'send a message to the bot only', run: (rehearsal, [text]) => rehearsal.tell(text!) },
  pipe: {
    summary: 'ask the bot for a private connection; lines then go into it',
    run: (rehearsal) => rehearsal.pipe(),
  },
  end: {
    summary: 'end your side of the private connection',
    run: (rehearsal) => rehearsal.inChannels((conversation) => conversation.endSide()),
  },
  room: {
    summary: 'send lines to everyone again',
    run: (rehearsal) => rehearsal.inChannels((conversation) => conversation.leaveChannel()),
  },
  close: {
    summary: 'close the private connection in use',
    run: (rehearsal) => rehearsal.inChannels((conversation) => conversation.close(undefined)),
  },
  accept: { summary: 'accept a private connection that the bot asks for', run: (rehearsal) => rehearsal.accept() },
  refuse: {
    summary: 'refuse a private connection',
    run: (rehearsal) => rehearsal.inChannels((conversation, bot) => conversation.refuse(bot)),
  },
  advance: {
    usage: 'TIME',
    summary: 'advance the clock, as 90s or 1h30m: schedules and time-outs',
    run: (rehearsal, [time]) => rehearsal.advance(time!),
  },
  reload: { summary: 'reload the bot; its store stays', run: (rehearsal) => rehearsal.reload() },
  status: { summary: 'show the status of the bot', run: (rehearsal) => rehearsal.status() },
  wait: WAIT_COMMAND,
};
