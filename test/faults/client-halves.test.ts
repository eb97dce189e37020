import { once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Channel, ChatosClient } from '../../src/client/index.ts';
import { closing, createClient, ending, next, readAll } from '../client/real-server.ts';
import { FakeServer, type FakeConnection } from '../support/fake-server.ts';
import { long, packet, str } from '../support/rfc-peer.ts';

interface Asked {
  readonly fake: FakeServer;
  readonly client: ChatosClient;
  readonly session: FakeConnection;
  readonly half: FakeConnection;
  readonly asking: Promise<Channel>;
}

/** A client that has presented the connect id 7 and waits for ESTABLISHED. */
async function ask(options: { establishTimeoutMs?: number; signal?: AbortSignal } = {}): Promise<Asked> {
  const { signal, ...rest } = options;
  const fake = await FakeServer.listen();
  const client = createClient({ server: fake.address, login: 'alice', ...rest });
  const [session] = await Promise.all([fake.login(), client.start()]);
  const asking = client.request('bob', { signal });
  asking.catch(() => undefined);
  await session.next(5);
  session.send(packet(8, str('alice'), str('bob'), long(7n)));
  const half = await fake.connection();
  expect(await half.next(9)).toEqual({ op: 9, connectId: 7n });
  return { fake, client, session, half, asking };
}

async function open(): Promise<Omit<Asked, 'asking'> & { channel: Channel }> {
  const { asking, ...rest } = await ask();
  rest.half.send(packet(10));
  return { ...rest, channel: await asking };
}

const GIVEN_BACK = { op: 11, connectId: 7n, requester: 'alice', target: 'bob' };

describe('a half that does not become a channel', () => {
  it.each([
    ['a FIN', (half: FakeConnection) => half.end(), 'CONNECTION_LOST'],
    ['a reset', (half: FakeConnection) => half.reset(), 'CONNECTION_LOST'],
    ['another packet', (half: FakeConnection) => half.send(packet(2)), 'UNEXPECTED_PACKET'],
    ['two other packets', (half: FakeConnection) => half.send(packet(2), packet(1)), 'UNEXPECTED_PACKET'],
    ['garbage', (half: FakeConnection) => half.send(Buffer.of(200)), 'MALFORMED_PACKET'],
    ['half of a packet', (half: FakeConnection) => half.end(packet(12, str('bob')).subarray(0, 3)), 'MALFORMED_PACKET'],
  ])('rejects the request on %s, closes the half and gives the id back', async (_, answer, code) => {
    const { half, session, asking, client } = await ask();
    answer(half);
    await expect(asking).rejects.toMatchObject({ name: 'ChatosError', code });
    await half.ended();
    expect(await session.next(11)).toEqual(GIVEN_BACK);
    expect(client.channelCount).toBe(0);
  });

  it('is closed where ESTABLISHED comes behind a packet that must not be there', async () => {
    const { half, asking } = await ask();
    half.send(packet(1), packet(10));
    await expect(asking).rejects.toMatchObject({ code: 'UNEXPECTED_PACKET' });
    await half.ended();
  });

  it('says TIMED_OUT where the peer does not connect, and gives the id back', async () => {
    const { half, session, asking } = await ask({ establishTimeoutMs: 50 });
    await expect(asking).rejects.toMatchObject({ code: 'TIMED_OUT' });
    await half.ended();
    expect(await session.next(11)).toEqual(GIVEN_BACK);
  });

  it('says ABORTED where the request is cancelled, and gives the id back', async () => {
    const abort = new AbortController();
    const { half, session, asking } = await ask({ signal: abort.signal });
    abort.abort();
    await expect(asking).rejects.toMatchObject({ code: 'ABORTED' });
    await half.ended();
    expect(await session.next(11)).toEqual(GIVEN_BACK);
  });

  it.each(['close', 'destroy'] as const)('says ABORTED where the client is ended by %s', async (how) => {
    const { half, session, asking, client } = await ask();
    const ended = client[how]();
    await session.ended();
    session.end();
    await expect(asking).rejects.toMatchObject({ code: 'ABORTED' });
    await half.ended();
    await ended;
  });
});

describe('bytes behind ESTABLISHED', () => {
  it('[P13] are the first of the channel', async () => {
    const { half, asking } = await ask();
    half.end(packet(10), Buffer.from([10, 0, 255]));
    const channel = await asking;
    expect(await readAll(channel)).toEqual(Buffer.of(10, 0, 255));
    channel.end('bye');
    await once(channel, 'close');
    expect(String(await half.rest())).toBe('bye');
  });
});

describe('a channel whose server misbehaves', () => {
  it('[P14] outlives a session that breaks', async () => {
    const { client, session, half, channel } = await open();
    const closed = next(client, 'closed');
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    session.reset();
    await closed;
    // An end at the same time would be taken for that of the server.
    vi.advanceTimersByTime(150);
    channel.write('still ');
    expect(String(await half.bytes(6))).toBe('still ');
    half.end(Buffer.from('here'));
    expect(String(await readAll(channel))).toBe('here');
    expect(client.channelCount).toBe(1);
    channel.end();
    await client.channelsClosed();
  });

  it('[P14] is aborted by a reset, with bytes before it or without', async () => {
    const { half, channel } = await open();
    half.send(Buffer.from('half of'));
    await once(channel, 'readable');
    const seen = ending(channel);
    half.reset();
    expect(await seen).toBe('CHANNEL_ABORTED');
  });

  it('[P14] is aborted by a reset that comes with the last bytes', async () => {
    const { half, channel } = await open();
    half.socket.write(Buffer.from('half of'));
    half.socket.resetAndDestroy();
    expect(await ending(channel)).toBe('CHANNEL_ABORTED');
  });

  it('[P15] ends by packet 12 and FIN, whichever comes first', async () => {
    for (const order of ['12 first', 'FIN first']) {
      const { half, session, channel } = await open();
      const gone = closing(channel);
      channel.resume();
      if (order === '12 first') session.send(packet(12, str('bob')));
      half.end();
      await once(channel, 'end');
      if (order === 'FIN first') session.send(packet(12, str('bob')));
      expect(await gone).toBeUndefined();
      expect(channel.closedByPeer).toBe(true);
    }
  });

  it('[P15] knows that it was closed where packet 12 comes before ESTABLISHED is read', async () => {
    const { half, session, asking, client } = await ask();
    const heard = next(client, 'message');
    session.send(packet(12, str('bob')), packet(3, str('bob'), str('closed it')));
    await heard;
    half.end(packet(10), Buffer.from('hi'));
    const channel = await asking.catch(() => undefined);
    if (!channel) return;
    const gone = closing(channel);
    expect(String(await readAll(channel))).toBe('hi');
    expect(channel.closedByPeer).toBe(true);
    expect(await gone).toBeUndefined();
  });

  it('[P15] is closed within seconds where the server never answers CLOSE_CONNECTION', async () => {
    const { half, session, channel } = await open();
    const closed = channel.close();
    expect(await session.next(11)).toEqual(GIVEN_BACK);
    half.reset();
    await closed;
    expect(channel).toMatchObject({ destroyed: true, errored: null });
  });
});
