import { getEventListeners } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { FakeServer } from '../support/fake-server.ts';
import { packet, str } from '../support/rfc-peer.ts';
import { connect, createClient, ending, failure, next, openPair, startServer } from './real-server.ts';

it.each(['close', 'destroy'] as const)('a client leaves no timer and no listener behind after %s', async (end) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const fake = await FakeServer.listen();
  const client = createClient({ server: fake.address, login: 'alice', reconnect: true, heartbeatMs: 60_000 });
  const [session] = await Promise.all([fake.login(), client.start()]);
  const { signal } = new AbortController();
  const limits = { timeoutMs: 60_000, signal };
  const asked = [client.roundTrip(limits), client.request('bob', limits), client.request('cyd', limits)];
  expect(vi.getTimerCount()).toBeGreaterThan(3);
  const failing = Promise.all(asked.map(failure));
  const ended = client[end]();
  session.end();
  await Promise.all([ended, failing]);
  expect([vi.getTimerCount(), getEventListeners(signal, 'abort')]).toEqual([0, []]);
});

describe('ChatosClient.close', () => {
  it('lets everything that was said leave first', async () => {
    const { address } = await startServer();
    const [alice, bob] = [await connect(address, 'alice'), await connect(address, 'bob')];
    const heard: string[] = [];
    const last = new Promise<void>((resolve) => {
      bob.on('message', ({ text }) => {
        heard.push(text);
        if (text === '999') resolve();
      });
    });
    const numbers = Array.from({ length: 1000 }, (_, i) => String(i));
    const said = Promise.all(numbers.map((text) => alice.say(text)));
    const closed = next(alice, 'closed');
    await Promise.all([said, alice.close()]);
    await last;
    expect(heard).toEqual(numbers);
    expect(await closed).toEqual([undefined]);
  });

  it('resolves when the server has closed the session too, and says `disconnected`, then `closed`', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice', reconnect: true });
    const [session] = await Promise.all([fake.login(), client.start()]);
    const events: string[] = [];
    client.on('disconnected', () => events.push('disconnected')).on('closed', () => events.push('closed'));
    const closed = client.close().then(() => events.push('resolved'));
    expect(await session.ended()).toBe('end');
    expect(events).toEqual([]);
    session.end();
    await closed;
    expect(events).toEqual(['disconnected', 'closed', 'resolved']);
    expect(fake.accepted).toBe(1);
  });

  it('hears what the server still says', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const [session] = await Promise.all([fake.login(), client.start()]);
    const [heard, closed] = [next(client, 'message'), client.close()];
    await session.ended();
    session.end(packet(3, str('bob'), str('bye')));
    expect((await heard)[0].text).toBe('bye');
    await closed;
  });

  it('tells in the error of `closed` where the connection broke before it ended', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const [session] = await Promise.all([fake.login(), client.start()]);
    const closed = next(client, 'closed');
    const closing = client.close();
    await session.ended();
    session.reset();
    await closing;
    expect(await closed).toMatchObject([{ code: 'CONNECTION_LOST' }]);
  });

  it('takes nothing more to say, and says so; what was said before leaves all the same', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const [session] = await Promise.all([fake.login(), client.start()]);
    const said = client.say('before');
    const closing = client.close();
    await expect(client.say('after')).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    await said;
    expect(await session.next(3)).toMatchObject({ msg: 'before' });
    expect(await session.ended()).toBe('end');
    session.end();
    await closing;
  });

  it('is in order where a request comes meanwhile', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const [session] = await Promise.all([fake.login(), client.start()]);
    const [closed, closing] = [next(client, 'closed'), client.close()];
    await session.ended();
    const heard = next(client, 'message');
    session.send(packet(5, str('bob'), str('alice')));
    await new Promise((resolve) => setImmediate(resolve));
    session.end(packet(3, str('bob'), str('bye')));
    expect((await heard)[0].text).toBe('bye');
    await closing;
    expect(await closed).toEqual([undefined]);
  });

  it('leaves channels open, and they can be ended in order', async () => {
    const { alice, bob, here, there } = await openPair();
    await alice.close();
    expect(alice.channelCount).toBe(1);
    here.end('over');
    there.end();
    expect(await Promise.all([ending(here), ending(there)])).toEqual(['end', 'end']);
    await Promise.all([alice.channelsClosed(), bob.channelsClosed()]);
  });

  it('can be asked for twice, before the start, and from any event', async () => {
    const { address } = await startServer();
    const client = createClient({ server: address, login: 'alice', reconnect: true });
    const closing = new Promise<void>((resolve, reject) => {
      client.once('connected', () => void client.close().then(resolve, reject));
    });
    await client.start();
    await Promise.all([closing, client.close(), client.close()]);
    expect(client.connected).toBe(false);

    const never = createClient({ server: address, login: 'bob' });
    await never.close();
    await expect(never.start()).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('ends a client that is trying to connect again', async () => {
    const { server, address } = await startServer();
    const client = await connect(address, 'alice', { reconnect: { firstMs: 60_000, maxMs: 60_000 } });
    const [retrying, closed] = [next(client, 'retrying'), next(client, 'closed')];
    await server.close();
    await retrying;
    await client.close();
    expect(await closed).toEqual([undefined]);
  });
});

describe('ChatosClient.destroy', () => {
  it('ends a session at once, without waiting for the server', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice', reconnect: true });
    const [session] = await Promise.all([fake.login(), client.start()]);
    const closed = next(client, 'closed');
    await client.destroy();
    await session.ended();
    expect(await closed).toEqual([undefined]);
    await client.destroy();
    expect(fake.accepted).toBe(1);
  });

  it('cuts a close short that the server does not answer', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const [session] = await Promise.all([fake.login(), client.start()]);
    const closing = client.close();
    await session.ended();
    await Promise.all([client.destroy(), closing]);
    expect(client.connected).toBe(false);
  });
});

describe('ChatosClient, used by many at once', () => {
  it('draws no warning', async () => {
    const { address } = await startServer();
    const client = await connect(address, 'alice');
    const warnings: string[] = [];
    const onWarning = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', onWarning);
    const settled = Promise.allSettled(Array.from({ length: 40 }, (_, i) => client.request(`nobody-${i}`)));
    await client.destroy();
    await settled;
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });
});
