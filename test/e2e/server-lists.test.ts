import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ownAddress } from '../support/own-port.ts';
import { failure, labFile, run, start, startServer } from './chatosbot.ts';
import { peer } from './peers.ts';
import { serverHere } from './server-here.ts';
import { runShared } from './shared-process.ts';

/** Two servers, of which the first can be killed, and both addresses as a list. */
async function twoServers() {
  const [one, two] = [await startServer(), await serverHere()];
  return { one, two, list: `${one.at},${two.at}` };
}

describe('a list of addresses', () => {
  test('is tried in turn, wherever it is named; what is said is said at the one that is there', async () => {
    const { at, port } = await serverHere();
    const closed = await ownAddress();
    const list = `${closed},tcp://${at}`;
    const file = labFile('lists/text.yaml', `server: ${list}\n`);
    const yaml = labFile('lists/list.yaml', `server:\n  - ${closed}\n  - ${at}\n`);
    const alice = await peer(port, 'alice');
    const ways = [
      [['--server', list], {}],
      [[], { CHATOSBOT_SERVER: list }],
      [['--config', file], {}],
      [['--config', yaml], {}],
    ] as const;
    for (const [index, [args, env]] of ways.entries()) {
      const text = `by way ${index}`;
      expect(await runShared(['say', text, '--to', 'alice', ...args], { env })).toMatchObject({
        status: 0,
        stderr: '',
      });
      expect(await alice.next(4)).toMatchObject({ msg: text });
    }
    const chat = await runShared(['chat', '--server', list, '--login', 'ann'], { input: '' });
    expect(chat.stderr).toBe(`* logged in as ann on tcp://${at}\n`);
  });

  test('is named with why each is of no use, and the command exits with 69', async () => {
    const [one, other] = [await ownAddress(), await ownAddress()];
    expect(await failure(runShared(['say', 'hello', '--server', `${one},${other}`]))).toEqual({
      status: 69,
      last: `chatosbot: cannot connect to any address: tcp://${one} (connection refused), tcp://${other} (connection refused)`,
    });
  });

  test('goes on behind a server that is full', async () => {
    const full = await serverHere({ maxConnectionsPerAddress: 1 });
    await peer(full.port, 'first');
    const { at } = await serverHere();
    const said = await runShared(['chat', '--server', `${full.at},${at}`, '--login', 'ann'], { input: '' });
    expect(said.stderr).toBe(`* logged in as ann on tcp://${at}\n`);
  });

  test('[P7] ends where one refuses the login, with 77', async () => {
    const [one, two] = [await serverHere(), await serverHere()];
    await peer(one.port, 'taken');
    const list = `${one.at},${two.at}`;
    const { status, last } = await failure(runShared(['say', 'hello', '--server', list, '--login', 'taken']));
    expect(status).toBe(77);
    expect(last).toContain(`tcp://${one.at} refused the login 'taken'`);
  });

  test.each([
    ['127.0.0.1:1,', "'127.0.0.1:1,' has nothing between two commas, or before or behind one: leave that comma out"],
    ['a,,b', "'a,,b' has nothing between two commas"],
    ['a,tcp://a:7777', "'a,tcp://a:7777' has tcp://a:7777 twice"],
    ['embedded,a', "'embedded,a' has 'embedded', which cannot be one of several"],
  ])('that is %s is an error: 2', async (list, why) => {
    const said = await runShared(['say', 'hello', '--server', list]);
    expect(said.status).toBe(2);
    expect(said.stderr).toContain(why);
    const config = labFile('lists/invalid.yaml', `login: a\nserver: '${list}'\n`);
    const checked = await failure(runShared(['check', '--config', config]));
    expect(checked).toMatchObject({ status: 2, last: expect.stringMatching(/invalid\.yaml:2:9: server: /) as string });
    expect(checked.last).toContain(why);
  });

  test('of both kinds is warned of, but for loopback', async () => {
    const bot = labFile('lists/quiet.mjs', 'export const onStart = () => {};');
    const doubt = 'tcp://chat.example.org:7777 stands beside tls:// addresses: anyone who can cut those off gets';
    for (const [server, count] of [
      ['[tls://a.example.org, chat.example.org]', 1],
      ['[tls://a.example.org, 127.0.0.1, tcp://localhost]', 0],
    ] as const) {
      const config = labFile('lists/both.yaml', `server: ${server}\nbots: [${bot}]\n`);
      const { status, stderr } = await runShared(['check', '--config', config]);
      expect([status, stderr.split(`warning: ${doubt}`).length - 1]).toEqual([0, count]);
    }
    const closed = (await ownAddress()).replace('127.0.0.1', '0.0.0.0');
    const said = await runShared(['say', 'hello', '--server', `tls://${await ownAddress()},${closed}`]);
    expect(said).toMatchObject({ status: 69, stderr: expect.stringMatching(/^warning: tcp:\/\/0\.0\.0\.0/) as string });
  });
});

describe('a bot with several addresses', () => {
  const ECHO = 'export const onMessage = (message) => message.reply(`you said ${message.text}`);';

  test.each([
    ['is killed', 'SIGKILL', []],
    ['is killed, in a worker thread', 'SIGKILL', ['--isolate']],
    ['stops', 'SIGTERM', []],
  ] as const)('comes back at the other one when its server %s', async (_, signal, args) => {
    const { one, two, list } = await twoServers();
    const status = ['--status', '127.0.0.1:0', '--drain', '0'];
    const bot = start(['run', labFile('lists/echo.mjs', ECHO), '--server', list, ...args, ...status]);
    const [, url] = await bot.line(/^status on (http:.*)$/);
    await bot.line(new RegExp(`^echo: logged in as echo on tcp://${one.at}$`));
    one.command.kill(signal);
    await bot.line(new RegExp(`^echo: logged in as echo on tcp://${two.at}$`));
    const alice = await peer(two.port, 'alice');
    alice.tell('echo', 'hello');
    expect(await alice.next(4)).toMatchObject({ sender: 'echo', msg: 'you said hello' });
    const shown = await runShared(['status', url!.replace('http://', ''), '--json']);
    expect(JSON.parse(shown.stdout)).toMatchObject({ accounts: [{ login: 'echo', server: `tcp://${two.at}` }] });
    bot.kill('SIGTERM');
    expect(await bot.exit()).toMatchObject({ status: 0 });
  });

  test('shares its session with one that has the same list, and a recording of both is replayed', async () => {
    const { one, two, list } = await twoServers();
    labFile('lists/echo.mjs', ECHO);
    const config = labFile(
      'lists/recorded.yaml',
      `server: [${list}]\nlogin: echo\nbots: [./echo.mjs, { path: ./other.mjs, server: '${list}' }]\n`,
    );
    labFile('lists/other.mjs', 'export const onStart = () => {};');
    const recording = `${config}.ndjson`;
    const bot = start(['run', '--config', config, '--record', recording]);
    await bot.line(new RegExp(`^echo, other: logged in as echo on tcp://${one.at}$`));
    one.command.kill('SIGKILL');
    await bot.line(new RegExp(`^echo, other: logged in as echo on tcp://${two.at}$`));
    const alice = await peer(two.port, 'alice');
    alice.tell('echo', 'hello');
    await alice.next(4);
    bot.kill('SIGTERM');
    await bot.exit();
    const replayed = await run(['replay', recording, '--config', config, '--server', list]);
    expect(replayed).toMatchObject({ status: 0, stderr: 'replayed 1 message: no differences\n' });
  });
});

test('a private connection goes over the server that both have come to', async () => {
  const { one, two, list } = await twoServers();
  const listener = start(['pipe', '--listen', '--server', list, '--login', 'ear']);
  await listener.line(/^waiting/);
  one.command.kill('SIGKILL');
  await listener.line(new RegExp(`^logged in again as ear on tcp://${two.at}$`));
  expect(await run(['pipe', 'ear', '--server', list], { input: 'over there' })).toMatchObject({ status: 0 });
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'over there' });
});

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'a pipe goes on at the other server where %s ends the first',
  async (signal) => {
    const { one, two, list } = await twoServers();
    const listener = start(['pipe', '--listen', '--reconnect', '--server', list, '--login', 'ear']);
    await listener.line(/^waiting/);
    const sender = start(['pipe', 'ear', '--reconnect', '--server', list], { input: 'open' });
    sender.type('before ');
    await listener.shows('before ');
    one.command.kill(signal);
    // Private connections have 10 seconds to finish; a second signal breaks them.
    if (signal === 'SIGTERM') {
      await one.command.line(/^stopping/);
      one.command.kill(signal);
    }
    for (const command of [listener, sender])
      await command.line(new RegExp(`^logged in again as .* on tcp://${two.at}$`));
    sender.type('after');
    sender.stdin.end();
    expect(await sender.exit()).toMatchObject({ status: 0 });
    expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'before after' });
  },
);

test('what waits to be said is said at the other server', async () => {
  const { one, two, list } = await twoServers();
  const [here, there] = [await peer(one.port, 'bob'), await peer(two.port, 'bob')];
  const command = start(['say', '-', '--server', list, '--login', 'ann'], { input: 'open' });
  command.type('first\n');
  expect(await here.next(3)).toMatchObject({ msg: 'first' });
  one.command.kill('SIGKILL');
  await one.command.exit();
  command.type('second\n');
  await command.line(new RegExp(`^logged in again as ann on tcp://${two.at}$`));
  // The first one is said again where the server had not confirmed it.
  const said = [(await there.next(3)).msg];
  if (said[0] === 'first') said.push((await there.next(3)).msg);
  expect(said.at(-1)).toBe('second');
  command.stdin.end();
  expect(await command.exit()).toMatchObject({ status: 0 });
});

test('a server that takes the connection and says nothing is left after 10 s', async () => {
  const sockets: net.Socket[] = [];
  const silent = net.createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  onTestFinished(() => {
    silent.close();
    for (const socket of sockets) socket.destroy();
  });
  const { at } = await serverHere();
  const { port } = silent.address() as net.AddressInfo;
  const chat = start(['chat', '--server', `127.0.0.1:${port},${at}`, '--login', 'ann'], { input: 'open' });
  const startedAt = performance.now();
  await chat.line(new RegExp(`logged in as ann on tcp://${at}$`));
  expect(performance.now() - startedAt).toBeGreaterThan(9_000);
});
