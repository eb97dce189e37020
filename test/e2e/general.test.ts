import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { labFile, run, shell, start } from './chatosbot.ts';
import { peer } from './peers.ts';
import { runShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';
import { HAS_TERMINAL, onTerminal } from './terminal.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

describe('chatosbot', () => {
  test('has a help for each command that its own help lists, with an example', async () => {
    const { status, stdout, stderr } = await run(['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('$ chatosbot ');
    const names = [...stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name!);
    const commands = names.filter((name) => name !== 'help');
    expect(commands).toEqual(expect.arrayContaining(['run', 'serve', 'pipe', 'say', 'chat']));
    for (const help of await Promise.all(commands.map((name) => runShared([name, '--help'])))) {
      expect(help).toMatchObject({ status: 0, stderr: '' });
      const name = /^Usage: chatosbot (\w+)/.exec(help.stdout)![1];
      expect(help.stdout).toMatch(new RegExp(`Examples:\n(.*\n)* .*chatosbot ${name}\\b`));
    }
  });

  test.each(['policy explain', 'store list', 'store export', 'store import', 'store repair', 'store delete'])(
    'has a help for %s, with an example',
    async (name) => {
      const { stdout } = await runShared([...name.split(' '), '--help']);
      expect(stdout).toMatch(new RegExp(`Examples:\n(.*\n)* .*chatosbot ${name} `));
    },
  );

  test('shows the help of a command in all the usual ways', async () => {
    const helps = await Promise.all(
      [
        ['help', 'pipe'],
        ['pipe', '--help'],
        ['pipe', '-h'],
      ].map((way) => runShared(way)),
    );
    expect(new Set(helps.map(({ stdout }) => stdout)).size).toBe(1);
  });

  test('prints its version, that of package.json', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    for (const flag of ['--version', '-V']) {
      expect(await run([flag])).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' });
    }
  });

  test.skipIf(!existsSync('/dev/full'))('does not take its version or help for told on a full disk', async () => {
    const said = 'chatosbot: cannot write standard output: no space left on the device\n';
    for (const args of ['--version', '--help', 'run --help']) {
      const { stdout, stderr } = await shell(`chatosbot ${args} >/dev/full; echo $?`).exit();
      expect({ stdout, stderr }).toEqual({ stdout: '75\n', stderr: said });
    }
  });

  test('ends quietly with 141 when nobody reads its version or help', async () => {
    for (const args of ['--version', '--help']) {
      const { stdout, stderr } = await shell(`exec 3> >(true); wait $!; chatosbot ${args} >&3; echo $?`).exit();
      expect({ stdout, stderr }).toEqual({ stdout: '141\n', stderr: '' });
    }
  });

  test.each([
    [['rnu'], /unknown command 'rnu'\n\(Did you mean run\?\)/],
    [['help', 'rnu'], /unknown command 'rnu'\n\(Did you mean run\?\)/],
    [['--serve'], /unknown option '--serve'/],
    [['serve', '--lisen', '1'], /unknown option '--lisen'\n\(Did you mean --listen\?\)/],
    [['serve', 'here'], /too many arguments for 'serve'/],
    [['serve', '--listen'], /argument missing/],
    [['say', 'hi', '--server', 'nowhere:x'], /'nowhere:x' is not an address: 'x' is not a port/],
    [['chat', '--linger', 'on'], /expected a number of seconds/],
    [['say', 'hi', '--login', ' '], /it cannot be a login/],
    [['say', 'hi', '--config', 'absent.yaml'], /absent\.yaml: no such file/],
    [['say', ''], /there is nothing to say/],
    [['say', ' ', '\t'], /there is nothing to say/],
    [['say', '-two'], /missing required argument 'text'\n\(what begins with '-' and is no option goes after '--'/],
    [['say', '-5 degrees'], /unknown option '-5 degrees'\n\(what begins with '-' and is no option goes after '--'/],
    [['send', '-x-.txt'], /unknown option '-x-\.txt'\n\(what begins with '-' and is no option goes after '--'/],
    [['pipe', '-x-'], /unknown option '-x-'\n\(what begins with '-' and is no option goes after '--'/],
  ])('takes %j for a mistake that it explains, with 2', async (args, why) => {
    const ended = await runShared(args);
    expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(why) });
    expect(ended.stderr).toMatch(/^chatosbot: /);
    expect(ended.stderr).not.toMatch(/^ +at /m);
  });

  test.each([[['say', 'hi', '--serve']], [['pipe', '--from', 'alice']]])(
    'reports the mistake of %j to a program with its code',
    async (args) => {
      const { status, stderr } = await runShared([...args, '--json']);
      expect({ status, error: JSON.parse(stderr) as object }).toMatchObject({
        status: 2,
        error: { type: 'error', code: 'INVALID_ARGUMENT' },
      });
    },
  );

  test('shows its help if there is no command, with 2', async () => {
    expect(await run([])).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(/^Usage: chatosbot /) });
  });
});

describe('who one is', () => {
  test('is the name of the system, with -2, -3 … where that is taken', async () => {
    const logins: string[] = [];
    for (let number = 1; number <= 3; number += 1) {
      const command = start(['pipe', '--listen', '--server', at]);
      logins.push((await command.line(/^logged in as (\S+) on /))[1]!);
    }
    const [first] = logins;
    expect(logins).toEqual([first, `${first}-2`, `${first}-3`]);
  });

  test.each([
    ['a flag', ['--login', 'alice'], {}],
    ['the environment', [], { CHATOSBOT_LOGIN: 'alice' }],
  ])('is never changed where %s names it', async (_, flags, env) => {
    await peer(port, 'alice');
    for (const args of [['say', 'hi'], ['chat'], ['pipe', 'bob']]) {
      const ended = await runShared([...args, ...flags, '--server', at], { env });
      expect(ended).toMatchObject({
        status: 77,
        stdout: '',
        stderr: `chatosbot: tcp://${at} refused the login 'alice': it is taken, looks like one in use, cannot be granted now by a cluster, or is not allowed\n`,
      });
    }
  });

  test('is what the flag says before what the environment says', async () => {
    const alice = await peer(port, 'alice');
    await runShared(['say', 'hi', '--login', 'flagged', '--server', at], { env: { CHATOSBOT_LOGIN: 'environed' } });
    expect(await alice.next(3)).toMatchObject({ login: 'flagged' });
  });

  test("is not the configuration's login, which is the bots'", async () => {
    const alice = await peer(port, 'alice');
    const config = labFile('bots.yaml', `server: ${at}\nlogin: robot\n`);
    expect(await runShared(['say', 'hi', '--config', config])).toMatchObject({ status: 0 });
    expect((await alice.next(3)).login).not.toBe('robot');
  });
});

describe('where the server is', () => {
  const NOWHERE = '127.0.0.1:1';

  test('is what the flag says, before the environment, before the configuration', async () => {
    const alice = await peer(port, 'alice');
    const right = labFile('right.yaml', `server: ${at}\n`);
    const wrong = labFile('wrong.yaml', `server: ${NOWHERE}\n`);
    expect(await runShared(['say', '1', '--config', right])).toMatchObject({ status: 0 });
    expect(await runShared(['say', '2', '--config', wrong], { env: { CHATOSBOT_SERVER: at } })).toMatchObject({
      status: 0,
    });
    const env = { CHATOSBOT_SERVER: NOWHERE, CHATOSBOT_CONFIG: wrong };
    expect(await runShared(['say', '3', '--server', at], { env })).toMatchObject({ status: 0 });
    for (const msg of ['1', '2', '3']) expect(await alice.next(3)).toMatchObject({ msg });
  });

  test('is, for an embedded server of the configuration, where that listens', async () => {
    const alice = await peer(port, 'alice');
    const config = labFile('embedded.yaml', `server: embedded\nserve: { listen: ["${at}"] }\n`);
    expect(await runShared(['say', 'home', '--config', config])).toMatchObject({ status: 0 });
    expect(await alice.next(3)).toMatchObject({ msg: 'home' });
  });

  test.each([
    [['--embedded', '--listen', '127.0.0.1:0'], { CHATOSBOT_SERVER: NOWHERE }],
    [['--listen', '127.0.0.1:0'], { CHATOSBOT_SERVER: NOWHERE }],
  ])('is, for run with %j, its own, whatever the environment says', async (flags, env) => {
    const bot = labFile('bots/quiet.ts', 'export const onMessage = () => {};');
    const { input } = await start(['run', bot, ...flags], { env }).line(/^quiet: logged in/);
    expect(input).not.toContain(NOWHERE);
  });

  test('is, for run with --server, what that says, whatever the environment says', async () => {
    const bot = labFile('bots/quiet.ts', 'export const onMessage = () => {};');
    const env = { CHATOSBOT_LISTEN: '127.0.0.1:0' };
    const { input } = await start(['run', bot, '--server', at], { env }).line(/^quiet: logged in/);
    expect(input).toBe(`quiet: logged in as quiet on tcp://${at}`);
  });

  test('is told, with its address, where something else than a ChatOS server answers', async () => {
    const other = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { status, stderr } = await runShared(['say', 'hi', '--server', address]);
    expect(status).toBe(75);
    expect(stderr).toMatch(new RegExp(`^chatosbot: .*${address}.*\n$`));
  });

  test('is told where the environment is wrong, by the name of the variable', async () => {
    const ended = await runShared(['say', 'hi'], { env: { CHATOSBOT_SERVER: 'here:there' } });
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining('CHATOSBOT_SERVER') });
  });
});

describe.skipIf(!HAS_TERMINAL)('colour', () => {
  const SGR = /\u001B\[[\d;]*m/;

  test.each([
    ['NO_COLOR', { NO_COLOR: '1' }],
    ['TERM=dumb', { TERM: 'dumb' }],
  ])('is not used on a terminal with %s', async (_, env) => {
    const screen = onTerminal(`chatosbot --help; chatosbot nonsense; chatosbot say hi -s 127.0.0.1:1`, { env });
    const { stdout } = await screen.exit();
    expect(stdout).toContain('connection refused');
    expect(stdout).not.toMatch(SGR);
  });

  test('is not used where nobody sees it', async () => {
    const { stdout } = await run(['--help'], { env: { TERM: 'xterm-256color' } });
    expect(stdout).not.toMatch(SGR);
  });
});
