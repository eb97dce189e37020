import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { LAB, labFile } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { bashOffers, fishOffers, hasShell, openShell, type Completion } from './completing.ts';

const completions: Record<string, Completion> = {};

beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await runShared(['completion', shell]);
    const script = labFile(`completion.${shell}`, stdout);
    completions[shell] = { program: 'chatosbot', script, cwd: path.join(LAB, 'my bots') };
  }
  labFile('my bots/echo.ts', '');
  labFile('my bots/echoes/two words.ts', '');
});

describe('chatosbot completion', () => {
  test.each([
    [['completion'], /missing required argument 'shell'/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
  ])('takes %j for a mistake that it explains, with 2', async (args, why) => {
    expect(await runShared(args)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(why) });
  });

  test.each(['bash', 'zsh', 'fish'])('prints a script for %s, and nothing else', async (shell) => {
    const { status, stdout, stderr } = await runShared(['completion', shell]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^#/);
  });

  test('offers each command that the help lists', async () => {
    const { stdout } = await runShared(['--help']);
    const names = [...stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(5);
    expect(await bashOffers(completions['bash']!, [''])).toEqual(names.toSorted());
    if (!hasShell('fish')) return;
    expect((await fishOffers(completions['fish']!, '')).map((row) => row.split('\t')[0])).toEqual(names.toSorted());
  });
});

// What is offered is tested with the function that says it; here is what shells make of words, files and signs.
describe('completion in bash', () => {
  test.each([
    ["a command's options", ['serve', '--l'], ['--listen', '--log-format', '--log-level']],
    [
      'options behind values and arguments',
      ['pipe', '--login', 'run', 'bob', '--l'],
      ['--limit-rate', '--listen', '--login'],
    ],
    ['the choices of an option, behind =', ['run', '--log-format', '=', 'j'], ['json']],
    ['all choices of an option, right behind =', ['run', '--log-format', '='], ['json', 'text']],
    ['files for an argument that takes files', ['run', 'e'], ['echo.ts', 'echoes']],
    ['files for a further one', ['run', 'echo.ts', '--embedded', 'echoes/'], ['echoes/two words.ts']],
    ['files for an option that takes one', ['serve', '-c', 'echo.'], ['echo.ts']],
    ['nothing where only the user knows', ['say', '--to', ''], []],
    ['nothing within an address', ['chat', '--server', '127.0.0.1', ':', '7'], []],
    ['options behind an address', ['chat', '--server', '127.0.0.1', ':', '7777', '--lin'], ['--linger']],
  ])('offers %s', async (_, words, offered) => {
    expect(await bashOffers(completions['bash']!, words)).toEqual(offered);
  });
});

describe.skipIf(!hasShell('fish'))('completion in fish', () => {
  test.each([
    ['a command, with what it does', 'ser', ['serve\trun a server']],
    ["a command's options, with what they do", 'chat --js', ['--json\tshow everything as lines of JSON']],
    [
      'the choices of an option',
      'run --log-format=',
      [expect.stringMatching(/^--log-format=json(\t|$)/), expect.stringMatching(/^--log-format=text(\t|$)/)],
    ],
    ['files for an argument that takes files', 'run e', ['echo.ts', 'echoes/']],
    ['files for an option that takes one', 'serve -c echo.', [expect.stringMatching(/^echo\.ts(\t|$)/)]],
    ['nothing where only the user knows', 'say --to ', []],
  ])('offers %s', async (_, line, offered) => {
    expect(await fishOffers(completions['fish']!, line)).toEqual(offered);
  });
});

describe.each(['bash', 'zsh'] as const)('completion in %s, on a terminal', (shell) => {
  const isThere = hasShell(shell, 'terminal');
  let type: (typed: string) => Promise<string>;

  beforeAll(async () => {
    if (isThere) type = await openShell(shell, completions[shell]!);
  });

  test.skipIf(!isThere).each([
    ['commands, options and choices', 'ser\t--log-f\tj\t', /^serve --log-format[ =]json$/],
    ['options behind arguments', 'pipe bob --qu\t', /^pipe bob --quiet$/],
    ['options before arguments', 'pipe --qu\tbob', /^pipe --quiet bob$/],
    ['the names of commands for help', 'help cha\t', /^help chat$/],
    ['files', 'run echo.\t-c ../my\techoes/\t', /^run echo\.ts -c \.\.\/my bots\/echoes\/two words\.ts$/],
  ])('completes %s', async (_, typed, given) => {
    expect(await type(typed)).toMatch(given);
  });
});
