import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RfcPeer, openHalf } from '../support/rfc-peer.ts';
import { closing, connect, failure, next, openChannel, openPair, readAll, startServer } from './real-server.ts';

/** Alice has three channels with bob; bob's ends are here. */
async function openThree() {
  const pair = await openPair();
  const { alice, bob } = pair;
  const second = await openChannel(alice, bob);
  const [bobs, alices] = await openChannel(bob, alice);
  return { ...pair, channels: [[pair.here, pair.there] as const, second, [alices, bobs] as const] as const };
}

describe('several channels with the same peer', () => {
  it.each([0, 1, 2])('[P15] packet 12 ends number %i, the others go on', async (closed) => {
    const { bob, channels } = await openThree();
    const [here, there] = channels[closed]!;
    const gone = closing(there);
    there.resume();
    await here.close();
    expect(await gone).toBeUndefined();
    expect(channels.map(([, end]) => end.closedByPeer)).toEqual([0, 1, 2].map((number) => number === closed));
    for (const [one, other] of channels) {
      if (one === here) continue;
      one.end('go');
      expect(String(await readAll(other))).toBe('go');
      other.end('on');
      expect(String(await readAll(one))).toBe('on');
    }
    await bob.channelsClosed();
    expect(channels.map(([, end]) => end.closedByPeer)).toEqual([0, 1, 2].map((number) => number === closed));
  });

  it('[P15] packets 12 end all that are closed at once', async () => {
    const { alice, bob, channels } = await openThree();
    const gone = Promise.all(channels.map(([, there]) => closing(there)));
    for (const [, there] of channels) there.resume();
    await Promise.all(channels.map(([here]) => here.close()));
    expect(await gone).toEqual([undefined, undefined, undefined]);
    expect(channels.every(([, there]) => there.closedByPeer)).toBe(true);
    await Promise.all([alice.channelsClosed(), bob.channelsClosed()]);
  });

  it('[P15] packet 12 ends one that the peer had half-closed before', async () => {
    const { channels } = await openThree();
    const [here, there] = channels[1];
    here.end('half');
    expect(String(await readAll(there))).toBe('half');
    const gone = closing(there);
    await here.close();
    expect(await gone).toBeUndefined();
    expect(channels.map(([, end]) => end.closedByPeer)).toEqual([false, true, false]);
  });

  it('[P15] packet 12 for a channel that both close does not end another later', async () => {
    const { channels } = await openThree();
    const [first, second] = channels;
    await Promise.all([first[0].close(), first[1].close()]);
    second[0].end('in order');
    expect(String(await readAll(second[1]))).toBe('in order');
    expect(second[1].closedByPeer).toBe(false);
    second[1].end('as well');
    expect(String(await readAll(second[0]))).toBe('as well');
  });
});

describe('a packet 12 whose channel has ended', () => {
  it('[P15] says nothing of another one that ends within its second', async () => {
    const { channels } = await openThree();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const [first, second] = channels;
    const gone = closing(first[1]);
    first[1].resume();
    await first[0].close();
    await gone;
    second[0].end('in order');
    expect(String(await readAll(second[1]))).toBe('in order');
    vi.advanceTimersByTime(1_000);
    expect([first[1].closedByPeer, second[1].closedByPeer]).toEqual([true, false]);
  });
});

describe('a connect id that is given back while another channel with the same peer is open', () => {
  it('[P15] leaves the open channel alone', async () => {
    const { address, port } = await startServer();
    const [alice, bob] = [await RfcPeer.connect(port), await connect(address, 'bob')];
    await alice.login('alice');
    const open = async () => {
      const accepting = next(bob, 'request').then(([request]) => request.accept());
      alice.request('bob');
      return { accepting, connectId: (await alice.next(8)).connectId };
    };
    const { accepting, connectId } = await open();
    const half = await openHalf(port, connectId);
    const channel = await accepting;

    const given = await open();
    const refused = failure(given.accepting);
    alice.close(given.connectId, 'alice', 'bob');
    expect(await refused).toMatchObject({ name: 'ChatosError' });

    expect(channel.closedByPeer).toBe(false);
    half.end('all of it');
    expect(String(await readAll(channel))).toBe('all of it');
    expect(channel).toMatchObject({ closedByPeer: false, writable: true });
    half.destroy();
    alice.destroy();
  });

  it('[P15] leaves the open channel alone where a request was cancelled too late', async () => {
    const { alice, bob, there, here } = await openPair();
    const abort = new AbortController();
    const cancelled = failure(alice.request('bob', { signal: abort.signal }));
    const [request] = await next(bob, 'request');
    abort.abort();
    expect(await cancelled).toMatchObject({ code: 'ABORTED' });
    await expect(request.accept()).rejects.toMatchObject({ name: 'ChatosError' });
    expect([here.closedByPeer, there.closedByPeer]).toEqual([false, false]);
  });
});
