import { beforeEach, describe, expect, it } from 'vitest';
import { Broker } from '../../../src/cluster/nats/broker.ts';
import { Bucket } from '../../../src/cluster/nats/bucket.ts';
import { ClusterBans } from '../../../src/cluster/nats/cluster-bans.ts';
import { Seal } from '../../../src/cluster/nats/seal.ts';
import type { Ban } from '../../../src/server/access/bans.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { NatsServer, NO_NATS } from '../../support/nats-server.ts';

const HOUR_MS = 3_600_000;
const NETWORK: Ban = { kind: 'from', what: '192.0.2.0/24', reason: 'floods', since: new Date(1_000) };
const LOGIN: Ban = { kind: 'login', what: 'spam-*', since: new Date(2_000) };
const seal = new Seal(Buffer.from('secret'));
const never = new AbortController().signal;

describe.skipIf(NO_NATS)('the bans of a cluster (where NATS is installed)', () => {
  let server: NatsServer;
  let ends: (() => unknown)[];

  beforeEach(async () => {
    server = await NatsServer.start();
    ends = [];
    return async () => {
      for (const end of ends) await end();
      await server.remove();
    };
  });

  /** Those of one node, what it hears of others, and its bucket. */
  async function open(by = seal, aheadMs = 0) {
    const broker = await Broker.connect({ servers: [server.url] }, 'test', 500);
    const bucket = await Bucket.open(broker, 'chatos_bans', 0);
    const bans = await ClusterBans.open(broker, bucket, by, {
      ofBroker: () => Promise.resolve(Date.now()),
      ofNode: () => Date.now() + aheadMs,
    });
    ends.push(
      () => bans.close(),
      () => broker.close(),
    );
    const heard: string[] = [];
    bans.on('banned', ({ what, reason }) => heard.push(`banned ${what} ${reason ?? ''}`.trim()));
    bans.on('lifted', ({ what }) => heard.push(`lifted ${what}`));
    return { broker, bucket, bans, heard };
  }

  it('are those of all nodes, also of one that comes later', async () => {
    const [a, b] = [await open(), await open()];
    await a.bans.add(NETWORK);
    await a.bans.add(LOGIN);
    await expect.poll(() => b.heard).toEqual(['banned 192.0.2.0/24 floods', 'banned spam-*']);
    expect(b.bans.list()).toEqual([NETWORK, LOGIN]);
    expect(a.heard).toEqual([]);
    const c = await open();
    expect(c.bans.list()).toHaveLength(2);
    expect(c.heard).toEqual([]);
  });

  it('are changed and lifted by any node, however they are written', async () => {
    const [a, b] = [await open(), await open()];
    await a.bans.add(NETWORK);
    await expect.poll(() => b.heard).toEqual(['banned 192.0.2.0/24 floods']);
    await b.bans.add({ ...NETWORK, reason: 'more floods' });
    await expect.poll(() => a.heard).toEqual(['banned 192.0.2.0/24 more floods']);
    expect(await a.bans.remove('from', '192.0.2.0/24')).toMatchObject({ reason: 'more floods' });
    await expect.poll(() => b.heard.at(-1)).toBe('lifted 192.0.2.0/24');
    expect([a.bans.list(), b.bans.list(), (await open()).bans.list()]).toEqual([[], [], []]);
    expect(await b.bans.remove('from', '192.0.2.0/24')).toBeUndefined();
    await b.bans.add(NETWORK);
    await expect.poll(() => a.heard.at(-1)).toBe('banned 192.0.2.0/24 floods');
  });

  it('end by themselves, and that is not told as if somebody had lifted them', async () => {
    const [a, b] = [await open(), await open()];
    const until = new Date(Date.now() + 300);
    await a.bans.add({ ...LOGIN, until });
    await expect.poll(() => b.bans.list()).toHaveLength(1);
    await expect
      .poll(() => [a.bans.list(), b.bans.list(), (until.getTime() <= Date.now()).valueOf()])
      .toEqual([[], [], true]);
    expect(b.heard).toEqual(['banned spam-*']);
    expect((await open()).bans.list()).toEqual([]);
  });

  it.each([
    ['ahead', 3 * HOUR_MS],
    ['behind', -3 * HOUR_MS],
  ])('last as long at a node whose clock is hours %s, which lifts none for the others', async (_, aheadMs) => {
    const [a, b] = [await open(), await open(seal, aheadMs)];
    const leftMs = 600_000;
    await a.bans.add({ ...LOGIN, since: new Date(), until: new Date(Date.now() + leftMs) });
    await expect.poll(() => b.heard).toEqual(['banned spam-*']);
    const late = await open(seal, aheadMs);
    for (const { bans } of [b, late]) {
      const [ban] = bans.list();
      const untilMs = ban!.until!.getTime() - aheadMs;
      expect(Math.abs(untilMs - Date.now() - leftMs)).toBeLessThan(60_000);
    }
    expect((await open()).bans.list()).toHaveLength(1);
    // And the other way round.
    await b.bans.add({ ...NETWORK, since: new Date(), until: new Date(Date.now() + aheadMs + leftMs) });
    await expect.poll(() => a.heard).toEqual(['banned 192.0.2.0/24 floods']);
    expect(a.bans.list()).toHaveLength(2);
  });

  it('are heard of by the others when NATS is back', async () => {
    const [a, b] = [await open(), await open()];
    await a.bans.add(NETWORK);
    await expect.poll(() => b.heard).toHaveLength(1);
    await server.kill();
    await expect(a.bans.add(LOGIN)).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    await expect(a.bans.remove('from', NETWORK.what)).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    expect(a.bans.list()).toEqual([LOGIN]);
    await server.start();
    await expect.poll(() => b.bans.list()).toEqual([LOGIN]);
    expect(b.heard.slice(1).toSorted()).toEqual(['banned spam-*', 'lifted 192.0.2.0/24']);
    expect(a.bans.list()).toEqual([LOGIN]);
  });

  it('are not taken from what was read before they were changed', async () => {
    const [a, b] = [await open(), await open()];
    await a.bans.add(NETWORK);
    await expect.poll(() => b.heard).toHaveLength(1);
    const last = b.bucket.last.bind(b.bucket);
    const [reading, changed] = [withResolvers<void>(), withResolvers<void>()];
    b.bucket.last = async (key) => {
      const found = await last(key);
      reading.resolve();
      await changed.promise;
      return found;
    };
    b.broker.emit('reachable', true, undefined);
    await reading.promise;
    await a.bans.remove('from', NETWORK.what);
    await a.bans.add(LOGIN);
    await expect.poll(() => b.heard.slice(1)).toEqual(['lifted 192.0.2.0/24', 'banned spam-*']);
    changed.resolve();
    // That is done when the other is read.
    await b.bans.add({ ...LOGIN, what: 'other' });
    expect(b.bans.list()).toEqual([LOGIN, { ...LOGIN, what: 'other' }]);
    expect(b.heard).toHaveLength(3);
  });

  it('are put again by the nodes when NATS has lost its data', async () => {
    const [a, b] = [await open(), await open()];
    await a.bans.add(NETWORK);
    await expect.poll(() => b.heard).toHaveLength(1);
    await server.kill();
    server.forget();
    await server.start();
    await Promise.all([a, b].map(({ broker }) => broker.whenReachable(never)));
    await expect.poll(async () => (await open()).bans.list()).toEqual([NETWORK]);
    expect([a.bans.list(), b.bans.list()]).toEqual([[NETWORK], [NETWORK]]);
    expect([a.heard, b.heard.slice(1)]).toEqual([[], []]);
  });

  it('are those of the nodes alone, not of others who use the same NATS server', async () => {
    const [a, b] = [await open(), await open(new Seal(Buffer.from('another')))];
    await b.bans.add(LOGIN);
    await a.bucket.put('junk', Buffer.from('junk'), 0);
    await a.bans.add(NETWORK);
    await expect.poll(() => b.bans.list()).toEqual([LOGIN]);
    const c = await open();
    expect(c.bans.list()).toEqual([NETWORK]);
    expect([a.heard, b.heard, a.bans.list()]).toEqual([[], [], [NETWORK]]);
  });

  it('are valid', async () => {
    const { bans } = await open();
    await expect(bans.add({ ...NETWORK, what: '10.0.0.0/33' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(bans.list()).toEqual([]);
  });
});
