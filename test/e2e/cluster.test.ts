import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { keepForFile } from '../support/command.ts';
import { NatsServer, NO_NATS } from '../support/nats-server.ts';
import { openHalf, readAll, RfcPeer } from '../support/rfc-peer.ts';
import { hashOf, pattern } from '../support/server-sockets.ts';
import { failure, run, start } from './chatosbot.ts';
import { LEASE_MS, linked, nodeConfig, startNode, startNodes, type StartedNode } from './cluster-nodes.ts';
import { fate, peer } from './peers.ts';
import { runShared } from './shared-process.ts';

const BYTES = pattern(3_000_000);

/** The halves of a channel, each at a port. */
async function openHalves(requester: RfcPeer, target: RfcPeer, ports: readonly [number, number]) {
  requester.request(target.name);
  await target.next(5);
  target.ok(requester.name);
  const { connectId } = await requester.next(8);
  expect(await target.next(8)).toMatchObject({ connectId });
  return Promise.all(ports.map((port) => openHalf(port, connectId)));
}

/** Logs in as soon as that is granted; returns for how long it was not, in milliseconds. */
async function logInSoon(port: number, login: string): Promise<{ me: RfcPeer; waitedMs: number }> {
  const since = performance.now();
  for (;;) {
    const me = await RfcPeer.connect(port);
    if (await me.login(login).catch(() => false)) return { me, waitedMs: performance.now() - since };
    me.destroy();
    await setTimeout(20);
  }
}

describe.skipIf(NO_NATS)('three nodes of a cluster', () => {
  let nats: NatsServer;
  /** `a`, `b` and `c`: tests restart the second and the third, and kill the second. */
  let nodes: [StartedNode, StartedNode, StartedNode];
  /** A fourth, which one test starts, and the next one stops. */
  let later: StartedNode;
  beforeAll(async () => {
    nats = await NatsServer.start();
    nodes = (await startNodes(nats, 3)) as typeof nodes;
  });
  afterAll(() => nats.remove());

  test('are one server: messages, requests and channels go from any of them to any', async () => {
    const [alice, bob, carl] = (await Promise.all(
      nodes.map(({ port }, i) => peer(port, ['alice', 'bob', 'carl'][i]!)),
    )) as [RfcPeer, RfcPeer, RfcPeer];
    for (const from of [alice, bob, carl]) {
      from.say(`hello of ${from.name}`);
      for (const to of [alice, bob, carl]) expect(await to.next(3)).toMatchObject({ msg: `hello of ${from.name}` });
    }
    carl.tell('alice', 'just you');
    expect(await alice.next(4)).toMatchObject({ sender: 'carl', msg: 'just you' });
    expect(await (await RfcPeer.connect(nodes[2].port)).login('alice')).toBe(false);
    // Its home is at the first node, and both of its halves come to others.
    const [from, to] = await openHalves(alice, bob, [nodes[1].port, nodes[2].port]);
    const got = readAll(to!);
    from!.end(BYTES);
    expect(hashOf(await got)).toEqual(hashOf(BYTES));
    to!.end('and back');
    expect((await readAll(from!)).toString()).toBe('and back');
    const shown = await runShared(['ctl', 'cluster', '--control', nodes[0].control]);
    expect(shown.stdout).toMatch(/^a \(this\) +up/m);
    expect(shown.stdout).toMatch(/^ +1 +c worker 1 +up/m);
    const listed = await runShared(['ctl', 'sessions', '--control', nodes[0].control, '--json']);
    expect(JSON.parse(listed.stdout)).toMatchObject({ login: 'alice', node: 'a' });
    expect(JSON.parse(listed.stdout)).not.toHaveProperty('worker');
  });

  test('bans hold at all nodes, and at those that start later, until they are lifted at any', async () => {
    const [one, two] = nodes;
    const bob = await peer(two.port, 'bob');
    const banned = await runShared(['ctl', 'ban', 'bob', '--reason', 'spam', '--control', one.control]);
    expect(banned).toMatchObject({ status: 0, stdout: expect.stringMatching(/^banned login bob/) });
    await bob.ended;
    await two.command.line(/banned .*bob/);
    later = await startNode(nats, 'd');
    keepForFile(later.command);
    for (const { port } of [one, two, later]) expect(await (await RfcPeer.connect(port)).login('bob')).toBe(false);
    await runShared(['ctl', 'unban', 'bob', '--control', later.control]);
    for (const { command } of [one, two]) await command.line(/unbanned .*bob/);
    await peer(one.port, 'bob');
  });

  test('one that is stopped by SIGTERM leaves, and its logins are free at once', async () => {
    const [one] = nodes;
    await peer(later.port, 'dora');
    later.command.kill('SIGTERM');
    expect(await later.command.exit()).toMatchObject({ status: 0 });
    await peer(one.port, 'dora');
    await one.command.line(/info +a node has gone from the cluster node=d why="it has left"/);
    await vi.waitFor(async () => expect(await one.get('/metrics')).toMatch(/^chatosbot_cluster_nodes 3$/m));
    await linked(nodes, 2);
  });

  test('[P8] while they are restarted one after the other, nobody who stays misses a message, or hears it twice', async () => {
    const last = nodes[2];
    // All but the first node are restarted: their clients are at the first one, and one is at the last until that goes.
    const [anna, ben] = [await peer(nodes[0].port, 'anna'), await peer(nodes[0].port, 'ben')];
    const [from, to] = await openHalves(anna, ben, [nodes[0].port, nodes[0].port]);
    const cleo = await peer(last.port, 'cleo');
    let said = 0;
    const timer = setInterval(() => anna.say(String((said += 1))), 10);
    const restart = async (index: 1 | 2): Promise<void> => {
      const { command, name } = nodes[index];
      command.kill('SIGTERM');
      expect(await command.exit()).toMatchObject({ status: 0 });
      const started = await startNode(nats, name);
      keepForFile(started.command);
      nodes[index] = started;
      await linked(nodes, 2);
    };
    await restart(1);
    const until = said;
    for (let number = 1; number < until; number++) {
      expect(await cleo.next(3)).toMatchObject({ login: 'anna', msg: String(number) });
    }
    await restart(2);
    clearInterval(timer);
    for (let number = 1; number <= said; number++) expect((await ben.next(3)).msg).toBe(String(number));
    from!.end(BYTES);
    expect(hashOf(await readAll(to!))).toEqual(hashOf(BYTES));
    expect(await nodes[0].get('/metrics')).toMatch(/^chatosbot_cluster_gaps_total 0$/m);
  });

  test('kicks sessions at other nodes, with their channels, and names a node that does not answer', async () => {
    const [one, two, three] = nodes;
    const [alice, bob] = [await peer(one.port, 'alice'), await peer(two.port, 'bob')];
    const ends = (await openHalves(alice, bob, [one.port, two.port])).map(fate);
    const kick = (who: string) => run(['ctl', 'kick', who, '--control', three.control]);
    expect(await kick('bob')).toMatchObject({ status: 0, stdout: 'kicked bob (127.0.0.1, node b)\n', stderr: '' });
    await bob.ended;
    expect(await Promise.all(ends)).toEqual(['reset', 'reset']);
    expect(await failure(kick('bob'))).toEqual({
      status: 69,
      last: 'chatosbot: not logged in: bob; nobody was kicked',
    });
    two.command.kill('SIGSTOP');
    const { stdout, stderr } = await kick('alice');
    expect(stdout).toBe('kicked alice (127.0.0.1, node a)\n');
    expect(stderr).toMatch(/^warning: node b does not answer: /);
    two.command.kill('SIGCONT');
  });

  test('what keeps a server from being a node is said, with an exit code', async () => {
    const ended = (config: string) => failure(start(['serve', '--listen', '127.0.0.1:0', '--config', config]));
    const unreachable = await ended(nodeConfig('nats://127.0.0.1:1', 'b', {}));
    expect(unreachable).toMatchObject({ status: 69, last: expect.stringMatching(/no NATS server at 127\.0\.0\.1:1/) });
    const other = await ended(nodeConfig(nats.url, 'b', { secret: 'another secret of a test' }));
    expect(other).toMatchObject({ status: 77, last: expect.stringMatching(/have another secret/) });
    const namesake = await ended(nodeConfig(nats.url, 'a', {}));
    expect(namesake).toMatchObject({ status: 77, last: expect.stringMatching(/has a node a already/) });
    const short = await ended(nodeConfig(nats.url, 'b', { secret: 'short' }));
    expect(short).toMatchObject({ status: 2, last: expect.stringMatching(/the secret of the cluster has 5 bytes/) });
  });

  test('where one is killed, its logins are free within a lease, its requests get KO, its channels break', async () => {
    const [one, two, three] = nodes;
    const [alice, bob, carl] = [
      await peer(one.port, 'alice'),
      await peer(two.port, 'bob'),
      await peer(three.port, 'carl'),
    ];
    const lost = await openHalves(bob, alice, [two.port, one.port]);
    const kept = await openHalves(carl, alice, [three.port, one.port]);
    alice.request('bob');
    await bob.next(5);
    const [end] = lost.map(fate).slice(1);
    two.command.kill('SIGKILL');
    const { waitedMs } = await logInSoon(three.port, 'bob');
    expect(waitedMs).toBeLessThan(LEASE_MS + 1_000);
    expect(await alice.next(7)).toMatchObject({ requester: 'alice', target: 'bob' });
    expect(await end).toBe('reset');
    kept[0]!.end('still here');
    expect((await readAll(kept[1]!)).toString()).toBe('still here');
    await one.command.line(/warn +a node has gone from the cluster node=b/);
    await linked([one, three], 1);
    alice.say('the two of us');
    expect(await carl.next(3)).toMatchObject({ msg: 'the two of us' });
  });

  test('without NATS what is said goes on, until the lease has ended; with it again, users can log in again', async () => {
    const [one, , two] = nodes;
    const [emil, fritz] = [await peer(one.port, 'emil'), await peer(two.port, 'fritz')];
    await nats.kill();
    await one.command.line(/error +NATS is not reachable: nobody can log in/);
    emil.say('no broker');
    expect(await fritz.next(3)).toMatchObject({ msg: 'no broker' });
    expect(await one.get('/readyz')).toMatch(/NATS is not reachable/);
    const newcomer = await RfcPeer.connect(two.port);
    expect(await newcomer.login('gina').catch(() => false)).toBe(false);
    await Promise.all([emil.ended, fritz.ended]);
    await one.command.line(/error +the lease of this node is lost: all sessions have ended/);
    expect(await one.get('/readyz')).toMatch(
      /^server: this node has no lease in its cluster, as NATS is not reachable: /m,
    );
    await nats.start();
    for (const { command } of [one, two]) await command.line(/this node has a lease again/);
    const again = await Promise.all([logInSoon(one.port, 'emil'), logInSoon(two.port, 'fritz')]);
    await linked([one, two], 1);
    again[0].me.say('back');
    expect(await again[1].me.next(3)).toMatchObject({ msg: 'back' });
    for (const { me } of again) me.destroy();
  });
});
