import { describe, expect, it } from 'vitest';
import type { PrivateRequest } from '../../src/client/index.ts';
import { WIDTHS, connect, failure, next, openChannel, readAll, startServer } from './real-server.ts';

async function startTwo(longBytes: 4 | 8 = 4) {
  const { server, address } = await startServer(longBytes);
  const [alice, bob] = await Promise.all([connect(address, 'alice'), connect(address, 'bob')]);
  return { server, address, alice, bob };
}

describe.each(WIDTHS)('ChatosClient, private requests, LONG of %i bytes', (longBytes) => {
  it('[RFC 3] opens a channel where the peer accepts', async () => {
    const { alice, bob } = await startTwo(longBytes);
    const [here, there] = await openChannel(alice, bob);
    expect(here).toMatchObject({ peer: 'bob', role: 'requester', bytesSent: 0, bytesReceived: 0, closedByPeer: false });
    expect(there).toMatchObject({ peer: 'alice', role: 'target', connectId: here.connectId });
    expect(here.connectId > 0n && here.connectId < 1n << (longBytes === 4 ? 31n : 63n)).toBe(true);
    expect([alice.channelCount, bob.channelCount]).toEqual([1, 1]);
  });

  it('[RFC 3] says REQUEST_REFUSED where the peer refuses', async () => {
    const { alice, bob } = await startTwo(longBytes);
    bob.once('request', (request) => request.refuse());
    await expect(alice.request('bob')).rejects.toMatchObject({ code: 'REQUEST_REFUSED', fields: { peer: 'bob' } });
  });

  it('gives several requests to one peer a channel each', async () => {
    const { alice, bob } = await startTwo(longBytes);
    bob.on('request', (request) => {
      void request.accept().then((channel) => channel.end(String(channel.connectId)));
    });
    const channels = await Promise.all([1, 2, 3, 4, 5].map(() => alice.request('bob')));
    const ids = channels.map(({ connectId }) => String(connectId));
    expect(new Set(ids).size).toBe(5);
    const read = await Promise.all(channels.map((channel) => readAll(channel)));
    expect(read.map(String)).toEqual(ids);
  });

  it('lets two peers ask each other at once', async () => {
    const { alice, bob } = await startTwo(longBytes);
    const accepted = [alice, bob].map((client) => next(client, 'request').then(([request]) => request.accept()));
    const [toBob, toAlice, byAlice, byBob] = await Promise.all([
      alice.request('bob'),
      bob.request('alice'),
      ...accepted,
    ]);
    expect(byBob!.connectId).toBe(toBob.connectId);
    expect(byAlice!.connectId).toBe(toAlice.connectId);
    expect(toBob.connectId).not.toBe(toAlice.connectId);
    toBob.end('to bob');
    toAlice.end('to alice');
    expect(String(await readAll(byBob!))).toBe('to bob');
    expect(String(await readAll(byAlice!))).toBe('to alice');
  });

  it('[P1] opens a channel with a client of the other width', async () => {
    const { server, alice } = await startTwo(longBytes);
    const other = await server.listen(`127.0.0.1:0?longBytes=${longBytes === 4 ? 8 : 4}`);
    const carol = await connect(`127.0.0.1:${other.port}?longBytes=${other.longBytes}`, 'carol');
    for (const [from, to] of [[alice, carol] as const, [carol, alice] as const]) {
      const [here, there] = await openChannel(from, to);
      here.end('across');
      expect(String(await readAll(there))).toBe('across');
      expect(here.connectId < 1n << 31n).toBe(true);
    }
  });
});

describe('ChatosClient, a request that is asked of it', () => {
  it('is refused where nobody listens', async () => {
    const { alice } = await startTwo();
    await expect(alice.request('bob')).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
  });

  it('is answered once', async () => {
    const { alice, bob } = await startTwo();
    const asking = alice.request('bob');
    const [request] = await next(bob, 'request');
    expect(request).toMatchObject({ from: 'alice', answered: false });
    const accepting = request.accept();
    expect(request.answered).toBe(true);
    request.refuse();
    await expect(request.accept()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((await asking).connectId).toBe((await accepting).connectId);
  });

  it('[P9] is heard once, however often it is repeated', async () => {
    const { alice, bob } = await startTwo();
    const heard: PrivateRequest[] = [];
    bob.on('request', (request) => heard.push(request));
    await expect(alice.request('bob', { timeoutMs: 1_200 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    expect(heard).toHaveLength(1);
  });
});

describe('ChatosClient, a request that it makes', () => {
  it('[P9] waits for a peer who comes later', async () => {
    const { address } = await startServer();
    const alice = await connect(address, 'alice');
    const asking = alice.request('bob');
    const bob = await connect(address, 'bob');
    const [request] = await next(bob, 'request');
    const [here, there] = await Promise.all([asking, request.accept()]);
    expect(there.connectId).toBe(here.connectId);
  });

  it('says TIMED_OUT where nobody comes', async () => {
    const { address } = await startServer();
    const alice = await connect(address, 'alice');
    await expect(alice.request('bob', { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'TIMED_OUT',
      fields: { timeoutMs: 20 },
    });
  });

  it('waits as long as it is told to, where that is more than a timer can hold', async () => {
    const { alice, bob } = await startTwo();
    const accepted = next(bob, 'request').then(([request]) => request.accept());
    const asking = alice.request('bob', { timeoutMs: 60 * 24 * 3_600_000 });
    const [here, there] = await Promise.all([asking, accepted]);
    expect(there.connectId).toBe(here.connectId);
  });

  it('[P10] says REQUEST_REFUSED where the peer leaves before answering', async () => {
    const { alice, bob } = await startTwo();
    const refused = failure(alice.request('bob'));
    await next(bob, 'request');
    await bob.destroy();
    expect(await refused).toMatchObject({ code: 'REQUEST_REFUSED' });
  });

  it('says INVALID_ARGUMENT where it asks itself, in whatever form it is written', async () => {
    const { address } = await startServer();
    const zoe = await connect(address, 'zo\u00e9');
    await expect(zoe.request('zoe\u0301')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('is cancelled by its signal, before and while it waits; the next one is asked all the same', async () => {
    const { alice, bob } = await startTwo();
    const cause = new Error('changed my mind');
    const never = alice.request('bob', { signal: AbortSignal.abort(cause) });
    await expect(never).rejects.toMatchObject({ code: 'ABORTED', cause });
    const abort = new AbortController();
    const cancelled = failure(alice.request('bob', { signal: abort.signal }));
    const asking = alice.request('bob');
    const [request] = await next(bob, 'request');
    abort.abort(cause);
    expect(await cancelled).toMatchObject({ code: 'ABORTED' });
    const [here, there] = await Promise.all([asking, request.accept()]);
    expect(there.connectId).toBe(here.connectId);
  });

  it('says QUEUE_FULL where 256 wait already', async () => {
    const { address } = await startServer();
    const alice = await connect(address, 'alice');
    const waiting = Array.from({ length: 256 }, (_, i) => alice.request(`nobody-${i}`));
    await expect(alice.request('bob')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    const settled = Promise.allSettled(waiting);
    await alice.destroy();
    for (const result of await settled) expect(result).toMatchObject({ reason: { code: 'ABORTED' } });
  });

  it('says ABORTED where the client is closed meanwhile', async () => {
    const { address } = await startServer();
    const alice = await connect(address, 'alice');
    const aborted = failure(alice.request('bob'));
    await alice.close();
    expect(await aborted).toMatchObject({ code: 'ABORTED' });
  });
});
