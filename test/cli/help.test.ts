import { Command } from 'commander';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { HELP, wrapHelp } from '../../src/cli/terminal/help.ts';
import { displayWidth } from '../../src/cli/terminal/width.ts';

/** All commands, and those of groups. */
async function allOf(program: Command): Promise<Command[]> {
  for (const { name, load } of COMMANDS) {
    (await load()).register(program.command(name), () => Promise.resolve());
  }
  const withBelow = (command: Command): Command[] => [command, ...command.commands.flatMap(withBelow)];
  return program.commands.flatMap(withBelow);
}

/** Their help, in so many columns. */
async function helpsAt(columns: number): Promise<string[]> {
  let help = '';
  const program = new Command('chatosbot').configureHelp(HELP).configureOutput({
    getOutHelpWidth: () => columns,
    writeOut: (text) => (help += wrapHelp(text, columns)),
  });
  return (await allOf(program)).map((command) => {
    help = '';
    command.outputHelp();
    return help;
  });
}

const wordsOf = (text: string): string[] => text.split(/\s+/);
const EXAMPLE = /^ +(?:\$|#)/;
/** A name that stands with its value. */
const OPTION = /^ {2}-\S+(?:, --\S+)?(?: [<[]\S+)?$/;

test.each([20, 40, 60, 80, 132])(
  'all help is at most %i columns wide there, and no word of it is cut',
  async (columns) => {
    const [helps, wide] = await Promise.all([helpsAt(columns), helpsAt(1_000)]);
    expect(helps.length).toBeGreaterThan(30);
    const lines = helps.join('\n').split('\n');
    const tooWide = lines.filter((line) => {
      return displayWidth(line) > columns && !EXAMPLE.test(line) && !OPTION.test(line) && line.trim().includes(' ');
    });
    expect(tooWide).toEqual([]);
    expect(helps.map(wordsOf)).toEqual(wide.map(wordsOf));
    expect(Math.max(...lines.map((line) => (EXAMPLE.test(line) ? 0 : displayWidth(line))))).toBeGreaterThan(
      columns - 4,
    );
  },
);

test.each([
  ['a paragraph that was\nbroken elsewhere', 'a paragraph that was\nbroken elsewhere'],
  ['a paragraph\nthat was broken elsewhere', 'a paragraph that was\nbroken elsewhere'],
  ['Title:\nits text', 'Title:\nits text'],
  ['one\n\nother', 'one\n\nother'],
  ['  $ an example that is too long for the terminal', '  $ an example that is too long for the terminal'],
  ['  one  what that one is for', '  one\n      what that one\n      is for'],
  ['text\nExit code: 1\nis bad', 'text\nExit code: 1 is bad'],
])('%j is wrapped at 20 columns', (text, wrapped) => {
  expect(wrapHelp(text, 20)).toBe(wrapped);
});

test('the name of an option that is too long begins where all do', () => {
  expect(wrapHelp('  -c, --config <file>\n      where it is', 20)).toBe(
    '  -c, --config\n      <file>\n      where it is',
  );
});

test('what numbers and sizes are without an option', async () => {
  const commands = await allOf(new Command('chatosbot'));
  const defaults = commands.flatMap((command) =>
    command.options
      .filter(({ defaultValue }) => typeof defaultValue === 'number')
      .map(({ long, defaultValue }) => `${command.name()} ${long}: ${String(defaultValue)}`),
  );
  expect(defaults).toMatchInlineSnapshot(`
    [
      "run --drain: 5",
      "serve --drain: 10",
      "top --interval: 2",
      "receive --max-entries: 500000",
      "chat --linger: 0",
      "schedule --count: 10",
    ]
  `);
});
