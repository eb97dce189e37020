import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { packet, str, type RfcPeer } from '../support/rfc-peer.ts';
import { agree, Rig, stopTheClock, turns } from '../support/server-rig.ts';
import { turn } from '../support/server-connection.ts';
import { endOf, openSocket, readExactly, within } from '../support/server-sockets.ts';

/** How many of them have seen their end, once nothing moves any more. */
async function ended(peers: readonly RfcPeer[], watcher: RfcPeer): Promise<number> {
  await turns(watcher);
  const states = await Promise.all(peers.map((peer) => Promise.race([peer.ended, turn().then(() => undefined)])));
  return states.filter((state) => state !== undefined).length;
}

async function crowd(count: number) {
  const rig = await Rig.start();
  const channel = await rig.channel();
  const peers: RfcPeer[] = [];
  for (let number = 0; number < count; number += 1) peers.push(await rig.join(`peer-${number}`));
  return { rig, peers, ...channel };
}

it('a server that admits nobody ends who logs in, and lets sessions open private connections', async () => {
  const rig = await Rig.start();
  const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
  rig.server.admitNobody();
  expect(rig.server.isStopping).toBe(true);
  const late = await rig.connect();
  late.send(packet(0, str('late')));
  expect(await late.ended).toBe('end');
  const id = await agree(alice, bob);
  const halves = await Promise.all([rig.half(id), rig.half(id)]);
  halves[0].write('hello');
  expect((await readExactly(halves[1], 5)).toString()).toBe('hello');
});

describe('a server that is closed with time to drain', () => {
  it('listens to itself no more when it is over', async () => {
    const { server } = await Rig.start();
    const before = server.listenerCount('channelEnded');
    const closed = server.close({ drainMs: 1_000 });
    expect(server.listenerCount('channelEnded')).toBe(before + 1);
    await closed;
    expect(server.listenerCount('channelEnded')).toBe(before);
  });

  it('waits for nothing any more when all have left before their turn, and before the deadline', async () => {
    const rig = await Rig.start();
    const peers = [await rig.join('alice'), await rig.join('bob'), await rig.join('carol')];
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const closed = rig.server.close({ drainMs: 60_000 });
    expect(vi.getTimerCount()).toBeGreaterThanOrEqual(2);
    for (const peer of peers) peer.end();
    await within(closed, 'the close');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends sessions without private connections one after the other, over the first half of the time', async () => {
    stopTheClock();
    const { rig, peers, alice, a, b } = await crowd(10);
    const closed = rig.server.close({ drainMs: 1_000 });
    expect(await ended(peers, alice)).toBe(1);
    for (let count = 2; count <= 10; count += 1) {
      vi.advanceTimersByTime(49);
      expect(await ended(peers, alice)).toBe(count - 1);
      vi.advanceTimersByTime(1);
      expect(await ended(peers, alice)).toBe(count);
    }
    a.end();
    b.end();
    await rig.log.until('private connection ended');
    await turns(alice);
    vi.advanceTimersByTime(1_000);
    await within(closed, 'the close');
  });

  it('takes a tenth of a second for each where they are few, and no time for one', async () => {
    stopTheClock();
    const { rig, peers, alice } = await crowd(3);
    const closed = rig.server.close({ drainMs: 60_000 });
    for (const count of [1, 2, 3]) {
      expect(await ended(peers, alice)).toBe(count);
      vi.advanceTimersByTime(100);
    }
    await within(Promise.all([rig.server.close(), closed]), 'the close');
    const alone = await Rig.start();
    await alone.join('alice');
    await within(alone.server.close({ drainMs: 60_000 }), 'the close of one');
  });

  it('ends a session a second after its last private connection, whatever others do', async () => {
    stopTheClock();
    const { rig, a, b, alice, bob } = await crowd(0);
    const carol = await rig.join('carol');
    carol.request('bob');
    await bob.next(5);
    bob.ok('carol');
    const { connectId } = await carol.next(8);
    await bob.next(8);
    const halves = await Promise.all([rig.half(connectId), rig.half(connectId)]);
    const closed = rig.server.close({ drainMs: 60_000 });
    a.end();
    b.end();
    await rig.log.until('private connection ended');
    await turns(bob);
    vi.advanceTimersByTime(999);
    expect(await ended([alice, bob, carol], carol)).toBe(0);
    vi.advanceTimersByTime(1);
    expect(await alice.ended).toBe('end');
    expect(await ended([bob, carol], bob)).toBe(0);
    for (const half of halves) half.end();
    await rig.log.until('private connection ended', 2);
    await turns(bob);
    vi.advanceTimersByTime(1_000);
    await within(closed, 'the close');
  });

  it('ends all at the deadline, and says at its beginning what it waits for', async () => {
    stopTheClock();
    const { rig, peers, a, b, alice } = await crowd(4);
    const closed = rig.server.close({ drainMs: 200 });
    expect(rig.log.of('draining')[0]!.fields).toEqual({ sessions: 6, channels: 1, seconds: 0.2 });
    await turns(alice);
    // To close it again makes the time shorter, and never longer.
    const again = rig.server.close({ drainMs: 60_000 });
    vi.advanceTimersByTime(200);
    expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['RST', 'RST']);
    await within(Promise.all([closed, again, ...peers.map((peer) => peer.ended), alice.ended]), 'the close');
  });

  it('gives a client its second to leave whose private connection has ended just before the deadline', async () => {
    stopTheClock();
    const { rig, a, b, alice, bob } = await crowd(0);
    const closed = rig.server.close({ drainMs: 200 });
    vi.advanceTimersByTime(150);
    a.end();
    b.end();
    await rig.log.until('private connection ended');
    await turns(alice);
    vi.advanceTimersByTime(999);
    expect(await ended([alice, bob], alice)).toBe(0);
    vi.advanceTimersByTime(1);
    await within(closed, 'the close');
  });

  it('destroys a client that does not end its side within a second, though time is left', async () => {
    stopTheClock();
    const rig = await Rig.start();
    const [stubborn, alice] = [await openSocket(rig.port[4]), await rig.join('alice')];
    await turns(alice);
    const closed = rig.server.close({ drainMs: 60_000 });
    expect(await endOf(stubborn)).toBe('FIN');
    vi.advanceTimersByTime(999);
    await alice.ended;
    expect(await Promise.race([closed.then(() => 'closed'), turn().then(() => 'waiting')])).toBe('waiting');
    vi.advanceTimersByTime(1);
    await within(closed, 'the close');
  });

  it('lets nobody log in any more', async () => {
    stopTheClock();
    const { rig, alice } = await crowd(0);
    const [first, late] = [await rig.connect(), await rig.connect()];
    await turns(alice);
    const closed = rig.server.close({ drainMs: 60_000 });
    expect(await first.ended).toBe('end');
    late.send(Buffer.from([0, 0, 0, 0, 1, 0x78]));
    expect(await late.ended).toBe('end');
    expect(rig.log.of('logged in')).toHaveLength(2);
    await within(Promise.all([rig.server.close(), closed]), 'the close');
  });
});
