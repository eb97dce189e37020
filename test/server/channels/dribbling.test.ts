import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { dribblingHalves } from '../../../src/net/dribblers.ts';
import { Receivers } from '../../../src/net/receivers.ts';
import { TcpTransport } from '../../../src/net/tcp-transport.ts';
import type { Transport } from '../../../src/net/transport.ts';
import { Relay } from '../../../src/server/channels/relay.ts';
import { WaitingHalf } from '../../../src/server/channels/waiting-half.ts';
import { A_TURN, othersRead, socketPairs } from '../../support/dribbling.ts';
import { turn } from '../../support/server-connection.ts';
import { endOf, readExactly } from '../../support/server-sockets.ts';
import { secured } from '../../support/tls-connection.ts';

const HALVES = 160;
const NOTHING = Buffer.alloc(0);

function relayed(one: Transport, other: Transport, mode: 'auto' | 'streams' = 'auto') {
  const onDone = vi.fn<(outcome: string) => void>();
  const relay = new Relay(
    { transport: one, early: NOTHING },
    { transport: other, early: NOTHING },
    {
      mode,
      greeting: NOTHING,
      channelIdleMs: Infinity,
      closeGraceMs: 5_000,
      receivers: new Receivers({ maxQueuedBytes: Infinity, maxTotalQueuedBytes: Infinity, writeTimeoutMs: Infinity }),
      onDone,
    },
  );
  onTestFinished(() => relay.abort());
  return { relay, onDone };
}

describe.each(['auto', 'streams'] as const)('relay %s', (mode) => {
  it('[P16] relays small pieces of hundreds of halves over several turns, and each of them arrives', async () => {
    const pairs = await socketPairs(HALVES);
    const peers = pairs.map(([peer]) => peer);
    const channels: ReturnType<typeof relayed>[] = [];
    for (let i = 0; i < HALVES; i += 2) {
      const [one, other] = [pairs[i]![1], pairs[i + 1]![1]];
      channels.push(relayed(new TcpTransport(one), new TcpTransport(other), mode));
    }
    const received = (): number[] =>
      channels.flatMap(({ relay }) => relay.views().map(({ bytesReceived }) => bytesReceived));
    for (let round = 1; round <= 4; round += 1) {
      // Those that were stopped read again.
      for (let turns = 0; turns < HALVES / A_TURN; turns += 1) await turn();
      for (const peer of peers) peer.write(String(round));
      let most = 0;
      for (let before = received(); before.some((bytes) => bytes < round);) {
        await new Promise((resolve) => setImmediate(resolve));
        const now = received();
        most = Math.max(most, now.filter((bytes, i) => bytes > before[i]!).length);
        before = now;
      }
      // Nobody knows before the first that pieces are small.
      expect(most).toBeLessThanOrEqual(round === 1 ? HALVES : 2 * A_TURN);
    }
    const all = await Promise.all(peers.map((peer) => readExactly(peer, 4)));
    expect(new Set(all.map(String))).toEqual(new Set(['1234']));
    const ends = peers.map(endOf);
    peers.at(-1)!.resetAndDestroy();
    for (const peer of peers.slice(0, -2)) peer.end('5');
    expect(await Promise.all(ends.slice(0, -1))).toEqual([...Array<string>(HALVES - 2).fill('FIN'), 'RST']);
    const outcomes = [...Array<string>(HALVES / 2 - 1).fill('ended'), 'aborted'];
    await vi.waitFor(() => expect(channels.map(({ onDone }) => onDone.mock.calls[0]?.[0])).toEqual(outcomes));
  });
});

/** A half whose name is noted where it is stopped. */
async function noted(name: string, stops: string[]): Promise<[peer: Socket, half: TcpTransport]> {
  const [[peer, socket]] = (await socketPairs(1)) as [[Socket, Socket]];
  const half = new TcpTransport(socket);
  half.stopReading = () => void stops.push(name);
  return [peer, half];
}

it('[P16] a half is stopped for others while its pieces are small, and it is open', async () => {
  const stops: string[] = [];
  const names = ['small', 'large', 'closed'];
  const halves = await Promise.all(names.map((name) => noted(name, stops)));
  const [small, large, closed] = halves.map(([peer]) => peer) as [Socket, Socket, Socket];
  const others = await socketPairs(names.length);
  const relays = halves.map(([, half], i) => relayed(half, new TcpTransport(others[i]![1]), 'streams').relay);
  for (const [peer] of halves) peer.write('x');
  for (const [peer] of others) await readExactly(peer, 1);
  large.write('x'.repeat(64 * 1024));
  await readExactly(others[1]![0], 64 * 1024);
  relays[2]!.abort();
  await endOf(closed);
  othersRead(dribblingHalves);
  expect(stops).toEqual(['small']);
  small.end();
});

it('[P16] a half that waits for the other side is stopped for others, and not once it has been taken', async () => {
  const stops: string[] = [];
  const [wait, taken] = [await noted('waits', stops), await noted('taken', stops)].map(([peer, half]) => {
    const place = { leave: () => undefined };
    const handlers = { onLost: () => undefined, onFull: () => undefined };
    peer.write('x');
    return new WaitingHalf(half, NOTHING, 1024, place, handlers);
  }) as [WaitingHalf, WaitingHalf];
  for (const { transport } of [wait, taken]) await once(transport.stream, 'data');
  expect(taken.take().early.toString()).toBe('x');
  othersRead(dribblingHalves);
  expect(stops).toEqual(['waits']);
  wait.destroy();
});

it('[P16] a half over TLS whose records come by the byte waits for halves alone', async () => {
  const [[peer, socket], [, other]] = (await socketPairs(2)) as [[Socket, Socket], [Socket, Socket]];
  const { ours } = await secured(peer, socket);
  const hasRead = vi.spyOn(dribblingHalves, 'hasRead');
  onTestFinished(() => hasRead.mockRestore());
  relayed(ours, new TcpTransport(other));
  // Application data, incomplete.
  peer.write(Buffer.of(0x17));
  await vi.waitFor(() => expect(hasRead).toHaveBeenCalledWith(ours), { interval: 1 });
});
