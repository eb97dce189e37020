import { createServer } from 'node:net';
import { readFileSync, realpathSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openHalf, readAll } from '../support/rfc-peer.ts';
import { labFile, start, startServer, WORK } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { peer } from './peers.ts';

const LISTENING = /^listening on tcp:\/\/127\.0\.0\.1:(\d+)(\?longBytes=8)?$/;

describe('serve', () => {
  test('says where it listens, with the port that it got, and is ready then', async () => {
    const { command, port } = await startServer();
    expect(port).toBeGreaterThan(0);
    const alice = await peer(port, 'alice');
    alice.say('anybody here?');
    expect(await alice.next(3)).toEqual({ op: 3, login: 'alice', msg: 'anybody here?' });
    expect(command.stdout.toString()).toBe('');
  });

  test('lets clients that write 4 and 8 bytes talk and join, over two addresses', async () => {
    const command = start(['serve', '--listen', '127.0.0.1:0', '--listen', '127.0.0.1:0?longBytes=8']);
    const [, four] = await command.line(LISTENING);
    const [, eight, wide] = await command.line(LISTENING);
    expect(wide).toBe('?longBytes=8');
    const narrow = await peer(Number(four), 'narrow');
    const broad = await peer(Number(eight), 'broad', { longBytes: 8 });
    broad.say('hello');
    expect(await narrow.next(3)).toMatchObject({ login: 'broad', msg: 'hello' });
    narrow.request('broad');
    await broad.next(5);
    broad.ok('narrow');
    const ids = await Promise.all([narrow.next(8), broad.next(8)]);
    expect(ids[0].connectId).toBe(ids[1].connectId);
    const halves = await Promise.all([
      openHalf(Number(four), ids[0].connectId),
      openHalf(Number(eight), ids[1].connectId, { longBytes: 8 }),
    ]);
    for (const half of halves) half.end('across');
    expect((await Promise.all(halves.map((half) => readAll(half)))).map(String)).toEqual(['across', 'across']);
  });

  test.skipIf(
    !Object.values(networkInterfaces())
      .flat()
      .some((at) => at?.address === '::1'),
  )('listens on IPv6', async () => {
    const command = start(['serve', '--listen', '[::1]:0']);
    const [, port] = await command.line(/^listening on tcp:\/\/\[::1\]:(\d+)$/);
    expect(await peer(Number(port), 'six', { host: '::1' })).toMatchObject({ name: 'six' });
  });

  test('listens where the environment says, and rather where a flag says', async () => {
    const env = { CHATOSBOT_LISTEN: '127.0.0.1:0?longBytes=8' };
    const told = start(['serve'], { env });
    expect((await told.line(LISTENING))[2]).toBe('?longBytes=8');
    const flagged = start(['serve', '--listen', '127.0.0.1:0'], { env });
    expect((await flagged.line(LISTENING))[2]).toBeUndefined();
    flagged.kill('SIGTERM');
    const { stderr } = await flagged.exit();
    expect(stderr.match(/listening/g)).toHaveLength(1);
  });

  test('listens where the configuration says, with the limits that it sets', async () => {
    const config = labFile('limits.yaml', 'serve:\n  listen: ["127.0.0.1:0"]\n  limits: { maxForbiddenPackets: 1 }\n');
    const command = start(['serve', '--config', config]);
    const [, port] = await command.line(LISTENING);
    const rude = await peer(Number(port), 'rude');
    rude.ok('somebody who never asked');
    expect(await rude.ended).toMatch(/end|error/);
    await command.line(/warn .*too many forbidden packets.*login=rude/);
  });

  test('finds the configuration above the folder that it is started in, and says what of it holds', async () => {
    labFile('project/package.json', '{}');
    const file = labFile('project/chatosbot.config.yaml', 'status: 0\nserve:\n  listen: ["127.0.0.1:0"]\n');
    const inner = labFile('project/deep/down/note.txt', '').replace(/\/note\.txt$/, '');
    const command = start(['serve'], { cwd: inner });
    const [, found] = await command.line(/ info {2}the configuration is that of a folder above file=(\S+)/);
    expect(found).toBe(realpathSync(file));
    await command.line(/ info {2}'status' is for run: for serve, set serve\.status/);
    expect(await command.line(LISTENING)).toHaveLength(3);
  });
});

describe('serve, where it cannot listen', () => {
  test('tells that the port is in use, and exits with 69', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const ended = await runShared(['serve', '--listen', '127.0.0.1:0', '--listen', `127.0.0.1:${port}`]);
    expect(ended).toMatchObject({ status: 69, stdout: '' });
    expect(ended.stderr).toContain(`chatosbot: cannot listen on tcp://127.0.0.1:${port}: the port is in use`);
    expect(ended.stderr).not.toMatch(/^ +at /m);
  });

  test('tells that the address is not of this machine, and exits with 69', async () => {
    const ended = await runShared(['serve', '--listen', '192.0.2.1:7777']);
    expect(ended).toMatchObject({ status: 69, stdout: '' });
    expect(ended.stderr).toBe('chatosbot: cannot listen on tcp://192.0.2.1:7777: this machine has no such address\n');
  });

  test.skipIf(process.getuid?.() === 0 || firstFreePort() <= 1)(
    'tells that a port needs privileges, and exits with 69',
    async () => {
      const ended = await runShared(['serve', '--listen', '127.0.0.1:1']);
      expect(ended).toMatchObject({ status: 69, stderr: expect.stringContaining('need privileges') });
    },
  );

  test.each([
    ['127.0.0.1:port', "'port' is not a port"],
    ['127.0.0.1:70000', "'70000' is not a port"],
    ['http://127.0.0.1:1', "'http' is not a known transport"],
    ['127.0.0.1:0?longBytes=5', "longBytes is 4 or 8, not '5'"],
    ['127.0.0.1:0?width=8', "'width' is not a known parameter"],
    ['::1:7777', 'an IPv6 address needs brackets'],
    ['', 'it is empty'],
  ])('tells that %j is not an address, and exits with 2', async (address, why) => {
    const ended = await runShared(['serve', '--listen', address]);
    expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(why) });
  });

  test('tells which address of the configuration is wrong, with its place', async () => {
    labFile('work/odd.yaml', 'serve:\n  listen:\n    - 127.0.0.1:0\n    - 127.0.0.1:x\n');
    const ended = await runShared(['serve', '--config', 'odd.yaml'], { cwd: WORK });
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringMatching(/odd\.yaml:4:7: serve\.listen\.1: .*'x'/) });
  });
});

/** The first port that anybody may listen on. */
function firstFreePort(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  } catch {
    return 1024;
  }
}
