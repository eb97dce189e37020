import { describe, expect, it, onTestFinished } from 'vitest';
import type { ChatosClient, ClientOptions, RequestOptions } from '../../src/client/index.ts';
import { WIDTHS, createClient, failure, next } from '../client/real-server.ts';
import { FakeServer, type FakeConnection } from '../support/fake-server.ts';
import { long, packet, str, type LongBytes } from '../support/rfc-peer.ts';

interface LoggedIn {
  readonly fake: FakeServer;
  readonly client: ChatosClient;
  readonly session: FakeConnection;
}

async function logIn(longBytes: LongBytes = 4, options: Partial<ClientOptions> = {}): Promise<LoggedIn> {
  const fake = await FakeServer.listen({ longBytes });
  const client = createClient({ server: fake.address, login: 'alice', ...options });
  const [session] = await Promise.all([fake.login(), client.start()]);
  return { fake, client, session };
}

const ID = (connectId: bigint, longBytes: LongBytes = 4): Buffer =>
  packet(8, str('alice'), str('bob'), long(connectId, longBytes));

/** The connect id that a client presents on its next connection. */
async function presented(fake: FakeServer): Promise<{ half: FakeConnection; connectId: bigint }> {
  const half = await fake.connection();
  return { half, connectId: (await half.next(9)).connectId };
}

describe.each(WIDTHS)('a connect id that nobody waits for, LONG of %i bytes', (longBytes) => {
  const ids = longBytes === 4 ? [1n, 2n ** 31n - 1n] : [1n, 2n ** 31n, 2n ** 63n - 1n];

  it('[RFC 4] is given back, so that the peer does not wait', async () => {
    const { fake, session } = await logIn(longBytes);
    for (const connectId of ids) {
      session.send(ID(connectId, longBytes));
      expect(await session.next(11)).toEqual({ op: 11, connectId, requester: 'alice', target: 'bob' });
      session.send(packet(8, str('bob'), str('alice'), long(connectId, longBytes)));
      expect(await session.next(11)).toEqual({ op: 11, connectId, requester: 'bob', target: 'alice' });
    }
    expect(fake.accepted).toBe(1);
  });

  it('[RFC 4] is presented as it came where it is awaited', async () => {
    const { fake, client, session } = await logIn(longBytes);
    for (const connectId of ids) {
      const asking = client.request('bob');
      expect(await session.next(5)).toEqual({ op: 5, requester: 'alice', target: 'bob' });
      session.send(ID(connectId, longBytes));
      const { half, connectId: shown } = await presented(fake);
      expect(shown).toBe(connectId);
      half.send(packet(10));
      expect((await asking).connectId).toBe(connectId);
    }
  });
});

describe('answers that come together', () => {
  it('gives back the second of two connect ids for one request', async () => {
    const { fake, client, session } = await logIn();
    const asking = client.request('bob');
    asking.catch(() => undefined);
    await session.next(5);
    session.send(ID(1n), ID(2n));
    const { half, connectId } = await presented(fake);
    expect(connectId).toBe(1n);
    expect(await session.next(11)).toMatchObject({ connectId: 2n });
    half.send(packet(10));
    expect((await asking).connectId).toBe(1n);
  });

  it('gives back the connect id behind a refusal', async () => {
    const { client, session } = await logIn();
    const refused = failure(client.request('bob'));
    await session.next(5);
    session.send(packet(7, str('alice'), str('bob')), ID(2n));
    expect(await refused).toMatchObject({ code: 'REQUEST_REFUSED' });
    expect(await session.next(11)).toMatchObject({ connectId: 2n });
  });

  it('gives back the connect id of a request that was cancelled a moment before', async () => {
    const { client, session } = await logIn();
    const abort = new AbortController();
    client.once('message', () => abort.abort());
    const cancelled = failure(client.request('bob', { signal: abort.signal }));
    await session.next(5);
    session.send(packet(3, str('bob'), str('never mind')), ID(2n));
    expect(await cancelled).toMatchObject({ code: 'ABORTED' });
    expect(await session.next(11)).toMatchObject({ connectId: 2n });
  });

  it('[P9] asks for the next channel when the first is answered, and refuses only that one', async () => {
    const { fake, client, session } = await logIn();
    const [first, second] = [client.request('bob'), client.request('bob')];
    const refused = failure(first);
    await session.next(5);
    session.send(packet(7, str('alice'), str('bob')));
    expect(await refused).toMatchObject({ code: 'REQUEST_REFUSED' });
    await session.next(5);
    session.send(ID(5n));
    (await presented(fake)).half.send(packet(10));
    expect((await second).connectId).toBe(5n);
  });

  it('answers two requests of one peer with the ids in their order', async () => {
    const { fake, client, session } = await logIn();
    const channels: Promise<bigint>[] = [];
    client.on('request', (request) => channels.push(request.accept().then(({ connectId }) => connectId)));
    const asks = packet(5, str('bob'), str('alice'));
    session.send(asks, asks);
    await session.next(6);
    await session.next(6);
    for (const connectId of [8n, 9n]) session.send(packet(8, str('bob'), str('alice'), long(connectId)));
    for (let i = 0; i < 2; i += 1) (await presented(fake)).half.send(packet(10));
    expect(await Promise.all(channels)).toEqual([8n, 9n]);
  });
});

describe('a request whose answer does not come', () => {
  it('[P9] is repeated until it does', async () => {
    const { client, session } = await logIn();
    const refused = failure(client.request('bob'));
    const asked = { op: 5, requester: 'alice', target: 'bob' };
    expect(await session.next(5)).toEqual(asked);
    expect(await session.next(5)).toEqual(asked);
    session.send(packet(7, str('alice'), str('bob')));
    expect(await refused).toMatchObject({ code: 'REQUEST_REFUSED' });
  });

  it('says TIMED_OUT to an acceptance that no connect id answers', async () => {
    const { client, session } = await logIn(4, { establishTimeoutMs: 30 });
    const asked = next(client, 'request');
    session.send(packet(5, str('bob'), str('alice')));
    const [request] = await asked;
    await expect(request.accept()).rejects.toMatchObject({ code: 'TIMED_OUT' });
    await session.next(6);
    session.send(packet(8, str('bob'), str('alice'), long(3n)));
    expect(await session.next(11)).toMatchObject({ connectId: 3n });
  });
});

describe('a request that an earlier session brought', () => {
  async function reconnected() {
    const { fake, client, session } = await logIn(4, { reconnect: { firstMs: 5 } });
    const asked = next(client, 'request');
    session.send(packet(5, str('bob'), str('alice')));
    const [request] = await asked;
    const back = Promise.all([next(client, 'disconnected'), next(client, 'connected')]);
    session.reset();
    const again = await fake.login();
    await back;
    return { client, request, again };
  }

  it('[P5] is not accepted on the next one', async () => {
    const { client, request, again } = await reconnected();
    const late = failure(request.accept());
    await client.say('back again');
    expect(await again.next(3)).toMatchObject({ msg: 'back again' });
    expect(await late).toMatchObject({ name: 'ChatosError' });
  });

  it('[P5] is not refused on the next one', async () => {
    const { client, request, again } = await reconnected();
    request.refuse();
    await client.say('back again');
    expect(await again.next(3)).toMatchObject({ msg: 'back again' });
  });
});

describe('logins that no client can have', () => {
  it.each([
    ['a request', packet(5, str(''), str('alice'))],
    ['a connect id', packet(8, str(''), str('alice'), long(1n))],
    ['a connect id of ours', packet(8, str('alice'), str(''), long(1n))],
    ['a refusal', packet(7, str('alice'), str(''))],
    ['a closing', packet(12, str(''))],
    ['a message', packet(4, str(''), str('alice'), str('hi'))],
  ])('[P3] do no harm in %s: the client goes on, or ends its session', async (_, bytes) => {
    const { client, session } = await logIn();
    const crashes: unknown[] = [];
    const onCrash = (error: unknown): void => void crashes.push(error);
    process.on('uncaughtException', onCrash);
    onTestFinished(() => void process.off('uncaughtException', onCrash));
    const closed = next(client, 'closed');
    session.send(bytes);
    session.end(packet(3, str('bob'), str('hi')));
    await closed;
    expect(crashes).toEqual([]);
  });
});

describe('a request that is given up before it is sent', () => {
  it.each<[string, RequestOptions, string]>([
    ['by its signal', { signal: AbortSignal.abort() }, 'ABORTED'],
    ['by its time', { timeoutMs: 0 }, 'TIMED_OUT'],
  ])('%s is not sent', async (_, options, code) => {
    const { client, session } = await logIn();
    await expect(client.request('bob', options)).rejects.toMatchObject({ code });
    await client.say('the next packet');
    expect(await session.next(3)).toMatchObject({ msg: 'the next packet' });
  });
});

describe('a request that cannot be accepted', () => {
  const REQUEST = (from: string): Buffer => packet(5, str(from), str('alice'));

  it('as too many are accepted, is refused, so that the peer does not wait', async () => {
    const { client, session } = await logIn();
    const outcomes: Promise<unknown>[] = [];
    client.on('request', (request) => outcomes.push(failure(request.accept())));
    session.send(...Array.from({ length: 256 }, (_each, i) => REQUEST(`peer-${i}`)));
    for (let i = 0; i < 256; i++) expect(await session.next(6)).toMatchObject({ requester: `peer-${i}` });
    session.send(REQUEST('bob'));
    expect(await session.next(7)).toEqual({ op: 7, requester: 'bob', target: 'alice' });
    expect(await outcomes[256]).toMatchObject({ code: 'QUEUE_FULL' });
    await client.destroy();
    await Promise.all(outcomes);
  });

  it('is refused where its acceptance was given up already', async () => {
    const { client, session } = await logIn();
    const request = next(client, 'request');
    session.send(REQUEST('bob'));
    const accepting = failure((await request)[0].accept({ signal: AbortSignal.abort() }));
    expect(await session.next(7)).toEqual({ op: 7, requester: 'bob', target: 'alice' });
    expect(await accepting).toMatchObject({ code: 'ABORTED' });
  });

  it('can be accepted while 256 requests of our own wait for answers', async () => {
    const { client, session } = await logIn();
    const asking = Array.from({ length: 256 }, (_each, i) => failure(client.request(`peer-${i}`)));
    for (let i = 0; i < 256; i++) await session.next(5);
    const request = next(client, 'request');
    session.send(REQUEST('bob'));
    const accepting = failure((await request)[0].accept());
    expect(await session.next(6)).toEqual({ op: 6, requester: 'bob', target: 'alice' });
    await client.destroy();
    await Promise.all([accepting, ...asking]);
  });
});
