import { existsSync, readdirSync } from 'node:fs';
import { beforeAll, expect, test, vi } from 'vitest';
import { openHalf, readAll, RfcPeer } from '../support/rfc-peer.ts';
import { connect, ending, openChannel } from '../client/real-server.ts';
import { LAB } from './chatosbot.ts';
import { fate, peer } from './peers.ts';
import { isRunning, startTwo } from './worker-processes.ts';

type Server = Awaited<ReturnType<typeof startTwo>>;

/** For tests that kill its workers, and wait until others have started. */
let lasting: Server;
beforeAll(async () => {
  lasting = await startTwo(['--listen', 'tls://127.0.0.1:0', '--state', `${LAB}/state`]);
});

let starts = 0;

/** A server of two workers, one client with each, and which worker a client is with is found out by its death. */
async function start(server?: Server) {
  const here = server ?? (await startTwo());
  starts += 1;
  const [alice, bob] = [await peer(here.port, `alice-${starts}`), await peer(here.port, `bob-${starts}`)];
  return { ...here, alice, bob };
}

/** Resolves when so many workers have started in place of others. */
async function started(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await lasting.command.line(/info +a worker has started/);
}

/** Kills a worker; returns who was with it, and who was not. */
async function killOne({ alice, bob, workers }: Awaited<ReturnType<typeof start>>) {
  const [pid] = workers();
  process.kill(pid!, 'SIGKILL');
  const lost = await Promise.race([alice.ended.then(() => alice), bob.ended.then(() => bob)]);
  return { pid, lost, left: lost === alice ? bob : alice };
}

/** The halves of a channel between two sessions. */
async function openHalves(port: number, requester: RfcPeer, target: RfcPeer) {
  requester.request(target.name);
  await target.next(5);
  target.ok(requester.name);
  const { connectId } = await requester.next(8);
  return Promise.all([openHalf(port, connectId), openHalf(port, connectId)]);
}

test('a worker that is killed frees its logins at once, is started again, and nobody else notices', async () => {
  const server = await start(lasting);
  const { command, port, workers } = server;
  for (let round = 0; round < 3; round++) {
    const { lost, left } = await killOne(server);
    // At once: the first attempt succeeds, though another worker is asked.
    const again = await peer(port, lost.name);
    left.tell(again.name, 'are you there?');
    expect(await again.next(4)).toMatchObject({ msg: 'are you there?' });
    again.tell(left.name, 'yes');
    expect(await left.next(4)).toMatchObject({ msg: 'yes' });
    await command.line(/error +a worker has ended: it is started again .*sessions=1 why=SIGKILL/);
    await command.line(/info +a worker has started/);
    expect(workers()).toHaveLength(2);
    again.end();
    await again.ended;
    // Two clients, one with each worker: connections go to them by turns.
    const [one, two] = [await peer(port, `one-${round}`), await peer(port, `two-${round}`)];
    one.say('to all');
    for (const each of [one, two, left]) expect(await each.next(3)).toMatchObject({ login: one.name, msg: 'to all' });
    two.tell(one.name, 'to one');
    expect(await one.next(4)).toMatchObject({ msg: 'to one' });
    left.end();
    await left.ended;
    for (const each of [one, two]) {
      each.end();
      await each.ended;
    }
    server.alice = await peer(port, server.alice.name);
    server.bob = await peer(port, server.bob.name);
  }
});

test('a worker that is stopped is killed in time, and what is said meanwhile arrives', async () => {
  const { command, alice, bob, workers } = await start(lasting);
  const [pid] = workers();
  process.kill(pid!, 'SIGSTOP');
  const [, why] = await command.line(/a worker has ended: it is started again .*why="([^"]+)"/);
  expect(why).toBe('it did not answer for 10 s');
  const lost = await Promise.race([alice.ended.then(() => alice), bob.ended.then(() => bob)]);
  const left = lost === alice ? bob : alice;
  left.say('still here');
  expect(await left.next(3)).toMatchObject({ msg: 'still here' });
  await started(1);
});

test.each(['tcp', 'tls'])(
  '[P14] where a worker is killed, its end is not the end of a channel over %s for a user of the library',
  async (carrier) => {
    const { command, port, workers } = lasting;
    const at = carrier === 'tcp' ? `127.0.0.1:${port}` : (await command.line(/listening on (tls:\/\/\S+)/))[1]!;
    const [alice, bob] = [await connect(at, `ann-${carrier}`), await connect(at, `ben-${carrier}`)];
    const channels = [...(await openChannel(alice, bob)), ...(await openChannel(bob, alice))];
    const ends = channels.map((channel) => ending(channel.on('error', () => undefined)));
    for (const pid of workers()) process.kill(pid, 'SIGKILL');
    expect(await Promise.all(ends)).toEqual(channels.map(() => 'CHANNEL_ABORTED'));
    await started(2);
  },
);

test('[P10] who has asked a client of a worker that is killed gets KO', async () => {
  const server = await start(lasting);
  const { alice, bob } = server;
  alice.request(bob.name);
  bob.request(alice.name);
  await Promise.all([alice.next(5), bob.next(5)]);
  const { lost, left } = await killOne(server);
  expect(await left.next(7)).toEqual({ op: 7, requester: left.name, target: lost.name });
});

test('where the primary is killed, no process is left, nor a folder, and channels are reset', async () => {
  const folders = (): string[] => readdirSync(LAB).filter((name) => /^chatosbot-\w{6}$/.test(name));
  const before = new Set(folders());
  const { command, port, workers, alice, bob } = await start();
  const own = folders().filter((name) => !before.has(name));
  const halves = await openHalves(port, alice, bob);
  const pids = workers();
  const ends = halves.map(fate);
  process.kill(command.pid, 'SIGKILL');
  expect(await Promise.all(ends)).toEqual(['reset', 'reset']);
  await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), { timeout: 10_000 });
  expect(own).toHaveLength(1);
  expect(own.filter((name) => existsSync(`${LAB}/${name}`))).toEqual([]);
});

test('SIGTERM lets a private connection across workers finish, then ends all processes', async () => {
  const { command, port, workers, alice, bob } = await start();
  const [left, right] = await openHalves(port, alice, bob);
  const idle = await peer(port, 'idle');
  const pids = workers();
  command.kill('SIGTERM');
  await command.line(/^stopping on SIGTERM, waiting up to 10 s for 1 private connection/);
  await idle.ended;
  const late = RfcPeer.connect(port).then((made) => made.login('latecomer'));
  expect(await late.catch(() => false)).toBe(false);
  left.end('the last words');
  right.end('goodbye');
  expect(String(await readAll(right))).toBe('the last words');
  expect(String(await readAll(left))).toBe('goodbye');
  expect(await command.exit()).toMatchObject({ status: 0, stderr: expect.stringMatching(/stopped\n$/) as string });
  expect(pids.filter(isRunning)).toEqual([]);
});

test('a second signal ends all at once, and breaks what is open', async () => {
  const { command, port, workers, alice, bob } = await start();
  const halves = await openHalves(port, alice, bob);
  const pids = workers();
  for (const each of [alice, bob]) each.end();
  await Promise.all([alice.ended, bob.ended]);
  command.kill('SIGTERM');
  await command.line(/^stopping on SIGTERM/);
  await command.line(/draining sessions=0 channels=1 /);
  const ends = halves.map(fate);
  command.kill('SIGINT');
  expect(await command.exit()).toMatchObject({ status: 130 });
  expect(await Promise.all(ends)).toEqual(['reset', 'reset']);
  await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), { timeout: 10_000 });
});
