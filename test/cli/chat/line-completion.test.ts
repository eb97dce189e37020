import { expect, it } from 'vitest';
import { CHAT_COMMANDS } from '../../../src/cli/chat/line-commands.ts';
import { completeLine } from '../../../src/cli/chat/line-completion.ts';

const KNOWN = {
  commands: CHAT_COMMANDS,
  logins: () => ['alice', 'Alan', 'bob'],
  botCommands: () => ['!roll', '!remind in', '!remind list'],
};

it.each<[line: string, hits: string[], end: string]>([
  ['/p', ['/pipe '], '/p'],
  ['/q', ['/quit '], '/q'],
  ['/msg al', ['alice ', 'Alan '], 'al'],
  ['/accept b', ['bob '], 'b'],
  ['/wait a', [], 'a'],
  ['//al', [], ''],
  ['!re', ['!remind in ', '!remind list '], '!re'],
  ['!remind l', ['!remind list '], '!remind l'],
  ['al', ['alice: ', 'Alan: '], 'al'],
  ['ask al', ['alice ', 'Alan '], 'al'],
  ['hi @b', ['@bob '], '@b'],
  ['', [], ''],
  ['hi ', [], ''],
  ['!nothing', [], '!nothing'],
])('completes %j', (line, hits, end) => {
  expect(completeLine(line, KNOWN)).toEqual({ hits, end });
});
