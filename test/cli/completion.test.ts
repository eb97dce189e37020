import { Argument, Command, Option } from 'commander';
import { expect, test } from 'vitest';
import { offersFor } from '../../src/cli/completion/offers.ts';
import { offerLines } from '../../src/cli/completion/scripts.ts';

/** A program with all that the real one may come to have. */
function program(): Command {
  const demo = new Command('demo').helpOption('-h, --help', "how 'it' is used");
  const policy = demo.command('policy').description('rules');
  policy
    .command('explain')
    .description('say why')
    .argument('<login>')
    .addOption(new Option('--at <time>', 'when'))
    .addOption(new Option('--only <rule...>', 'some rules').choices(['allow', 'deny', 'default']))
    .addOption(new Option('--json', 'for programs'))
    .addOption(new Option('--secret', 'not shown').hideHelp());
  policy.command('list').description('print them');
  demo.command('hidden', { hidden: true });
  demo
    .command('new')
    .description("make a plugin: it's quick")
    .addArgument(new Argument('<template>').choices(['echo', 'empty']))
    .argument('[directory]')
    .addOption(new Option('--colour [when]', 'paint').choices(['always', 'never']));
  demo.command('run').argument('[bots...]').option('-c, --config <file>', 'settings');
  return demo;
}

test.each<[string, string[] | string]>([
  ['', ['policy', 'new', 'run', 'help']],
  ['-', ['-h', '--help']],
  ['policy ', ['explain', 'list', 'help']],
  ['policy explain --', ['--at', '--only', '--json', '-h', '--help']],
  ['policy explain --json --', ['--at', '--only', '-h', '--help']],
  ['policy explain ', []],
  ['policy explain ann ', []],
  ['policy explain --at ', []],
  ['policy explain --at now --only ', ['allow', 'deny', 'default']],
  ['policy explain --only allow ', ['allow', 'deny', 'default']],
  ['policy explain --only=', ['allow', 'deny', 'default']],
  ['policy explain --only=al', ['allow', 'deny', 'default']],
  ['policy explain --only allow --', ['--at', '--only', '--json', '-h', '--help']],
  ['policy explain --bogus=', []],
  ['policy help ', ['explain', 'list', 'help']],
  ['help ', ['policy', 'new', 'run', 'help']],
  ['help run ', []],
  ['new ', ['echo', 'empty']],
  ['new echo ', 'directories'],
  ['new echo here ', []],
  ['new --colour ', ['always', 'never']],
  ['new --colour always ', ['echo', 'empty']],
  ['new --colour --', ['--colour', '-h', '--help']],
  ['run ', 'files'],
  ['run one two ', 'files'],
  ['run -c ', 'files'],
  ['run --config=', 'files'],
  ['run -c policy ', 'files'],
  ['run -- -', 'files'],
  ['run -- --config=', 'files'],
  ['nonsense ', []],
])('behind %j come %j', (line, expected) => {
  const offers = offersFor(program(), line.split(' '));
  expect(typeof offers === 'string' ? offers : offers.map(([word]) => word)).toEqual(expected);
});

test('each offer has its meaning', () => {
  expect(offersFor(program(), ['policy', ''])).toContainEqual(['explain', 'say why']);
  expect(offersFor(program(), ['policy', 'explain', '-'])).toContainEqual(['--at', 'when']);
  expect(offersFor(program(), ['new', ''])).toContainEqual(['echo', '']);
});

test('what is offered has the form that its shell wants, also where it has colons', () => {
  const offers = [
    ['2001:db8::/32', ''],
    ['ctl', 'operate: a server'],
  ] as const;
  const linesFor = (shell: 'bash' | 'zsh' | 'fish', split?: string): string[] => offerLines(shell, offers, split);
  expect(linesFor('bash')).toEqual(['2001:db8::/32', 'ctl']);
  expect(linesFor('zsh')).toEqual([String.raw`2001\:db8\:\:/32`, 'ctl:operate: a server']);
  expect(linesFor('fish')).toEqual(['2001:db8::/32', 'ctl\toperate: a server']);
  // Bash keeps what is typed up to the last colon.
  expect(linesFor('bash', '2001:d')).toEqual(['db8::/32']);
  expect(linesFor('bash', '--for=2001:db8:')).toEqual([':/32']);
  expect(linesFor('bash', '7:')).toEqual([]);
});
