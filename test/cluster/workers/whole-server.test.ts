/** What is heard of a cluster while the workers of a node start: they are processes that a test ends. */
import { EventEmitter } from 'node:events';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { momentNow } from '../../../src/cluster/lease-clock.ts';
import type { MembershipEvents } from '../../../src/cluster/membership.ts';
import { WholeServer, type WholeServerPlan } from '../../../src/cluster/workers/whole-server.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { FakeProcess } from '../../support/fake-workers.ts';
import { LogRecorder } from '../../support/server-rig.ts';

vi.mock(import('../../../src/cluster/workers/worker-process.ts'), async () =>
  (await import('../../support/fake-workers.ts')).fakeWorkers(),
);

beforeEach(() => FakeProcess.reset());

const LOST = 'NATS is not reachable: nobody can log in, and sessions end with the lease';
const WHY = 'the connection to NATS is lost';

/** A node whose workers start when the test lets them. */
function starting({ isReachable = true } = {}) {
  const began = withResolvers<void>();
  FakeProcess.answer = async (what) => {
    if (what === 'start') await began.promise;
    return what === 'links' ? { links: [], gaps: 0 } : undefined;
  };
  const { steadyMs, wallMs } = momentNow();
  const membership = Object.assign(new EventEmitter<MembershipEvents>(), {
    self: { node: 'a', epoch: 'e', slot: 0, peer: 'a:1', workers: [], state: 'up' },
    others: [],
    leaseEnd: { steadyMs: steadyMs + 15_000, wallMs: wallMs + 15_000 },
    brokerState: { isReachable, why: isReachable ? undefined : WHY },
    grantsInMs: 0,
    silentMs: () => 0,
    announce: async () => undefined,
    rejoin: () => new Promise(() => undefined),
  });
  const log = new LogRecorder();
  const heard: unknown[][] = [];
  const plan = {
    count: 1,
    options: {},
    log,
    logLevel: 'info',
    tellsEvents: true,
    cluster: {
      membership,
      acceptor: {},
      keys: { connectIds: Buffer.alloc(32) },
      isEncrypted: false,
      leaseTtlMs: 15_000,
    },
    follow: (events: EventEmitter) => {
      for (const name of ['broker', 'nodeJoined', 'fenced']) events.on(name, (...of) => heard.push([name, ...of]));
    },
  };
  const server = WholeServer.start(plan as object as WholeServerPlan);
  const lose = (): void => {
    membership.brokerState = { isReachable: false, why: WHY };
    membership.emit('broker', false, WHY);
  };
  return { server, membership, began, log, heard, lose };
}

it('says at once that NATS has gone while workers start, and that another node has come', async () => {
  const { server, membership, began, log, heard, lose } = starting();
  lose();
  membership.emit('known', { node: 'b', epoch: 'e', slot: 1, peer: 'b:1', workers: [], state: 'up' });
  expect(log.of(LOST)).toMatchObject([{ fields: { why: WHY } }]);
  expect(log.of('a node has joined the cluster')).toHaveLength(1);
  expect(heard).toEqual([
    ['broker', false, WHY],
    ['nodeJoined', 'b', 'b:1'],
  ]);
  began.resolve();
  const made = await server;
  onTestFinished(() => made.close());
  expect(made.cluster).toMatchObject({ broker: { isReachable: false, why: WHY } });
  expect(await made.selfTest()).toBe(`NATS is not reachable: ${WHY}`);
});

it('knows that NATS has gone before its workers were started', async () => {
  const { server, began, log, heard } = starting({ isReachable: false });
  expect(log.of(LOST)).toHaveLength(1);
  expect(heard).toEqual([['broker', false, WHY]]);
  began.resolve();
  const made = await server;
  onTestFinished(() => made.close());
  expect(made.cluster?.broker).toEqual({ isReachable: false, why: WHY });
});

it('says why it does not start where its lease ends meanwhile', async () => {
  const { server, membership, log, heard, began, lose } = starting();
  lose();
  const now = momentNow();
  membership.leaseEnd = { steadyMs: now.steadyMs - 1, wallMs: now.wallMs - 1 };
  membership.emit('fenced', 'it could not be renewed in time');
  // As one does that finds its lease ended.
  began.reject(new Error('the worker has ended (exit code 75)'));
  await expect(server).rejects.toMatchObject({
    code: 'CONNECT_FAILED',
    message: `the lease of this node has ended before its workers had started, as NATS is not reachable (${WHY}): start it again`,
  });
  expect(log.of('the lease of this node is lost: all sessions have ended')).toHaveLength(1);
  expect(heard.map(([name]) => name)).toEqual(['broker', 'fenced']);
});
