import { expect, it, onTestFinished, vi } from 'vitest';
import { incompletePackets, type PacketConnection } from '../../src/net/packet-connection.ts';
import { TurnShare } from '../../src/net/turn-share.ts';
import { bytesOf, pair, turn } from '../support/server-connection.ts';
import { naivePacket } from '../support/naive-packets.ts';

/** Counts in each turn of the event loop; `most` is the largest count. */
function countByTurn() {
  let [count, most, going] = [0, 0, true];
  const next = (): void => {
    most = Math.max(most, count);
    count = 0;
    if (going) setImmediate(next);
  };
  next();
  return {
    add: (amount: number) => void (count += amount),
    forget: () => void (most = 0),
    most: () => {
      going = false;
      return most;
    },
  };
}

const work = (ms: number): void => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

const login = naivePacket({ type: 'LOGIN', login: '' }, 4);

it('[P16] a connection gets about 64 KiB of a turn of the event loop, and everything in the end', async () => {
  const counted = countByTurn();
  const { peer, socket, packetsToCome, packets } = await pair({}, (_, frame) => counted.add(frame.length));
  const count = 8_000;
  const bytes = Buffer.concat(Array<Buffer>(count).fill(bytesOf('x'.repeat(1000))));
  peer.write(bytes); // makes the system's buffers large
  await packetsToCome(count);
  counted.forget();
  socket.pause();
  peer.write(bytes);
  for (let turns = 0; turns < 100; turns++) await turn();
  socket.resume();
  await packetsToCome(2 * count);
  expect(packets).toHaveLength(2 * count);
  expect(counted.most()).toBeLessThan(4 * 64 * 1024);
});

it('[P16] tiny packets that take long to handle get a few milliseconds of a turn, then wait for the next', async () => {
  const counted = countByTurn();
  const { peer, packetsToCome } = await pair({}, () => {
    counted.add(1);
    work(0.1);
  });
  const count = 3_000;
  peer.end(Buffer.concat(Array<Buffer>(count).fill(login)));
  await packetsToCome(count);
  expect(counted.most()).toBeLessThanOrEqual(200);
});

it('[P16] so do packets of which each holds what follows it until the same turn has more to do', async () => {
  const counted = countByTurn();
  const holder: { connection?: PacketConnection } = {};
  const got = await pair({}, () => {
    counted.add(1);
    work(0.1);
    holder.connection!.hold();
    queueMicrotask(() => holder.connection!.release());
  });
  holder.connection = got.connection;
  const count = 1_000;
  got.peer.end(Buffer.concat(Array<Buffer>(count).fill(login)));
  await got.packetsToCome(count);
  expect(counted.most()).toBeLessThanOrEqual(200);
  expect(await got.closed()).toBeUndefined();
});

it('[P16] so do the packets of many connections together, which come at once', async () => {
  const counted = countByTurn();
  const pairs = await Promise.all(
    Array.from({ length: 60 }, () =>
      pair({}, () => {
        counted.add(1);
        work(0.1);
      }),
    ),
  );
  const bytes = Buffer.concat(Array<Buffer>(40).fill(login));
  for (const { peer } of pairs) peer.write(bytes);
  for (const { packetsToCome } of pairs) await packetsToCome(40);
  expect(counted.most()).toBeLessThanOrEqual(100);
});

it('[P16] those who are in do not wait for the packets of newcomers, however many come at once', async () => {
  let served = 0;
  const newcomers = await Promise.all(
    Array.from({ length: 60 }, async () => {
      const newcomer = await pair({}, () => {
        served += 1;
        work(0.1);
      });
      newcomer.connection.isNewcomer = true;
      return newcomer;
    }),
  );
  const isIn = await pair();
  for (const { peer } of newcomers) peer.write(Buffer.concat(Array<Buffer>(40).fill(login)));
  await newcomers[0]!.packetsToCome(1);
  const before = served;
  isIn.peer.write(login);
  await isIn.packetsToCome(1);
  expect(served - before).toBeLessThanOrEqual(100);
  for (const { packetsToCome } of newcomers) await packetsToCome(40);
});

it('[P16] what has waited for the next turn is answered in that one', async () => {
  const slow = await pair({}, () => work(2));
  const writesLater: number[] = [];
  const asker = await pair({}, () => {
    setImmediate(() => writesLater.push(asker.writes.mock.calls.length));
    asker.connection.send({ type: 'LOGIN_ACCEPTED' });
  });
  // Both are there when the sockets are polled next.
  slow.peer.write(login);
  asker.peer.write(login);
  await asker.packetsToCome(1);
  await turn();
  expect(writesLater).toEqual([1]);
});

it('[P4] what completes no packet is taken at once, however much of a turn others have had', async () => {
  const incomplete = incompletePackets(30_000);
  const slow = await pair({ incomplete }, (packet) => {
    if (packet.type !== 'LOGIN') return;
    work(2);
    setImmediate(() => taken.push(incomplete.size));
  });
  const dribbling = await pair({ incomplete });
  const taken: number[] = [];
  // Both are there when the sockets are polled next.
  slow.peer.write(login);
  dribbling.peer.write(login.subarray(0, 3));
  await slow.packetsToCome(1);
  await turn();
  dribbling.peer.write(login.subarray(3));
  await dribbling.packetsToCome(1);
  expect(taken).toEqual([1]);
});

it('what comes is held until each hold is released', async () => {
  const { connection, peer, packets, packetsToCome, socket } = await pair();
  connection.hold();
  connection.hold();
  peer.write(login);
  while (socket.bytesRead < login.length) await turn();
  connection.release();
  expect(packets).toHaveLength(0);
  connection.release();
  await packetsToCome(1);
  connection.release();
  peer.write(login);
  await packetsToCome(2);
});

it('[P16] a connection that has waited has a share again, in the same turn, too', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const share = new TurnShare();
  const isUp = (): boolean => Array.from({ length: 8 }, () => share.takePacket()).includes(true);
  expect(isUp()).toBe(false);
  vi.advanceTimersByTime(1);
  expect(isUp()).toBe(true);
  share.renew();
  expect(isUp()).toBe(false);
  vi.advanceTimersByTime(1);
  expect(isUp()).toBe(true);
});
