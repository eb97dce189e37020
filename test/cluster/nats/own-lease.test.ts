import { expect, it } from 'vitest';
import { momentNow } from '../../../src/cluster/lease-clock.ts';
import type { NodeLease } from '../../../src/cluster/membership.ts';
import type { Broker } from '../../../src/cluster/nats/broker.ts';
import type { Bucket } from '../../../src/cluster/nats/bucket.ts';
import { readLease } from '../../../src/cluster/nats/lease-records.ts';
import { OwnLease } from '../../../src/cluster/nats/own-lease.ts';
import { Seal } from '../../../src/cluster/nats/seal.ts';
import { withResolvers } from '../../../src/util/deferred.ts';

const turn = (): Promise<void> => new Promise(setImmediate);

it('a lease that is being renewed is given back behind that, and not before', async () => {
  const seal = new Seal(Buffer.from('a secret of the cluster'));
  const puts: { state: string | undefined; previous: number; answer: (revision: number) => void }[] = [];
  const put = (key: string, value: Uint8Array, previous: number): Promise<number> => {
    const { record } = readLease(seal, { key, value: Buffer.from(value), revision: 0, putAtMs: 0 });
    const { promise, resolve } = withResolvers<number>();
    puts.push({ state: record?.state, previous, answer: resolve });
    return promise;
  };
  const lease = new OwnLease(
    {
      broker: { isReachable: true, whenReachable: () => Promise.resolve() } as unknown as Broker,
      nodes: { put } as unknown as Bucket,
      seal,
      ttlMs: 60_000,
      onRenewed: () => undefined,
      onLost: () => undefined,
      onAsked: () => undefined,
      suspectData: () => Promise.resolve(),
      onDataLost: () => undefined,
    },
    { lease: { slot: 3, epoch: 'e1', state: 'up' } as NodeLease, revision: 1, askedAt: momentNow() },
  );
  void lease.renew();
  await turn();
  const given = lease.giveBack();
  await turn();
  expect(puts).toMatchObject([{ state: 'up', previous: 1 }]);
  puts[0]!.answer(2);
  await turn();
  expect(puts).toMatchObject([{}, { state: 'left', previous: 2 }]);
  puts[1]!.answer(3);
  await given;
});
