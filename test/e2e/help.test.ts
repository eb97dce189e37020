import { beforeAll, describe, expect, test } from 'vitest';
import { displayWidth } from '../../src/cli/terminal/width.ts';
import { run } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { HAS_TERMINAL, onTerminal } from './terminal.ts';

/** The commands that a help lists. */
const listed = (help: string): string[] =>
  [...help.slice(help.indexOf('Commands:')).matchAll(/^ {2}([a-z-]+) /gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== 'help');

/** All commands, those of groups behind the name of their group. */
let commands: string[];

beforeAll(async () => {
  const top = listed((await run(['--help'])).stdout);
  const helps = await Promise.all(top.map((name) => runShared([name, '--help'])));
  const groups = helps.map(({ stdout }) => (stdout.includes('\nCommands:') ? listed(stdout) : []));
  commands = top.flatMap((name, index) => [name, ...groups[index]!.map((below) => `${name} ${below}`)]);
});

describe('help', () => {
  test('lists commands of commands, too', () => {
    expect(commands).toEqual(expect.arrayContaining(['run', 'ctl log-level', 'store repair', 'policy explain']));
  });

  test.skipIf(!HAS_TERMINAL)('is as wide as the terminal', async () => {
    for (const columns of [30, 132]) {
      const { stdout } = await onTerminal('chatosbot ctl --help', { columns }).exit();
      const widest = Math.max(...stdout.split('\r\n').map((line) => (/^ +\$/.test(line) ? 0 : displayWidth(line))));
      expect(widest).toBeLessThanOrEqual(columns);
      expect(widest).toBeGreaterThan(columns - 10);
    }
  });

  test('is 80 columns wide where nobody says how wide it is shown', async () => {
    const { stdout } = await run(['run', '--help'], { env: { COLUMNS: '40' } });
    const widths = stdout.split('\n').map(displayWidth);
    expect(Math.max(...widths)).toBeGreaterThan(70);
    expect(Math.max(...widths)).toBeLessThanOrEqual(80);
  });

  test.skipIf(!HAS_TERMINAL)('has what options mean below them where there is no room beside them', async () => {
    const { stdout } = await onTerminal('chatosbot ctl ban --help', { columns: 40 }).exit();
    expect(stdout).toContain('  --reason <text>\r\n      why, for the log and the list\r\n');
  });

  test.each([
    ['help nope', "unknown command 'nope'\n(Did you mean one of pipe, top?)"],
    ['help xyzzy', "unknown command 'xyzzy'"],
    ['xyzzy --help', "unknown command 'xyzzy'"],
    ['help rnu', "unknown command 'rnu'\n(Did you mean run?)"],
    ['help ctl nope', "unknown command 'nope'"],
    ['ctl help sesions', "unknown command 'sesions'\n(Did you mean sessions?)"],
    ['ctl nope --help', "unknown command 'nope'"],
    ['store --state . lst', "unknown command 'lst'\n(Did you mean list?)"],
  ])('%j does not show everything for a command that does not exist', async (line, why) => {
    const { status, stdout, stderr } = await runShared(line.split(' '));
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(`chatosbot: ${why}\n(add --help for the command's options)\n`);
  });

  test('of a command of a group is shown in all the usual ways', async () => {
    const ways = ['ctl ban --help', 'help ctl ban', 'ctl help ban', 'ctl --control x ban -h'];
    const helps = await Promise.all(ways.map((way) => runShared(way.split(' '))));
    expect(new Set(helps.map(({ stdout }) => stdout)).size).toBe(1);
    expect(helps[0]!.stdout).toMatch(/^Usage: chatosbot ctl ban /);
  });
});

describe('a mistake', () => {
  test('is reported by every command behind the same prefix, with 2', async () => {
    for (const name of commands) {
      const { status, stdout, stderr } = await runShared([...name.split(' '), '--nonsense']);
      expect({ name, status, stdout }).toEqual({ name, status: 2, stdout: '' });
      const said = stderr.split('\n').filter((line) => !/^\(.*\)$/.test(line) && line !== '');
      expect([name, said]).toEqual([
        name,
        [expect.stringMatching(/^chatosbot: (?:unknown option '--nonsense'|missing required argument )/)],
      ]);
    }
  });
});

describe('the options of a group', () => {
  const why = '/nowhere.sock: no server has this control socket';

  test.each([
    'ctl --control /nowhere.sock sessions',
    'ctl sessions --control /nowhere.sock',
    'ctl --control /nowhere.sock kick mallory',
    'ctl --json --control=/nowhere.sock ban mallory --for 1h',
  ])('stand before a command as well as behind it: %s', async (line) => {
    const { status, stderr } = await runShared(line.split(' '));
    expect({ status, stderr }).toEqual({ status: 69, stderr: expect.stringContaining(why) as string });
  });

  test('are taken from the environment, too, and the command line comes first', async () => {
    const env = { CHATOSBOT_CONTROL: '/nowhere.sock' };
    expect((await runShared(['ctl', 'sessions'], { env })).stderr).toContain(why);
    const other = await runShared(['ctl', '--control', '/else.sock', 'sessions'], { env });
    expect(other.stderr).toContain('/else.sock: no server');
  });

  test('of store and policy do so, too', async () => {
    expect(await runShared(['store', '--state', '/nowhere', 'list'])).toMatchObject({
      status: 0,
      stderr: 'no stores in /nowhere\n',
    });
    const login = await runShared(['policy', '--json', 'login', 'alice']);
    expect(JSON.parse(login.stdout)).toMatchObject({ login: 'alice' });
  });
});
