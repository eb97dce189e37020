import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { CHAT_COMMANDS } from '../../src/cli/chat/line-commands.ts';
import { executeLine, lineHelp } from '../../src/cli/chat/line-language.ts';
import type { Conversation } from '../../src/cli/chat/conversation.ts';

/** What a line made the conversation do, as `['tell', 'bob', 'hi']`. */
async function calls(line: string): Promise<unknown[][]> {
  const done: unknown[][] = [];
  const conversation = new Proxy({} as Conversation, {
    get:
      (_, name: string) =>
      (...args: unknown[]): void =>
        void done.push([name, ...args]),
  });
  await executeLine(CHAT_COMMANDS, conversation, line);
  return done;
}

describe('a line of a chat', () => {
  test.each<[string, unknown[]]>([
    ['hello', ['say', 'hello']],
    ['  hello  there ', ['say', '  hello  there ']],
    ['1/2', ['say', '1/2']],
    [' /msg bob hi', ['say', ' /msg bob hi']],
    ['//msg bob hi', ['say', '/msg bob hi']],
    ['//', ['say', '/']],
    ['///', ['say', '//']],
  ])('%j is said', async (line, expected) => {
    expect(await calls(line)).toEqual([expected]);
  });

  test.each<[string, unknown[]]>([
    ['/msg bob hi', ['tell', 'bob', 'hi']],
    ['/msg  bob   two  words ', ['tell', 'bob', 'two  words']],
    ['/msg bob /pipe', ['tell', 'bob', '/pipe']],
    ['/pipe bob', ['pipe', 'bob']],
    ['/pipe Jean Luc', ['pipe', 'Jean Luc']],
    ['/pipe "Jean Luc"', ['pipe', 'Jean Luc']],
    ['/close "Jean Luc"', ['close', 'Jean Luc']],
    ['/msg "Jean Luc" hi', ['tell', 'Jean Luc', 'hi']],
    ['/msg bob "as it is"', ['tell', 'bob', '"as it is"']],
    ['/msg "a "b" c', ['tell', '"a', '"b" c']],
    ['/accept bob ', ['accept', 'bob']],
    ['/refuse bob', ['refuse', 'bob']],
    ['/room', ['leaveChannel']],
    ['/room please', ['leaveChannel']],
    ['/close', ['close', undefined]],
    ['/close bob', ['close', 'bob']],
  ])('%j is carried out', async (line, expected) => {
    expect(await calls(line)).toEqual([expected]);
  });

  test.each(['', ' ', '\t'])('%j does nothing', async (line) => {
    expect(await calls(line)).toEqual([]);
  });

  test.each([
    ['/quit', 'quit'],
    ['/help', 'help'],
    ['/help msg', 'help'],
  ])('%j is left to the caller', async (line, expected) => {
    expect(await executeLine(CHAT_COMMANDS, {} as Conversation, line)).toBe(expected);
  });

  test.each([
    ['/msg', 'usage: /msg PEER TEXT'],
    ['/msg bob', 'usage: /msg PEER TEXT'],
    ['/pipe', 'usage: /pipe PEER'],
    ['/wait soon', 'usage: /wait SECONDS'],
    ['/wait -1', 'usage: /wait SECONDS'],
    ['/wait 86401', 'usage: /wait SECONDS'],
    ['/mssg bob hi', 'there is no /mssg; did you mean /msg?'],
    ['/accpet bob', 'there is no /accpet; did you mean /accept?'],
    ['/quti', 'there is no /quti; did you mean /quit?'],
    ['/dance', 'there is no /dance; /help lists the commands'],
    ['/', 'there is no /; /help lists the commands'],
    ['/constructor', 'there is no /constructor; /help lists the commands'],
    ['/toString', 'there is no /toString; /help lists the commands'],
  ])('%j is a mistake, which is explained', async (line, message) => {
    await expect(calls(line)).rejects.toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message }));
  });
});

test.each([1, 86_400])('a script waits for %i seconds before its next line', async (seconds) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const waited = vi.fn<() => void>();
  const waiting = calls(`/wait ${seconds}`).then(waited);
  vi.advanceTimersByTime(seconds * 1_000 - 1);
  await new Promise(setImmediate);
  expect(waited).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  await waiting;
});

test('a script that waits for 0 seconds goes on', async () => {
  expect(await calls('/wait 0')).toEqual([]);
});

test('the help of a chat has a line for each command', () => {
  const lines = lineHelp(CHAT_COMMANDS).split('\n');
  for (const name of [...Object.keys(CHAT_COMMANDS), 'help', 'quit']) {
    expect(lines.filter((line) => new RegExp(`^/${name}\\b.* \\w`).test(line))).toHaveLength(1);
  }
});
