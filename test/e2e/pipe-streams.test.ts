import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeSecret } from '../../src/transfer/secure/secret.ts';
import { FakeServer } from '../support/fake-server.ts';
import { int, packet, readAll, str } from '../support/rfc-peer.ts';
import { labFile, shell } from './chatosbot.ts';
import { acceptNext, fate, peer } from './peers.ts';
import { runShared, startShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

describe("pipe and the shell's redirections", () => {
  test('ends with 141 and without a word when its reader has had enough, and the peer sees a reset', async () => {
    const bob = await peer(port, 'verbose');
    const piping = shell(`chatosbot pipe -q verbose | head -c 10; echo " \${PIPESTATUS[0]}"`, {
      env: { CHATOSBOT_SERVER: at },
      input: 'open',
    });
    const { half } = await acceptNext(bob, port);
    const end = fate(half);
    const more = setInterval(() => half.write('0123456789'.repeat(1000)), 10);
    expect(await end.finally(() => clearInterval(more))).toBe('reset');
    expect(await piping.exit()).toMatchObject({ status: 0, stdout: '0123456789 141\n', stderr: '' });
  });

  test.skipIf(!existsSync('/dev/full'))(
    'fails in plain words when the disk is full, and the peer sees a reset',
    async () => {
      const bob = await peer(port, 'filler');
      const piping = shell('chatosbot pipe -q filler >/dev/full', { env: { CHATOSBOT_SERVER: at }, input: 'open' });
      const { half } = await acceptNext(bob, port);
      const end = fate(half);
      half.write('too much');
      expect(await end).toBe('reset');
      const { status, stderr } = await piping.exit();
      expect(status).toBe(75);
      expect(stderr).toBe('chatosbot: cannot write standard output: no space left on the device\n');
    },
  );

  test('fails in plain words when its input is a folder, and the peer sees no end in order', async () => {
    const bob = await peer(port, 'folder');
    const met = acceptNext(bob, port).then(
      ({ half }) => fate(half),
      () => 'never asked',
    );
    const piping = shell('chatosbot pipe -q folder < .', { env: { CHATOSBOT_SERVER: at } });
    const { status, stderr } = await piping.exit();
    bob.destroy();
    expect({ status, stderr }).toEqual({
      status: 75,
      stderr: 'chatosbot: cannot read standard input: is a directory\n',
    });
    expect(await met).not.toBe('end');
  });

  test('takes a closed input for an empty one', async () => {
    const bob = await peer(port, 'inputless');
    const piping = shell('chatosbot pipe inputless <&-', { env: { CHATOSBOT_SERVER: at } });
    const { half } = await acceptNext(bob, port);
    half.end('here you are');
    expect(await readAll(half)).toEqual(Buffer.alloc(0));
    expect(await piping.exit()).toMatchObject({ status: 0, stdout: 'here you are' });
  });

  test('does its work where nobody reads what it says', async () => {
    const bob = await peer(port, 'unheard');
    const piping = shell('chatosbot pipe unheard 2>&- < /dev/null', { env: { CHATOSBOT_SERVER: at } });
    const { half } = await acceptNext(bob, port);
    half.end('data');
    expect(await piping.exit()).toMatchObject({ status: 0, stdout: 'data' });
  });

  test('keeps data and words apart, also in a longer pipeline', async () => {
    const script = 'printf "%s\\n" pear apple | chatosbot pipe sorter | cat';
    const listener = shell('chatosbot pipe --listen --login sorter -q < <(printf "ok\\n")', {
      env: { CHATOSBOT_SERVER: at },
    });
    const asker = shell(script, { env: { CHATOSBOT_SERVER: at, CHATOSBOT_LOGIN: 'fruit' } });
    expect(await asker.exit()).toMatchObject({ status: 0, stdout: 'ok\n' });
    expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'pear\napple\n', stderr: '' });
  });
});

describe('what pipe says', () => {
  test('is a line for each step on standard error, and no progress where that is no terminal', async () => {
    const bob = await peer(port, 'quietly');
    const asker = startShared(['pipe', 'quietly', '--server', at, '--login', 'me'], { input: 'x' });
    const { half } = await acceptNext(bob, port);
    half.end('y');
    expect(await asker.exit()).toEqual({
      status: 0,
      signal: null,
      stdout: 'y',
      stderr: `logged in as me on tcp://${at}\nasking quietly for a private connection\nprivate connection with quietly\n`,
    });
  });

  test('is JSON on standard error with --json, the figures included', async () => {
    const bob = await peer(port, 'machine');
    const asker = startShared(['pipe', 'machine', '--server', at, '--login', 'me', '--json'], { input: 'four' });
    const { half } = await acceptNext(bob, port);
    half.end('sevenfold');
    const { status, stdout, stderr } = await asker.exit();
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'sevenfold' });
    const lines = stderr.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { type: 'logged-in', login: 'me', server: `tcp://${at}` },
      { type: 'waiting', peer: 'machine' },
      { type: 'connected', peer: 'machine' },
      { type: 'peer-ended', peer: 'machine', received: 9 },
      { type: 'done', peer: 'machine', sent: 4, received: 9, durationMs: expect.any(Number) },
    ]);
  });

  test('is JSON with --json also where it fails', async () => {
    const { status, stderr } = await runShared(['pipe', 'nobody', '--server', at, '--json', '--wait', '0.1']);
    expect(status).toBe(124);
    const last = stderr.trimEnd().split('\n').at(-1)!;
    expect(() => JSON.parse(last) as unknown).not.toThrow();
  });

  test.each([
    ['a command that fails', '--exec "exit 3"', '< /dev/null > /dev/null', 3, 'the command for NAME failed with 3'],
    ['a signal', '--exec "kill -TERM \\$PPID; cat"', '> /dev/null', 143, 'ended by SIGTERM'],
    ['a reader that has gone', '', '< /dev/null | :', 141, 'nobody reads standard output any more'],
  ])(
    'is JSON with --json in each line, of which an error is the last: %s',
    async (name, args, ends, status, message) => {
      const login = name.replaceAll(' ', '-');
      const secret = labFile('open.secret', makeSecret());
      const json = `chatosbot pipe ${login}-to --server ${at} --json --secret "${secret}" --login ${login} ${args} ${ends}`;
      const listener = startShared(['pipe', '--listen', '--server', at, '--login', `${login}-to`, '--secret', secret], {
        input: 'data',
      });
      await listener.line(/^waiting/);
      const asker = shell(`${json}; exit "\${PIPESTATUS[0]}"`);
      const ended = await asker.exit();
      const events = ended.stderr.trimEnd().split('\n');
      expect(ended.status).toBe(status);
      const types = events.map((line) => (JSON.parse(line) as { type: string }).type);
      expect(types.filter((type) => ['warning', 'error', 'done'].includes(type))).toEqual(['warning', 'error']);
      expect(JSON.parse(events.at(-1)!)).toEqual({ type: 'error', message: message.replace('NAME', `${login}-to`) });
    },
  );

  test('is nothing with -q, but for errors', async () => {
    const bob = await peer(port, 'hush');
    const asker = startShared(['pipe', 'hush', '--server', at, '-q'], { input: '' });
    const { half } = await acceptNext(bob, port);
    half.end('data');
    expect(await asker.exit()).toMatchObject({ status: 0, stdout: 'data', stderr: '' });
    expect(await runShared(['pipe', 'nobody', '--server', at, '--quiet', '--wait', '0.1'])).toMatchObject({
      status: 124,
      stderr: expect.stringMatching(/^chatosbot: no answer from nobody within 0\.1 s: .+\n$/),
    });
  });

  test('shows what a peer calls itself without obeying it', async () => {
    // Ours refuses such logins; others may not.
    const server = await FakeServer.listen();
    const listener = startShared(['pipe', '--listen', '--server', `127.0.0.1:${server.port}`, '--login', 'wary'], {
      input: '',
    });
    const session = await server.login();
    await listener.line(/^waiting/);
    const pair = [str('x\u{FEFF}\u{E0041}y'), str('wary')];
    session.send(packet(5, ...pair));
    const { sender, target, msg } = await session.next(4);
    session.send(packet(4, str(sender), str(target), str(msg)));
    await session.next(6);
    session.send(packet(8, ...pair, int(1)));
    const half = await server.connection();
    await half.next(9);
    half.send(packet(10));
    const { input } = await listener.line(/^private connection with/);
    half.reset();
    expect(input).toBe('private connection with x\\u{feff}\\u{e0041}y');
  });
});
