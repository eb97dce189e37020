import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClientEvents } from '../../src/client/index.ts';
import { ChatosServer } from '../../src/server/index.ts';
import { FakeServer } from '../support/fake-server.ts';
import { RfcPeer, long, packet, str } from '../support/rfc-peer.ts';
import { WIDTHS, connect, createClient, leaveOpen, next, openChannel, readAll, startServer } from './real-server.ts';

/** Short pauses, so that the tests are quick. */
const QUICK = { firstMs: 8, maxMs: 32 };

type Retry = ClientEvents['retrying'][0];

describe.each(WIDTHS)('ChatosClient, reconnecting, LONG of %i bytes', (longBytes) => {
  it('is there again when the server is, and does all that it did', async () => {
    const { server, address, port } = await startServer(longBytes);
    const clients = await Promise.all(['alice', 'bob'].map((login) => connect(address, login, { reconnect: QUICK })));
    const [alice, bob] = clients as [(typeof clients)[0], (typeof clients)[0]];
    const lost = Promise.all(clients.map((client) => next(client, 'disconnected')));
    const retrying = next(alice, 'retrying');
    await server.close();
    await lost;
    expect(alice.connected).toBe(false);
    await expect(alice.say('hello')).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    expect(await retrying).toMatchObject([{ attempt: 1, error: { name: 'ChatosError' } }]);

    const back = Promise.all(clients.map((client) => next(client, 'connected')));
    await startServer(longBytes, { port });
    await back;
    const heard = next(bob, 'message');
    await alice.say('hello again');
    expect((await heard)[0]).toMatchObject({ from: 'alice', text: 'hello again' });
    const [here, there] = await openChannel(alice, bob);
    here.end('a channel');
    expect(String(await readAll(there))).toBe('a channel');
  });

  it('[P9] asks again for the channels that it was asking for', async () => {
    const { server, address, port } = await startServer(longBytes);
    const alice = await connect(address, 'alice', { reconnect: QUICK });
    const asking = alice.request('bob');
    const retrying = next(alice, 'retrying');
    await server.close();
    await retrying;
    const again = await startServer(longBytes, { port });
    const bob = await connect(again.address, 'bob');
    const [request] = await next(bob, 'request');
    const [here, there] = await Promise.all([asking, request.accept()]);
    leaveOpen(here, there);
    expect(there.connectId).toBe(here.connectId);
  });
});

describe('ChatosClient with `reconnect`', () => {
  it('goes on trying the first time, with longer and longer pauses', async () => {
    const server = new ChatosServer();
    const { port } = await server.listen('127.0.0.1:0');
    await server.close();
    const client = createClient({ server: `127.0.0.1:${port}`, login: 'alice', reconnect: QUICK });
    const retries: Retry[] = [];
    client.on('retrying', (retry) => retries.push(retry));
    const started = client.start();
    while (retries.length < 4) await next(client, 'retrying');
    await startServer(4, { port });
    await started;
    expect(client.connected).toBe(true);
    expect(retries.map(({ attempt }) => attempt)).toEqual(retries.map((_, i) => i + 1));
    expect(retries.every(({ error }) => error.code === 'CONNECT_FAILED')).toBe(true);
    for (const [i, full] of [8, 16, 32, 32].entries()) {
      expect(retries[i]!.delayMs).toBeGreaterThanOrEqual(full / 2);
      expect(retries[i]!.delayMs).toBeLessThanOrEqual(full);
    }
  });

  it('waits longer for a server that takes it and drops it at once', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice', reconnect: QUICK });
    const attempts: number[] = [];
    client.on('retrying', ({ attempt }) => attempts.push(attempt));
    const starting = client.start();
    for (let i = 0; i < 3; i += 1) (await fake.login()).end();
    await starting;
    await fake.login();
    expect(attempts).toEqual([1, 2, 3]);
  });

  it.each([
    ['garbage', Buffer.of(77)],
    ['nothing but the end', Buffer.alloc(0)],
  ])('goes on where the answer to LOGIN is %s', async (_, answer) => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice', reconnect: QUICK });
    const starting = client.start();
    (await fake.connection()).end(answer);
    await fake.login();
    await starting;
    expect(client.connected).toBe(true);
  });

  it('[RFC 1] gives up where the login is taken', async () => {
    const { address } = await startServer();
    await connect(address, 'alice');
    const client = createClient({ server: address, login: 'alice', reconnect: QUICK });
    const closed = next(client, 'closed');
    await expect(client.start()).rejects.toMatchObject({ code: 'LOGIN_REFUSED' });
    expect(await closed).toMatchObject([{ code: 'LOGIN_REFUSED' }]);
  });

  it('[P7] with `waitForLogin` waits until it is free', async () => {
    const { address, port } = await startServer();
    const holder = await RfcPeer.connect(port);
    await holder.login('alice');
    const client = createClient({ server: address, login: 'alice', reconnect: QUICK, waitForLogin: true });
    const retrying = next(client, 'retrying');
    const starting = client.start();
    expect(await retrying).toMatchObject([{ error: { code: 'LOGIN_REFUSED' } }]);
    holder.destroy();
    await starting;
    expect(client.connected).toBe(true);
  });

  it('[P7] waits for its own login, which its lost session may still hold', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice', reconnect: QUICK });
    const [session] = await Promise.all([fake.login(), client.start()]);
    const errors: string[] = [];
    client.on('retrying', ({ error }) => errors.push(error.code));
    session.reset();
    for (let i = 0; i < 2; i += 1) {
      const connection = await fake.connection();
      await connection.next(0);
      connection.send(packet(2));
      await connection.ended();
    }
    const back = next(client, 'connected');
    await fake.login();
    await back;
    expect(errors).toEqual(['CONNECTION_LOST', 'LOGIN_REFUSED', 'LOGIN_REFUSED']);
  });

  it('[P7] gives up on its own login when two minutes have passed since the session was lost', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice', reconnect: QUICK });
    const [session] = await Promise.all([fake.login(), client.start()]);
    const refuse = async (): Promise<void> => {
      const connection = await fake.connection();
      await connection.next(0);
      connection.send(packet(2));
      await connection.ended();
    };
    session.reset();
    const retried = new Promise<void>((resolve) => {
      client.on('retrying', ({ error }) => error.code === 'LOGIN_REFUSED' && resolve());
    });
    await refuse();
    await retried;
    const closed = next(client, 'closed');
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + 121_000);
    onTestFinished(() => void vi.restoreAllMocks());
    await refuse();
    expect(await closed).toMatchObject([{ code: 'LOGIN_REFUSED' }]);
  });

  it('[P14] keeps its channels, and closes them over the new session', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice', reconnect: QUICK });
    const [session] = await Promise.all([fake.login(), client.start()]);
    const asking = client.request('bob');
    await session.next(5);
    session.send(packet(8, str('alice'), str('bob'), long(9n)));
    const half = await fake.connection();
    await half.next(9);
    half.send(packet(10));
    const channel = await asking;
    session.reset();
    // With a channel open, the client looks first whether the server is there.
    (await fake.connection()).end();
    const again = await fake.login();
    channel.write('kept');
    expect(String(await half.bytes(4))).toBe('kept');
    const closed = channel.close();
    expect(await again.next(11)).toEqual({ op: 11, connectId: 9n, requester: 'alice', target: 'bob' });
    half.end();
    await closed;
  });
});
