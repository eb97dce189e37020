import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { runShared } from './shared-process.ts';
import {
  answerOf,
  asProcesses,
  dial,
  echo,
  readToEnd,
  resetOf,
  resetWhenDialled,
  startForwarding,
  startListening,
  startPair,
  startTarget,
} from './forwarding.ts';
import { sharedServer } from './shared-server.ts';

let at: string;

beforeAll(async () => {
  ({ at } = await sharedServer());
});

const MIB = 2 ** 20;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('forward -L carries connections to the target, both ways, each with its own end', async () => {
  const target = await startTarget(echo);
  const { ports } = await startPair(at, [target.port]);
  for (let round = 0; round < 3; round++) {
    const socket = await dial(ports[0]!);
    const bytes = randomBytes(MIB);
    socket.end(bytes);
    expect(sha256(await readToEnd(socket))).toBe(sha256(bytes));
  }
});

test('forward carries a hundred connections at once, and no byte of one comes out of another', async () => {
  const target = await startTarget(echo);
  const { vault, asker, ports } = await asProcesses.startPair(at, [target.port]);
  const sockets = await Promise.all(Array.from({ length: 100 }, () => dial(ports[0]!)));
  await Promise.all(
    sockets.map(async (socket) => {
      const bytes = randomBytes(128 * 1024);
      socket.end(bytes);
      expect(sha256(await readToEnd(socket))).toBe(sha256(bytes));
    }),
  );
  // As Node does that sees more listeners than it expects.
  expect(vault.stderr + asker.stderr).not.toContain('Warning');
});

test('the end of one direction comes through, and the other goes on: whichever side ends first', async () => {
  const accepted: Socket[] = [];
  const target = await startTarget((socket) => accepted.push(socket));
  const { ports } = await startPair(at, [target.port]);
  const here = await dial(ports[0]!);
  here.end('question');
  await expect.poll(() => accepted.length).toBe(1);
  const [there] = accepted;
  expect(String(await readToEnd(there!))).toBe('question');
  there!.end('answer');
  expect(String(await readToEnd(here))).toBe('answer');

  const other = await dial(ports[0]!);
  await expect.poll(() => accepted.length).toBe(2);
  accepted[1]!.end('greeting');
  expect(String(await readToEnd(other))).toBe('greeting');
  other.end('thanks');
  expect(String(await readToEnd(accepted[1]!))).toBe('thanks');
});

test.each(['open', 'half-closed'])(
  'a reset comes through as a reset, both ways, of a connection that is %s',
  async (state) => {
    const accepted: Socket[] = [];
    const target = await startTarget((socket) => accepted.push(socket));
    const { ports } = await startPair(at, [target.port]);
    for (const from of ['here', 'there']) {
      const here = await dial(ports[0]!);
      await expect.poll(() => accepted.length).toBe(1);
      const there = accepted.pop()!;
      const [breaks, sees] = from === 'here' ? [here, there] : [there, here];
      if (state === 'half-closed') {
        sees.end('all');
        await readToEnd(breaks);
      } else {
        sees.write('x');
        await once(breaks, 'data');
      }
      const reset = resetOf(sees);
      breaks.resetAndDestroy();
      await reset;
    }
  },
);

test('resets by the hundred, more than may be open at once, cost nobody the tunnel', async () => {
  const target = await startTarget(echo);
  const { ports } = await startPair(at, [target.port]);
  const steady = await dial(ports[0]!);
  for (let round = 0; round < 6; round++) {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => dial(ports[0]!)));
    await Promise.all(
      sockets.map(async (socket) => {
        socket.write('x');
        await once(socket, 'data');
        socket.resetAndDestroy();
      }),
    );
  }
  steady.end('still there');
  expect(String(await readToEnd(steady))).toBe('still there');
});

test('one connection that is not read holds up no other', async () => {
  const target = await startTarget((socket) => {
    socket.once('data', (first: Buffer) => {
      socket.pause();
      // What follows may have come with it.
      if (first.toString('latin1', 0, 4) === 'echo') {
        socket.write(first.subarray(4));
        socket.pipe(socket);
      }
    });
  });
  const { ports } = await startPair(at, [target.port]);
  const frozen = await dial(ports[0]!);
  frozen.write('freeze');
  let taken = 0;
  const fill = (): void => void frozen.write(Buffer.alloc(MIB), (error) => !error && ++taken < 64 && fill());
  fill();
  for (let round = 0; round < 2; round++) {
    const socket = await dial(ports[0]!);
    const reading = readToEnd(socket);
    const bytes = randomBytes(2 * MIB);
    socket.write('echo');
    socket.end(bytes);
    expect((await reading).length).toBe(bytes.length);
  }
  expect(taken).toBeLessThan(64);
});

test('a target that refuses is an immediate reset, and a line that says why', async () => {
  const target = await startTarget(echo);
  const { asker, ports } = await startPair(at, [target.port]);
  target.server.close();
  await expect(resetWhenDialled(ports[0]!)).resolves.toBeUndefined();
  await asker.line(
    new RegExp(`^no connection for 127\\.0\\.0\\.1:\\d+: 127\\.0\\.0\\.1:${target.port}: connection refused`),
  );
});

test('forward with no target that is permitted ends with 77, and both sides say what is missing', async () => {
  const { command, login } = await startListening(at, ['--permit', '127.0.0.1:1']);
  const ended = await runShared(['forward', '--server', at, '--login', 'eve', '-L', '0:127.0.0.1:2', login]);
  expect(ended.status).toBe(77);
  expect(ended.stderr).toContain(`${login} does not permit 127.0.0.1:2: its --permit must name it`);
  await command.line(/^refused eve: 127\.0\.0\.1:2: no permit names it$/);
});

test('forward warns of a target that is not permitted, and forwards to the others', async () => {
  const target = await startTarget(echo);
  const { command, login } = await startListening(at, ['--permit', `127.0.0.1:${target.port}`]);
  const forwards = ['-L', '0:127.0.0.1:2', '-L', `0:127.0.0.1:${target.port}`];
  const { command: asker, ports } = await startForwarding(at, login, forwards);
  await asker.line(/^\S+ does not permit 127\.0\.0\.1:2: its --permit must name it; until then/);
  expect(await answerOf(ports[1]!, 'goes on')).toBe('goes on');
  await expect(resetWhenDialled(ports[0]!)).resolves.toBeUndefined();
  await asker.line(/^no connection for .*: 127\.0\.0\.1:2: the other side does not permit it$/);
  await command.line(/^refused asker-\d+: 127\.0\.0\.1:2: no permit names it$/);
});

test('forward ends with 69 where its port is taken, before anybody is asked', async () => {
  const target = await startTarget(echo);
  const ended = await runShared(['forward', '--server', at, '--login', 'late', '-L', `${target.port}:a:1`, 'nobody']);
  expect(ended.status).toBe(69);
  expect(ended.stderr).toContain(`cannot listen on 127.0.0.1:${target.port}: the port is in use`);
  expect(ended.stderr).not.toContain('asking');
});

test('forward ends with 124 where the peer does not answer in time', async () => {
  const ended = await runShared(['forward', '--server', at, '--login', 'lone', '-w', '0.3', '-L', '0:a:1', 'nobody']);
  expect(ended.status).toBe(124);
  expect(ended.stderr).toMatch(/no answer from nobody within 0\.\d{1,3} s: /);
  expect(ended.stderr).toContain("there is no 'forward --listen' with the login nobody");
});

test('forward --from refuses other logins, with 77', async () => {
  const { command, login } = await startListening(at, ['--permit', '127.0.0.1:1', '--from', 'ops-*']);
  const ended = await runShared(['forward', '--server', at, '--login', 'mallory', '-L', '0:127.0.0.1:1', login]);
  expect(ended.status).toBe(77);
  await command.line(/^refused mallory: --from does not allow this login/);
});

test('Ctrl-C ends both sides with 130, and resets what is open', async () => {
  const target = await startTarget(echo);
  const { vault, login, asker, ports } = await asProcesses.startPair(at, [target.port]);
  const socket = await dial(ports[0]!);
  socket.write('x');
  await once(socket, 'data');
  asker.kill('SIGINT');
  await resetOf(socket);
  expect((await asker.exit()).status).toBe(130);
  await vault.line(/is over|broke/);
  const again = await startForwarding(at, login, ['-L', `0:127.0.0.1:${target.port}`]);
  const other = await dial(again.ports[0]!);
  other.write('x');
  await once(other, 'data');
  vault.kill('SIGINT');
  await resetOf(other);
  expect((await vault.exit()).status).toBe(130);
});

test.each([
  [[], 'name a peer'],
  [['bob'], 'say what to forward'],
  [['bob', '-L', '80'], 'expected [host:]port:target:port'],
  [['bob', '-L', '80:bob:99999'], 'expected a port'],
  [['bob', '-L', '80:127.1:80'], 'an IPv4 address has four numbers'],
  [['bob', '--permit', 'a:1'], 'need --listen'],
  [['--listen'], 'nothing is permitted'],
  [['--listen', '--permit', 'a'], 'expected host:port'],
  [['--listen', '--permit', 'a:b'], 'expected a port'],
  [['--listen', '--permit', '/a/*'], 'a path has no wildcards'],
  [['--listen', '--permit', 'a:1', '-L', '1:b:2'], 'need a peer'],
])('forward %j is a mistake that it explains, with 2', async (args, why) => {
  const ended = await runShared(['forward', ...args, '--server', at]);
  expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(why) });
});
