import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { openHalf, RfcPeer } from '../support/rfc-peer.ts';
import { endOf, hashOf, hashToEnd, pattern, Pump, readExactly } from '../support/server-sockets.ts';
import { halfTls } from '../support/tls-clients.ts';
import { LAB } from './chatosbot.ts';
import { peer } from './peers.ts';
import { isRunning, startTwo } from './worker-processes.ts';

type Carrier = 'tcp' | 'tls';

/** The server of all tests has two workers, and an address of each kind. */
let server: Awaited<ReturnType<typeof startTwo>>;
let tlsPort: number;
beforeAll(async () => {
  server = await startTwo(['--listen', 'tls://127.0.0.1:0', '--state', `${LAB}/state`]);
  tlsPort = Number((await server.command.line(/listening on tls:\/\/127\.0\.0\.1:(\d+)/))[1]);
});

let starts = 0;

/** Two clients at different workers, as connections go to the workers by turns. */
async function start() {
  starts += 1;
  const [alice, bob] = [await peer(server.port, `alice-${starts}`), await peer(server.port, `bob-${starts}`)];
  const open = async (carrier: Carrier, connectId: bigint, early: Buffer): Promise<Duplex> => {
    if (carrier === 'tls') return halfTls(tlsPort, connectId, { early });
    const half = await openHalf(server.port, connectId, { early });
    onTestFinished(() => void half.destroy());
    return half;
  };
  /** Connections go to the workers by turns: with one more, those to come are at others. */
  const shift = async (): Promise<void> => {
    const other = await RfcPeer.connect(server.port);
    onTestFinished(other.destroy);
  };
  /** A channel whose two halves and home are at workers in one of the eight ways. */
  const channel = async (way: number, carriers: readonly [Carrier, Carrier], early = 'early') => {
    const [requester, target] = way % 2 === 0 ? [alice, bob] : [bob, alice];
    requester.request(target.name);
    await target.next(5);
    target.ok(requester.name);
    const { connectId } = await requester.next(8);
    await target.next(8);
    if (way & 2) await shift();
    const one = open(carriers[0], connectId, Buffer.from(`${early} one`));
    if (way & 4) await shift();
    const halves = await Promise.all([one, open(carriers[1], connectId, Buffer.from(`${early} two`))]);
    return { connectId, requester, target, halves };
  };
  return { ...server, alice, bob, channel };
}

const CARRIERS: readonly (readonly [Carrier, Carrier])[] = [
  ['tcp', 'tcp'],
  ['tls', 'tls'],
  ['tcp', 'tls'],
];

test.each(CARRIERS)(
  '[P13][P14] every byte of a channel arrives, over %s and %s, whichever workers its halves come to',
  async (...carriers) => {
    const { channel } = await start();
    for (let way = 0; way < 8; way++) {
      const { halves } = await channel(way, carriers);
      const sent = halves.map((_, index) => pattern(512 * 1024, way + 8 * index));
      const heard = halves.map((half) => hashToEnd(half));
      const pumps = halves.map((half, index) => new Pump(half, sent[index]!));
      await Promise.all(pumps.map(({ done }) => done));
      // One ends its side; the other still says something, and hears nothing more.
      halves[0].end();
      await expect(heard[1]).resolves.toEqual(hashOf(Buffer.concat([Buffer.from('early one'), sent[0]!])));
      const last = Buffer.from('the last words');
      halves[1].end(last);
      await expect(heard[0]).resolves.toEqual(hashOf(Buffer.concat([Buffer.from('early two'), sent[1]!, last])));
    }
  },
);

test.each(CARRIERS)('[P14] a reset stays a reset, over %s and %s', async (...carriers) => {
  const { channel } = await start();
  for (let way = 0; way < 8; way++) {
    const { halves } = await channel(way, carriers);
    const [one, other] = way % 2 === 0 ? halves : [halves[1], halves[0]];
    // Node does not tell a reset from an end where it comes together with bytes.
    await readExactly(other, 'early one'.length);
    const end = endOf(other);
    // Over TLS, a FIN without close_notify is one (P14a).
    if (one instanceof Socket && !(one instanceof TLSSocket)) one.resetAndDestroy();
    else one.destroy();
    expect(await end).toBe('RST');
  }
});

test('[P15] CLOSE_CONNECTION ends a channel at any worker, once the other party has been sent it', async () => {
  const { channel } = await start();
  for (let way = 0; way < 8; way++) {
    const { connectId, requester, target, halves } = await channel(way, ['tcp', 'tcp']);
    const [by, other] = way & 2 ? [requester, target] : [target, requester];
    by.close(connectId, requester.name, target.name);
    expect(await other.next(12)).toEqual({ op: 12, target: by.name });
    for (const half of halves) half.resume();
    expect(await Promise.all(halves.map(endOf))).toEqual(['FIN', 'FIN']);
    for (const half of halves) half.end();
  }
});

test('[P5] a channel is nobody else’s to close, at whichever worker', async () => {
  const { port, channel } = await start();
  const { connectId, requester, target, halves } = await channel(0, ['tcp', 'tcp']);
  for (const name of ['eve', 'mallory']) {
    const eve = await peer(port, name);
    for (let i = 0; i < 8; i++) eve.close(connectId, requester.name, target.name);
    expect(await eve.ended).toMatch(/end|error/);
  }
  halves[0].end('still here');
  await expect(hashToEnd(halves[1])).resolves.toEqual(hashOf(Buffer.from('early onestill here')));
});

test('[P14] where a worker is killed, its channels are reset', async () => {
  for (let way = 0; way < 4; way++) {
    const { command, workers, channel } = await start();
    const { halves } = await channel(way, ['tcp', 'tcp']);
    const ends = halves.map(endOf);
    for (const pid of workers()) process.kill(pid, 'SIGKILL');
    expect(await Promise.all(ends)).toEqual(['RST', 'RST']);
    expect(isRunning(command.pid)).toBe(true);
    for (let started = 0; started < 2; started++) await command.line(/a worker has started/);
  }
});
