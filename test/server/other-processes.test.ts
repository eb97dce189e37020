/** What a server does with the word of its other processes, which the test itself is. */
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Packet } from '../../src/protocol/packets.ts';
import { InMemoryDirectory } from '../../src/server/directory.ts';
import { ChatosServer, type ServerOptions } from '../../src/server/index.ts';
import type { Closed, Here, Others } from '../../src/server/others.ts';
import { withResolvers } from '../../src/util/deferred.ts';
import { nobodyElse } from '../support/nobody-else.ts';
import { long, openHalf, packet, RfcPeer, str } from '../support/rfc-peer.ts';
import { stopTheClock, turns } from '../support/server-rig.ts';
import { readExactly, within } from '../support/server-sockets.ts';

const LOOPBACK = '127.0.0.0/8';

async function started(given: Partial<Others>, options: ServerOptions = {}) {
  const server = new ChatosServer({ ...options, others: nobodyElse(given) });
  onTestFinished(() => server.close());
  const { port } = await server.listen('127.0.0.1:0');
  const join = async (name: string): Promise<RfcPeer> => {
    const peer = await RfcPeer.connect(port);
    onTestFinished(peer.destroy);
    await peer.login(name);
    return peer;
  };
  return { server, port, join };
}

/** Two who have agreed on a private connection. */
async function agreed(join: (name: string) => Promise<RfcPeer>): Promise<bigint> {
  const [alice, bob] = [await join('alice'), await join('bob')];
  alice.request('bob');
  await bob.next(5);
  bob.ok('alice');
  return (await alice.next(8)).connectId;
}

test('sessions and private connections have ids that those of its other processes do not have', async () => {
  const { server, port, join } = await started({ ownId: (count) => `${count} of this one` });
  const ids: string[] = [];
  server.on('channelEstablished', (_pair, id) => ids.push(id)).on('login', ({ id }) => ids.push(id));
  const connectId = await agreed(join);
  await Promise.all([1, 2].map(() => openHalf(port, connectId)));
  await vi.waitFor(() => expect(ids).toEqual(['1 of this one', '2 of this one', '1 of this one']));
  expect(server.channels()).toMatchObject([{ id: '1 of this one' }]);
});

test('[P14] a half that comes while too much waits for another process is read', async () => {
  let isFull = false;
  const holdBack = (speaker: { pause(): void }): void => void (isFull && speaker.pause());
  const { port, join } = await started({ holdBack }, { relay: 'streams' });
  const connectId = await agreed(join);
  isFull = true;
  const [one, two] = await Promise.all([1, 2].map(() => openHalf(port, connectId)));
  for (const half of [one!, two!]) half.write('hello');
  for (const half of [one!, two!]) expect((await readExactly(half, 5)).toString()).toBe('hello');
});

test('[P5] a client that asks for the end of channels of others elsewhere is closed once', async () => {
  const forbidden: boolean[] = [];
  const answers: ((closed: Closed) => void)[] = [];
  const { server, join } = await started({
    homes: { isHere: () => false, draw: () => 1n },
    close: () => new Promise((resolve) => answers.push(resolve)),
  });
  const alice = await join('alice');
  server.on('forbidden', (_session, _type, _why, closed) => forbidden.push(closed));
  alice.send(Buffer.concat(Array<Buffer>(20).fill(packet(11, long(7n), str('bob'), str('carol')))));
  await vi.waitFor(() => expect(answers).toHaveLength(20));
  for (const answer of answers) answer('forbidden');
  await alice.ended;
  expect(forbidden).toEqual([...Array<boolean>(7).fill(false), true]);
  expect(server.stats).toMatchObject({ forbidden: 8, forbiddenClosed: 1 });
});

test('[P15] a private connection whose other party is at another process ends once, though it ends before that has heard', async () => {
  const directory = new InMemoryDirectory();
  let lastId = 0n;
  const homes = { isHere: () => true, draw: () => (lastId += 1n) };
  const { server, port, join } = await started({ homes }, { directory });
  const [alice, bob] = [await join('alice'), await join('bob')];
  const agree = async (): Promise<bigint> => {
    alice.request('bob');
    await bob.next(5);
    bob.ok('alice');
    await bob.next(8);
    return (await alice.next(8)).connectId;
  };
  const [open, unused] = [await agree(), await agree()];
  const halves = await Promise.all([1, 2].map(() => openHalf(port, open)));
  const happened: string[] = [];
  for (const name of ['channelEnded', 'channelLost'] as const) server.on(name, () => happened.push(name));
  const heard = withResolvers<void>();
  const find = directory.find.bind(directory);
  directory.find = (login) => {
    const { id, key, remoteAddress, longBytes } = find(login)!;
    const sendBytes = (frame: Buffer): void => find(login)!.sendBytes(frame);
    const send = (each: Packet): void => find(login)!.send(each);
    return { id, login, key, remoteAddress, longBytes, send, sendBytes, flush: () => heard.promise };
  };
  for (const id of [open, unused]) {
    alice.close(id, 'alice', 'bob');
    await bob.next(12);
    bob.close(id, 'alice', 'bob');
    await alice.next(12);
  }
  for (const half of halves) half.end();
  await vi.waitFor(() => expect(happened).toEqual(['channelEnded']));
  heard.resolve();
  await turns(alice);
  expect(happened).toEqual(['channelEnded', 'channelLost']);
});

test('[P17] an exempt reader that is behind is waited for elsewhere as long as it is exempt', async () => {
  const behind: boolean[] = [];
  const limits = { exempt: [LOOPBACK] };
  const { server, join } = await started(
    { behind: ({ login }, isBehind) => void (login === 'bob' && behind.push(isBehind)) },
    { limits },
  );
  const [alice, bob] = [await join('alice'), await join('bob')];
  bob.socket.pause();
  const message = packet(4, str('alice'), str('bob'), str('x'.repeat(1000)));
  alice.send(Buffer.concat(Array<Buffer>(12_000).fill(message)));
  await vi.waitFor(() => expect(behind).toEqual([true]), { timeout: 10_000 });
  server.update({ limits: { exempt: [] } });
  expect(behind).toEqual([true, false]);
  server.update({ limits });
  expect(behind).toEqual([true, false, true]);
});

test('a drain waits for who has a private connection at another process, and asks for nobody who is not here', async () => {
  stopTheClock();
  let here!: Here;
  const busy = new Set(['alice']);
  const asked: string[] = [];
  const { server, join } = await started({
    attach: (it) => void (here = it),
    hasChannel: (key) => {
      asked.push(key);
      return busy.has(key);
    },
  });
  const [alice, bob] = [await join('alice'), await join('bob')];
  await turns(alice);
  const closed = server.close({ drainMs: 60_000 });
  expect(await within(bob.ended, 'the end of who has none')).toBe('end');
  vi.advanceTimersByTime(10_000);
  await turns(alice);
  asked.length = 0;
  const pairOf = (requester: string, target: string) => ({
    requester: { id: '1', login: requester },
    target: { id: '2', login: target },
  });
  here.channelEnded(pairOf('dave', 'erin'));
  expect(asked).toEqual([]);
  here.channelEnded(pairOf('alice', 'dave'));
  vi.advanceTimersByTime(10_000);
  await turns(alice);
  busy.clear();
  here.channelEnded(pairOf('alice', 'erin'));
  expect(asked).toEqual(['alice', 'alice']);
  vi.advanceTimersByTime(1_000);
  expect(await within(alice.ended, 'the end')).toBe('end');
  await within(closed, 'the close');
});
