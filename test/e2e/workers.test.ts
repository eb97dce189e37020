import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { RfcPeer } from '../support/rfc-peer.ts';
import { peer } from './peers.ts';
import { startTwo } from './worker-processes.ts';

let server: Awaited<ReturnType<typeof startTwo>>;
beforeAll(async () => {
  server = await startTwo();
});

/** Clients that have not logged in; connections go to the workers by turns. */
async function connect(port: number, count: number): Promise<RfcPeer[]> {
  const peers: RfcPeer[] = [];
  for (let i = 0; i < count; i++) {
    const made = await RfcPeer.connect(port);
    onTestFinished(made.destroy);
    peers.push(made);
  }
  return peers;
}

test('one login is granted to one of 40 clients that ask for it at once at two workers', async () => {
  const { port, workers } = server;
  expect(workers()).toHaveLength(2);
  for (let round = 0; round < 5; round++) {
    const peers = await connect(port, 40);
    const granted = await Promise.all(peers.map((each) => each.login('alice')));
    expect(granted.filter(Boolean)).toHaveLength(1);
    // It is free as soon as its session has ended in order, and no sooner.
    const holder = peers.find((_, index) => granted[index]);
    const other = peers.find((each) => each !== holder)!;
    expect(await other.login('alice')).toBe(false);
    holder!.end();
    await holder!.ended;
    expect(await other.login('alice')).toBe(true);
    for (const each of peers) each.end();
    await Promise.all(peers.map(({ ended }) => ended));
  }
});

test('[P8] what each says to all and to one comes in order, across two workers', async () => {
  const { port } = server;
  const names = ['ann', 'bea', 'cid', 'dan'];
  const peers: RfcPeer[] = [];
  for (const name of names) peers.push(await peer(port, name));
  const COUNT = 300;
  const heard = peers.map(async (me, index) => {
    const numbers = new Map(names.map((name) => [name, [] as number[]]));
    const wanted = COUNT * names.length + (COUNT / 2) * (names.length - 1);
    for (let i = 0; i < wanted; i++) {
      const packet = await me.next();
      if (packet.op === 3) numbers.get(packet.login)!.push(Number(packet.msg));
      else if (packet.op === 4) numbers.get(packet.sender)!.push(Number(packet.msg));
      else throw new Error(`packet ${packet.op}`);
    }
    return { me: names[index]!, numbers };
  });
  for (let i = 0; i < COUNT; i++) {
    for (const me of peers) {
      me.say(String(2 * i));
      if (i % 2 === 0) for (const to of names) if (to !== me.name) me.tell(to, String(2 * i + 1));
    }
  }
  for (const { me, numbers } of await Promise.all(heard)) {
    for (const [from, got] of numbers) {
      const all = Array.from({ length: COUNT }, (_, i) => (i % 2 === 0 && from !== me ? [2 * i, 2 * i + 1] : [2 * i]));
      expect(got).toEqual(all.flat());
    }
  }
});

test('[P9][P10] each request across two workers gets one answer: an id for both, or KO', async () => {
  const { port } = server;
  const [one, two] = [await peer(port, 'one'), await peer(port, 'two')];
  const targets: RfcPeer[] = [];
  for (let i = 0; i < 20; i++) targets.push(await peer(port, `target-${i}`));
  for (const [requester, other] of [
    [one, two],
    [two, one],
  ] as const) {
    for (const { name } of targets) requester.request(name);
    // The second time while one is pending is not forwarded.
    for (const { name } of targets) requester.request(name);
    for (const { name } of targets) requester.tell(name, 'asked');
    for (const [index, target] of targets.entries()) {
      expect(await target.next(5)).toMatchObject({ requester: requester.name, target: target.name });
      expect(await target.next(4)).toMatchObject({ msg: 'asked' });
      if (index % 3 === 0) target.ok(requester.name);
      else if (index % 3 === 1) target.ko(requester.name);
      else target.end();
    }
    const answers = targets.map(async (target, index) => {
      const answer = await (index % 3 === 0 ? requester.next(8) : requester.next(7));
      return [answer.requester, index % 3 === 0 ? (await target.next(8)).requester : undefined];
    });
    expect(await Promise.all(answers)).toEqual(
      targets.map((_, index) => [requester.name, index % 3 === 0 ? requester.name : undefined]),
    );
    // Nothing else has come for anyone.
    other.tell(requester.name, 'mark');
    expect(await requester.next()).toMatchObject({ op: 4, msg: 'mark' });
    for (const [index, target] of targets.entries()) {
      if (index % 3 === 2) continue;
      other.tell(target.name, 'mark');
      expect(await target.next()).toMatchObject({ op: 4, msg: 'mark' });
    }
    for (const [index, target] of targets.entries()) {
      if (index % 3 !== 2) continue;
      await target.ended;
      targets[index] = await peer(port, target.name);
    }
  }
});

test('a login is found at the other worker as soon as its client knows that it has it', async () => {
  const { port } = server;
  const bob = await peer(port, 'bob');
  for (let i = 0; i < 50; i++) {
    const alice = await peer(port, 'alice');
    bob.tell('alice', `hello ${i}`);
    expect(await alice.next(4)).toMatchObject({ sender: 'bob', msg: `hello ${i}` });
    alice.end();
    await alice.ended;
  }
});
