/** Ways to and between the nodes of a cluster, other than TCP over IPv4. */
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NatsServer, NO_NATS } from '../support/nats-server.ts';
import { openHalf, type RfcPeer } from '../support/rfc-peer.ts';
import { endOf, hashOf, hashToEnd, pattern, Pump, readExactly } from '../support/server-sockets.ts';
import { halfTls, joinTls } from '../support/tls-clients.ts';
import { startNodes, type StartedNode } from './cluster-nodes.ts';
import { peer } from './peers.ts';

const BYTES = 512 * 1024;
const HAS_IPV6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

async function agree(requester: RfcPeer, target: RfcPeer): Promise<bigint> {
  requester.request(target.name);
  await target.next(5);
  target.ok(requester.name);
  const { connectId } = await requester.next(8);
  expect(await target.next(8)).toMatchObject({ connectId });
  return connectId;
}

/** Both sides send at once; one ends first, and hears the last words of the other. */
async function exchange(one: Duplex, other: Duplex, seed: number): Promise<void> {
  const sent = [pattern(BYTES, seed), pattern(BYTES, seed + 100)] as const;
  const heard = [hashToEnd(one), hashToEnd(other)];
  await Promise.all([new Pump(one, sent[0]).done, new Pump(other, sent[1]).done]);
  one.end();
  expect(await heard[1]).toEqual(hashOf(sent[0]));
  other.end('the last words');
  expect(await heard[0]).toEqual(hashOf(Buffer.concat([sent[1], Buffer.from('the last words')])));
}

describe.skipIf(NO_NATS)('nodes of a cluster', () => {
  let nats: NatsServer;
  /** Three, with an address of each kind. */
  let nodes: readonly StartedNode[];
  beforeAll(async () => {
    nats = await NatsServer.start();
    const args = HAS_IPV6 ? ['--peer', '[::1]:0', '--listen', '[::1]:0'] : [];
    nodes = await startNodes(nats, 3, { args: [...args, '--listen', 'tls://127.0.0.1:0'] });
  });
  afterAll(() => nats.remove());

  test.skipIf(!HAS_IPV6)('reach each other, and are reached, over IPv6', async () => {
    for (const { get } of nodes) expect(await get('/healthz')).toContain('2 of 2 links');
    const ports = await Promise.all(
      nodes.slice(0, 2).map(async ({ command, name }) => {
        await command.line(new RegExp(`node ${name} listens for others on \\[::1\\]:\\d+`));
        return Number((await command.line(/listening on tcp:\/\/\[::1\]:(\d+)/))[1]);
      }),
    );
    const host = '::1';
    const [alice, bob] = [await peer(ports[0]!, 'alice', { host }), await peer(ports[1]!, 'bob', { host })];
    for (let way = 0; way < 4; way++) {
      const connectId = await (way & 1 ? agree(alice, bob) : agree(bob, alice));
      const at = way & 2 ? ports : ports.toReversed();
      const [one, other] = await Promise.all(at.map((port) => openHalf(port, connectId, { host })));
      await exchange(one!, other!, way);
    }
  });

  test('have private connections between clients over TLS, whichever nodes their halves come to', async () => {
    const portOf = async ({ command }: StartedNode): Promise<number> =>
      Number((await command.line(/listening on tls:\/\/127\.0\.0\.1:(\d+)/))[1]);
    const ports = await Promise.all(nodes.map(portOf));
    const [alice, bob] = [await joinTls(ports[0]!, 'ann'), await joinTls(ports[1]!, 'ben')];
    alice.tell('ben', 'hello');
    expect(await bob.next(4)).toMatchObject({ sender: 'ann', msg: 'hello' });
    for (const [way, at] of [
      [0, 1],
      [1, 0],
      [1, 2],
      [2, 2],
    ].entries()) {
      const open = async (): Promise<readonly [Duplex, Duplex]> => {
        const connectId = await agree(alice, bob);
        const [one, other] = await Promise.all(at.map((node) => halfTls(ports[node]!, connectId)));
        return [one!, other!];
      };
      await exchange(...(await open()), way);
      // [P14a] A FIN without close_notify is an abort, at the other node too.
      const [one, other] = await open();
      one.write('begun');
      await readExactly(other, 'begun'.length);
      const end = endOf(other);
      one.destroy();
      expect(await end).toBe('RST');
    }
  });
});
