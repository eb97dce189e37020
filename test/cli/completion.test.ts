import { Argument, Command, Option } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { renderBash } from '../../src/cli/completion/bash.ts';
import { readCommand } from '../../src/cli/completion/command-model.ts';
import { renderFish } from '../../src/cli/completion/fish.ts';
import { renderZsh } from '../../src/cli/completion/zsh.ts';
import { LAB, labFile } from '../e2e/chatosbot.ts';
import { bashOffers, fishOffers, hasShell, openShell } from '../e2e/completing.ts';

/** A program with all that the real one may come to have. */
function program(): Command {
  const demo = new Command('demo').helpOption('-h, --help', "how 'it' is used [often]: \\ $HOME `date`");
  const policy = demo.command('policy').description('rules');
  policy
    .command('explain')
    .description('tell why')
    .argument('<login>')
    .addOption(new Option('--at <time>', 'when'))
    .addOption(new Option('--only <rule...>', 'some rules').choices(['allow', 'deny', 'default']))
    .addOption(new Option('--secret', 'not shown').hideHelp());
  policy.command('list').description('print them');
  demo.command('hidden', { hidden: true });
  demo
    .command('new')
    .description("make a plugin: it's quick")
    .addArgument(new Argument('<template>').choices(['echo', 'empty']))
    .argument('[directory]')
    .addOption(new Option('--colour [when]', 'paint').choices(['always', 'never']));
  return demo;
}

const model = readCommand(program());
const bash = { program: 'demo', script: labFile('demo.bash', renderBash(model, 'demo')), cwd: LAB };
const zsh = { ...bash, script: labFile('demo.zsh', renderZsh(model, 'demo')) };
const fish = { ...bash, script: labFile('demo.fish', renderFish(model, 'demo')) };
labFile('target/folder/file', '');
labFile('target/file', '');

describe('completion of commands that have commands', () => {
  test.each([
    [
      ['policy', ''],
      ['explain', 'help', 'list'],
    ],
    [
      ['policy', 'explain', '--'],
      ['--at', '--help', '--only'],
    ],
    [
      ['policy', 'explain', '--only', 'allow', 'de'],
      ['default', 'deny'],
    ],
    [['policy', 'explain', '--only', 'allow', '--a'], ['--at']],
    [['policy', 'help', 'l'], ['list']],
    [['h'], ['help']],
    [
      ['new', 'e'],
      ['echo', 'empty'],
    ],
    [['new', 'echo', 'target/f'], ['target/folder']],
    [['new', '--colour', 'al'], ['always']],
    [['new', '--colour', '--he'], ['--help']],
  ])('offers in bash, for %j, %j', async (words, offered) => {
    expect(await bashOffers(bash, words)).toEqual(offered);
  });

  test.skipIf(!hasShell('fish')).each([
    ['policy l', ['list\tprint them']],
    ['policy explain --o', ['--only\tsome rules']],
    ['policy explain --secr', []],
    ['policy explain --only d', [expect.stringMatching(/^default/), expect.stringMatching(/^deny/)]],
    ['ne', ["new\tmake a plugin: it's quick"]],
    ['--h', ["--help\thow 'it' is used [often]: \\ $HOME `date`"]],
    ['new echo target/f', [expect.stringMatching(/^target\/folder\/\t?/)]],
  ])('offers in fish, for %j, %j', async (line, offered) => {
    expect(await fishOffers(fish, line)).toEqual(offered);
  });

  const hasZsh = hasShell('zsh', 'terminal');
  let type: (typed: string) => Promise<string>;

  beforeAll(async () => {
    if (hasZsh) type = await openShell('zsh', zsh);
  });

  test.skipIf(!hasZsh).each([
    ['pol\texp\tann --on\tal\t--only=den\t', /^policy explain ann --only[ =]allow --only[ =]deny$/],
    ['policy explain --only allow --a\tnoon', /^policy explain --only allow --at[ =]noon$/],
    ['new ec\ttarget/f\t', /^new echo target\/folder\/?$/],
    ['policy help l\t', /^policy help list$/],
    ['--h\t', /^--help$/],
  ])('completes in zsh %j', async (typed, given) => {
    expect(await type(typed)).toMatch(given);
  });
});
