import { describe, expect, it } from 'vitest';
import { ChatosClient } from '../../src/client/index.ts';
import { FakeServer } from '../support/fake-server.ts';
import { WIDTHS, connect, createClient, failure, next, startServer } from './real-server.ts';

describe.each(WIDTHS)('ChatosClient, logging in, LONG of %i bytes', (longBytes) => {
  it('[RFC 1] is connected when its login is accepted', async () => {
    const { server, address, port } = await startServer(longBytes);
    const client = createClient({ server: address, login: 'alice' });
    expect(client.connected).toBe(false);
    const connected = next(client, 'connected');
    await client.start();
    expect(await connected).toEqual([]);
    expect(client.connected).toBe(true);
    expect(client).toMatchObject({ login: 'alice', server: { host: '127.0.0.1', port, longBytes }, channelCount: 0 });
    expect(server.stats.clients).toBe(1);
  });

  it('[RFC 1] says LOGIN_REFUSED where the login is taken, in whatever form it is written', async () => {
    const { address } = await startServer(longBytes);
    await connect(address, 'zo\u00e9');
    const refused = ChatosClient.connect({ server: address, login: 'zoe\u0301' });
    await expect(refused).rejects.toMatchObject({ code: 'LOGIN_REFUSED', fields: { login: 'zoe\u0301' } });
  });

  it('[P7] says what a refused login has that nobody can see', async () => {
    const { address } = await startServer(longBytes);
    await expect(ChatosClient.connect({ server: address, login: 'alice\u200b' })).rejects.toMatchObject({
      code: 'LOGIN_REFUSED',
      message: expect.stringMatching(/: it has U\+200B, which nobody can see$/),
    });
  });

  it('[P7] gets a login that has become free', async () => {
    const { address } = await startServer(longBytes);
    const first = await connect(address, 'alice');
    await first.close();
    expect((await connect(address, 'alice')).connected).toBe(true);
  });
});

describe('ChatosClient, before anything is connected', () => {
  it.each([
    ['empty', ''],
    ['of 31 bytes', 'é'.repeat(15) + 'x'],
    ['with half of a surrogate pair', 'a\ud800'],
  ])('[P3] says INVALID_PACKET of a login %s', async (_, login) => {
    const fake = await FakeServer.listen();
    await expect(ChatosClient.connect({ server: fake.address, login })).rejects.toMatchObject({
      code: 'INVALID_PACKET',
    });
    expect(fake.accepted).toBe(0);
  });

  it('says INVALID_ADDRESS of an address that is none', async () => {
    await expect(ChatosClient.connect({ server: 'nowhere:port', login: 'alice' })).rejects.toMatchObject({
      code: 'INVALID_ADDRESS',
    });
  });

  it('is not connected, and says so', async () => {
    const client = createClient({ server: '127.0.0.1:1', login: 'alice' });
    await expect(client.say('hello')).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    await expect(client.tell('bob', 'hello')).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    await expect(client.request('bob')).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
  });
});

describe('ChatosClient and its signal', () => {
  it('does not connect where it is aborted already', async () => {
    const fake = await FakeServer.listen();
    const cause = new Error('enough');
    const connecting = ChatosClient.connect({
      server: fake.address,
      login: 'alice',
      signal: AbortSignal.abort(cause),
    });
    await expect(connecting).rejects.toMatchObject({ code: 'ABORTED', cause });
    expect(fake.accepted).toBe(0);
  });

  it('stops connecting', async () => {
    const fake = await FakeServer.listen();
    const abort = new AbortController();
    const connecting = ChatosClient.connect({ server: fake.address, login: 'alice', signal: abort.signal });
    abort.abort();
    await expect(connecting).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('stops waiting for the answer to LOGIN, and ends the connection', async () => {
    const fake = await FakeServer.listen();
    const abort = new AbortController();
    const connecting = ChatosClient.connect({ server: fake.address, login: 'alice', signal: abort.signal });
    const connection = await fake.connection();
    await connection.next(0);
    abort.abort();
    await expect(connecting).rejects.toMatchObject({ code: 'ABORTED' });
    await connection.ended();
  });

  it('stops trying to connect', async () => {
    const fake = await FakeServer.listen();
    await fake.close();
    const abort = new AbortController();
    const client = createClient({ server: fake.address, login: 'alice', signal: abort.signal, reconnect: true });
    const starting = client.start();
    const ended = failure(starting);
    await next(client, 'retrying');
    abort.abort();
    expect(await ended).toMatchObject({ code: 'ABORTED' });
  });

  it('ends a session under way, without an error', async () => {
    const { address } = await startServer();
    const abort = new AbortController();
    const client = await connect(address, 'alice', { signal: abort.signal, reconnect: true });
    const closed = next(client, 'closed');
    abort.abort();
    expect(await closed).toEqual([undefined]);
    expect(client.connected).toBe(false);
  });
});
