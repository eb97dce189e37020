import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Broker } from '../../../src/cluster/nats/broker.ts';
import { Bucket, type BucketRecord } from '../../../src/cluster/nats/bucket.ts';
import { NatsServer, NO_NATS } from '../../support/nats-server.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const textOf = (record: BucketRecord | undefined): string | undefined => record && Buffer.from(record.value).toString();

async function allOf(bucket: Bucket): Promise<string[]> {
  const all: string[] = [];
  for await (const record of bucket.records()) all.push(`${record.key} ${textOf(record)} ${record.revision}`);
  return all;
}

describe.skipIf(NO_NATS)('a bucket (where NATS is installed)', () => {
  let server: NatsServer;
  let broker: Broker;

  beforeEach(async () => {
    server = await NatsServer.start();
    broker = await Broker.connect({ servers: [server.url] }, 'test', 1_000);
    return async () => {
      await broker.close();
      await server.remove();
    };
  });

  const open = (ttlMs = 0): Promise<Bucket> => Bucket.open(broker, 'test', ttlMs);
  /** What a watch has shown so far. */
  const watch = (bucket: Bucket, over = new AbortController()): string[] => {
    const shown: string[] = [];
    onTestFinished(() => over.abort());
    bucket.watch((record) => shown.push(`${record.key} ${textOf(record)}`), over.signal);
    return shown;
  };

  it('is made where another node makes it at the same time, for which servers may refuse it', async () => {
    const refused = Object.assign(new Error('subjects overlap with an existing stream'), {
      name: 'JetStreamApiError',
      code: 10065,
    });
    let refusals = 0;
    const { buckets } = broker;
    const create: Broker['buckets']['create'] = (...of) =>
      refusals++ < 2 ? Promise.reject(refused) : buckets.create(...of);
    const racing = Object.create(broker, {
      buckets: { value: { create } },
      replicas: { value: 1 },
      streams: { value: broker.streams },
    }) as Broker;
    const bucket = await Bucket.open(racing, 'test', 0);
    expect(await bucket.put('key', bytes('one'), 0)).toBe(1);
  });

  it('has a key made once, and overwritten by those alone who know its revision', async () => {
    const bucket = await open();
    const first = await bucket.put('key', bytes('one'), 0);
    expect(first).toBe(1);
    expect(await bucket.put('key', bytes('two'), 0)).toBeUndefined();
    expect(await bucket.put('key', bytes('two'), 1)).toBe(2);
    expect(await bucket.put('key', bytes('three'), 1)).toBeUndefined();
    const last = await bucket.last('key');
    expect(last).toMatchObject({ key: 'key', revision: 2 });
    expect(textOf(last)).toBe('two');
  });

  it('removes one revision, and no other one of the key', async () => {
    const bucket = await open();
    await bucket.put('key', bytes('one'), 0);
    await bucket.put('key', bytes('two'), 1);
    await bucket.remove(1);
    expect(textOf(await bucket.last('key'))).toBe('two');
    await bucket.remove(2);
    await bucket.remove(2);
    await bucket.remove(99);
    expect(await bucket.last('key')).toBeUndefined();
    expect(await bucket.put('key', bytes('three'), 0)).toBe(3);
  });

  it('shows all records', async () => {
    const bucket = await open();
    expect(await allOf(bucket)).toEqual([]);
    for (const key of ['a', 'b', 'c']) await bucket.put(key, bytes(key), 0);
    await bucket.remove(2);
    expect(await allOf(bucket)).toEqual(['a a 1', 'c c 3']);
  });

  it('shows all records though keys are put meanwhile', async () => {
    const bucket = await open();
    for (let round = 0; round < 20; round += 1) {
      const puts = Array.from({ length: 50 }, (_, i) => bucket.put(`${round}-${i}`, bytes('x'), 0));
      await allOf(bucket);
      await Promise.all(puts);
    }
    expect(await allOf(bucket)).toHaveLength(1_000);
  });

  it('shows a watch what is there, and what is put', async () => {
    const bucket = await open();
    await bucket.put('a', bytes('1'), 0);
    const shown = watch(bucket);
    await expect.poll(() => shown).toEqual(['a 1']);
    await bucket.put('b', bytes('2'), 0);
    await expect.poll(() => shown).toEqual(['a 1', 'b 2']);
  });

  it('shows a watch everything again after the server was away, and what is put then', async () => {
    const bucket = await open();
    await bucket.put('a', bytes('1'), 0);
    const over = new AbortController();
    const shown = watch(bucket, over);
    await expect.poll(() => shown).toEqual(['a 1']);
    await server.kill();
    await server.start();
    await expect.poll(() => shown).toEqual(['a 1', 'a 1']);
    await bucket.put('a', bytes('2'), 1);
    await expect.poll(() => shown).toEqual(['a 1', 'a 1', 'a 2']);
    // Of the first watch, nothing is left.
    expect(broker.listenerCount('reachable')).toBe(1);
    expect(getEventListeners(over.signal, 'abort')).toHaveLength(1);
  });

  it('loses records when their time is over', async () => {
    const bucket = await open(500);
    await bucket.put('a', bytes('1'), 0);
    await expect.poll(() => bucket.last('a')).toBeUndefined();
    expect(await bucket.put('a', bytes('1'), 0)).toBe(2);
    expect(await bucket.ttlMs()).toBe(500);
    const other = await open(1_000);
    expect(await other.ttlMs()).toBe(500);
    await other.changeTtl();
    expect(await other.ttlMs()).toBe(1_000);
    await bucket.changeTtl();
    expect(await other.ttlMs()).toBe(500);
  });

  it('keeps what was put when the server is killed, and says when it was made', async () => {
    const bucket = await open();
    const { madeAtMs } = await bucket.ensure();
    await bucket.put('a', bytes('1'), 0);
    await server.kill();
    await server.start();
    await broker.whenReachable(new AbortController().signal);
    expect(textOf(await bucket.last('a'))).toBe('1');
    expect(await bucket.ensure()).toEqual({ madeAtMs, hasGoneBack: false });
  });

  it('says that it is gone, and that it has been made again', async () => {
    const bucket = await open();
    const { madeAtMs } = await bucket.ensure();
    await bucket.put('a', bytes('1'), 0);
    await bucket.put('b', bytes('1'), 0);
    await server.kill();
    server.forget();
    await server.start();
    await broker.whenReachable(new AbortController().signal);
    const gone = { code: 'STORE_UNAVAILABLE' };
    await expect(bucket.put('c', bytes('1'), 0)).rejects.toMatchObject(gone);
    await expect(bucket.last('a')).rejects.toMatchObject(gone);
    await expect(bucket.remove(1)).rejects.toMatchObject(gone);
    const other = await open();
    await expect(bucket.put('c', bytes('1'), 0)).rejects.toMatchObject(gone);
    expect(await other.last('c')).toBeUndefined();
    expect(await bucket.ensure()).toMatchObject({ hasGoneBack: true, madeAtMs: expect.not.closeTo(madeAtMs, 0) });
    expect(await bucket.put('c', bytes('1'), 0)).toBe(2);
  });

  it('says that nobody knows whether it was put, where the server does not answer', async () => {
    const bucket = await open();
    await server.pause();
    await expect(bucket.put('a', bytes('1'), 0, 100)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    server.resume();
  });

  it('says that NATS cannot have it as it should', async () => {
    await broker.close();
    broker = await Broker.connect({ servers: [server.url] }, 'test', 1_000);
    Object.assign(broker, { replicas: 3 });
    await expect(open()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('3 replicas need as many servers'),
    });
  });

  describe('where servers that have just started do not know each other yet', () => {
    const refused = Object.assign(new Error('no suitable peers for placement'), {
      name: 'JetStreamApiError',
      code: 10005,
    });
    /** A broker that cannot place a bucket so many times. */
    const refusing = (times: number): Broker => {
      let left = times;
      const create: Broker['buckets']['create'] = (...args) =>
        left-- > 0 ? Promise.reject(refused) : broker.buckets.create(...args);
      return { replicas: 1, buckets: { create } } as unknown as Broker;
    };

    it('is asked for again', async () => {
      const bucket = await Bucket.open(refusing(2), 'test', 0);
      expect(await bucket.put('a', bytes('1'), 0)).toBe(1);
    });

    it('cannot be reached, if that lasts: nobody need change what was asked for', async () => {
      let now = 0;
      vi.spyOn(performance, 'now').mockImplementation(() => (now += 6_000));
      onTestFinished(() => void vi.restoreAllMocks());
      await expect(Bucket.open(refusing(Infinity), 'test', 0)).rejects.toMatchObject({
        code: 'CONNECT_FAILED',
        message: expect.stringContaining('no suitable peers'),
      });
    });
  });
});
