import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { clusterKeys } from '../../../src/cluster/nodes/cluster-keys.ts';
import { PeerFailure } from '../../../src/cluster/nodes/peer-failure.ts';
import {
  answerPeer,
  callPeer,
  type HandshakePlan,
  type NodeProcess,
} from '../../../src/cluster/nodes/peer-handshake.ts';
import { closeUnlike } from '../../../src/cluster/nodes/unlike.ts';

const SECRET = Buffer.from('a secret of the cluster, long enough');
const OTHER = Buffer.from('a secret of another one, long enough');
const one: NodeProcess = { node: 'one', epoch: 'e1', worker: { slot: 0, number: 1 } };
const two: NodeProcess = { node: 'two', epoch: 'e2', worker: { slot: 3, number: 7 } };

async function sockets(): Promise<readonly [net.Socket, net.Socket]> {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [other] = (await once(server, 'connection')) as [net.Socket];
  server.close();
  onTestFinished(() => {
    socket.destroy();
    other.destroy();
  });
  return [socket, other];
}

const planOf = (self: NodeProcess, isEncrypted: boolean, secret = SECRET): HandshakePlan => ({
  self,
  keys: clusterKeys(secret),
  isEncrypted,
});

/** What both sides say of it. */
async function meet(calling: HandshakePlan, answering: HandshakePlan, to = two) {
  const [socket, other] = await sockets();
  const called = callPeer(socket, to, Buffer.from('please'), calling);
  const answered = answerPeer(other, answering, ({ request, peer }) => Buffer.from(`${String(request)} ${peer.node}`));
  const [call, answer] = await Promise.allSettled([called, answered]);
  return { call, answer, socket, other };
}

function failureOf(result: PromiseSettledResult<unknown>): string | undefined {
  if (result.status === 'fulfilled') return undefined;
  expect(result.reason).toBeInstanceOf(PeerFailure);
  return (result.reason as PeerFailure).message;
}

it('a handshake that is done leaves no time limit behind', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { call, answer } = await meet(planOf(one, false), planOf(two, false));
  expect([call.status, answer.status]).toEqual(['fulfilled', 'fulfilled']);
  expect(vi.getTimerCount()).toBe(0);
});

it('one that encrypts otherwise has 5 s to close its connection, and nothing waits for one that has closed it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const [socket, other] = await sockets();
  const closing = closeUnlike(other, true);
  socket.resume().end();
  await closing;
  expect(vi.getTimerCount()).toBe(0);
  const [, stubborn] = await sockets();
  const closed = closeUnlike(stubborn, false);
  vi.advanceTimersByTime(4_999);
  expect(stubborn.destroyed).toBe(false);
  vi.advanceTimersByTime(1);
  expect(stubborn.destroyed).toBe(true);
  await closed;
});

describe.each([true, false])('two processes of a cluster, encrypted: %s,', (isEncrypted) => {
  it('learn who the other is, and then have the connection for themselves, with all that follows at once', async () => {
    const [socket, other] = await sockets();
    const called = callPeer(socket, two, Buffer.from('please'), planOf(one, isEncrypted));
    const seen: string[] = [];
    const answered = answerPeer(other, planOf(two, isEncrypted), ({ request, peer }) => {
      seen.push(`${String(request)} from ${peer.node}`);
      return Buffer.from('here you are');
    });
    const [{ stream, answer }, met] = await Promise.all([called, answered]);
    expect(String(answer)).toBe('here you are');
    expect(seen).toEqual(['please from one']);
    expect(met.peer).toMatchObject(one);
    for (const [from, to] of [
      [stream, met.stream],
      [met.stream, stream],
    ] as const) {
      const bytes = Buffer.alloc(300_000, 'x');
      from.write(bytes);
      let come = 0;
      for await (const chunk of to.iterator({ destroyOnReturn: false })) {
        come += (chunk as Buffer).length;
        if (come >= bytes.length) break;
      }
      expect(come).toBe(bytes.length);
    }
  });

  it('refuse each other where their secrets are not the same, and both say so', async () => {
    const { call, answer, socket, other } = await meet(planOf(one, isEncrypted), planOf(two, isEncrypted, OTHER));
    expect(failureOf(call)).toMatch(/its secret is not that of this cluster/);
    expect(failureOf(answer)).toMatch(/its secret is not that of this cluster/);
    expect(failureOf(call)).not.toContain(String(SECRET));
    for (const each of [socket, other]) if (!each.destroyed) await once(each.resume(), 'close');
  });

  it('refuse a call for a process that has ended', async () => {
    const before = { ...two, worker: { slot: 3, number: 6 } };
    const { call, answer } = await meet(planOf(one, isEncrypted), planOf(two, isEncrypted), before);
    expect(failureOf(call)).toBe('it has called a process that has ended');
    expect(failureOf(answer)).toBe('it has called a process that has ended');
  });

  it('say both where a node answers at the address of another one', async () => {
    const why = 'node two answers there, and not node three: serve.cluster.peer of one of the two is wrong';
    const { call, answer } = await meet(planOf(one, isEncrypted), planOf(two, isEncrypted), { ...two, node: 'three' });
    expect([failureOf(call), failureOf(answer)]).toEqual([why, why]);
  });

  it('let one know that does not encrypt as the other does, or does so alone', async () => {
    const [socket, other] = await sockets();
    const called = callPeer(socket, two, Buffer.alloc(0), planOf(one, isEncrypted));
    const [[call]] = await Promise.all([Promise.allSettled([called]), closeUnlike(other, isEncrypted)]);
    const [here, there] = isEncrypted ? ['on', 'off'] : ['off', 'on'];
    expect(failureOf(call)).toBe(
      `encryption between nodes is ${here} at this node and ${there} at the other one: one of the two has serve.cluster.encrypt: false`,
    );
    expect((call as PromiseRejectedResult).reason).toMatchObject({ isPassing: false });
    if (!socket.destroyed) await once(socket, 'close');
  });

  it('tell the caller why the answer is no', async () => {
    const [socket, other] = await sockets();
    const called = callPeer(socket, two, Buffer.alloc(0), planOf(one, isEncrypted));
    const answered = answerPeer(other, planOf(two, isEncrypted), () => {
      throw new PeerFailure('node one is not known here', true);
    });
    const [call, answer] = await Promise.allSettled([called, answered]);
    expect(failureOf(call)).toBe('node one is not known here');
    expect(failureOf(answer)).toBe('node one is not known here');
  });

  it.each(['\0'.repeat(64), 'GET / HTTP/1.1\r\n\r\n', '\u0000\u0000\u0000\u0002{}', '\u00ff\u00ff\u00ff\u00ff'])(
    'refuse a stranger that says %j',
    async (text) => {
      const [socket, other] = await sockets();
      socket.on('error', () => undefined).write(Buffer.from(text, 'latin1'));
      socket.end();
      const [answer] = await Promise.allSettled([answerPeer(other, planOf(two, isEncrypted), () => Buffer.alloc(0))]);
      expect(failureOf(answer)).toBeTypeOf('string');
      if (!other.destroyed) await once(other, 'close');
    },
  );

  it('do not wait for one that says nothing', async () => {
    const [, other] = await sockets();
    const plan = { ...planOf(two, isEncrypted), timeoutMs: 50 };
    const [answer] = await Promise.allSettled([answerPeer(other, plan, () => Buffer.alloc(0))]);
    expect(failureOf(answer)).toBe('it has not answered in 0.05 s');
  });
});

it('a proof that was heard is of no use for another connection, nor for the other side', async () => {
  // One that has no secret answers with what the caller itself has said: it is refused.
  const [socket, other] = await sockets();
  const called = callPeer(socket, two, Buffer.alloc(0), planOf(one, false));
  other.on('data', (chunk: Buffer) => {
    const proof = Buffer.alloc(36);
    proof.writeUInt32BE(32);
    other.write(Buffer.concat([chunk, proof]));
  });
  const [call] = await Promise.allSettled([called]);
  expect(failureOf(call)).toMatch(/its secret is not that of this cluster/);
});

it('a secret that could be tried out is refused', () => {
  expect(() => clusterKeys(Buffer.from('short'))).toThrow(/has 5 bytes, and needs at least 16/);
});
