import { expect, it } from 'vitest';
import { CHAT_COMMANDS } from '../../../src/cli/chat/line-commands.ts';
import { completeLine } from '../../../src/cli/chat/line-completion.ts';
import { REPL_COMMANDS } from '../../../src/cli/repl/line-commands.ts';

const KNOWN = {
  commands: CHAT_COMMANDS,
  // What would control the terminal is not offered.
  logins: () => ['alice', 'Alan', 'al\u001B[2J', 'bob', 'Jean Luc'],
  botCommands: () => ['!roll', '/roll', '!remind in', '!remind list'],
};

it.each<[line: string, hits: string[], end: string]>([
  ['/p', ['/pipe '], '/p'],
  ['/q', ['/quit '], '/q'],
  ['/msg al', ['alice ', 'Alan '], 'al'],
  ['/accept b', ['bob '], 'b'],
  ['/close b', ['bob '], 'b'],
  ['/msg je', ['"Jean Luc" '], 'je'],
  ['/msg "je', ['"Jean Luc" '], '"je'],
  ['/msg "Jean Luc" !re', ['!remind in ', '!remind list '], '!re'],
  ['/msg bob !re', ['!remind in ', '!remind list '], '!re'],
  ['/msg bob ask al', ['alice ', 'Alan '], 'al'],
  ['/msg bob ', [], ''],
  ['/wait a', [], ''],
  ['/nothing a', [], ''],
  ['//al', [], '/al'],
  ['//ro', ['/roll '], '/ro'],
  ['//roll al', ['alice ', 'Alan '], 'al'],
  ['!re', ['!remind in ', '!remind list '], '!re'],
  ['!remind l', ['!remind list '], '!remind l'],
  ['al', ['alice: ', 'Alan: '], 'al'],
  ['ask al', ['alice ', 'Alan '], 'al'],
  ['hi @b', ['@bob '], '@b'],
  ['@b', ['@bob '], '@b'],
  ['@', [], ''],
  ['', [], ''],
  ['hi ', [], ''],
  ['!nothing', [], '!nothing'],
])('completes %j', (line, hits, end) => {
  expect(completeLine(line, KNOWN)).toEqual({ hits, end });
});

it.each<[line: string, hits: string[], end: string]>([
  ['/as al', ['alice ', 'Alan '], 'al'],
  ['/msg !re', ['!remind in ', '!remind list '], '!re'],
  ['/msg ask b', ['bob '], 'b'],
])('completes %j in a rehearsal', (line, hits, end) => {
  expect(completeLine(line, { ...KNOWN, commands: REPL_COMMANDS })).toEqual({ hits, end });
});
