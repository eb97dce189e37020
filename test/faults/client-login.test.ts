import { describe, expect, it } from 'vitest';
import { ChatosClient } from '../../src/client/index.ts';
import { createClient, next } from '../client/real-server.ts';
import { FakeServer } from '../support/fake-server.ts';
import { int, packet, str } from '../support/rfc-peer.ts';

const BYE = packet(3, str('bob'), str('bye'));

describe('a client whose LOGIN is answered wrongly', () => {
  it('[RFC 1] says LOGIN_REFUSED, names login and server, and ends the connection', async () => {
    const fake = await FakeServer.listen();
    const connecting = ChatosClient.connect({ server: fake.address, login: 'alice' });
    const connection = await fake.connection();
    expect(await connection.next(0)).toEqual({ op: 0, login: 'alice' });
    connection.send(packet(2));
    await expect(connecting).rejects.toMatchObject({
      code: 'LOGIN_REFUSED',
      fields: { login: 'alice', server: `tcp://127.0.0.1:${fake.port}` },
    });
    expect(await connection.rest()).toHaveLength(0);
  });

  it.each([
    ['an unknown opcode', Buffer.of(13), 'MALFORMED_PACKET'],
    ['an HTTP server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'MALFORMED_PACKET'],
    ['a negative size', packet(3, int(-1)), 'MALFORMED_PACKET'],
    ['bytes that are not UTF-8', packet(3, int(1), Buffer.of(0xff), str('x')), 'MALFORMED_PACKET'],
    ['a message', packet(3, str('bob'), str('hi')), 'UNEXPECTED_PACKET'],
    ['ESTABLISHED', packet(10), 'UNEXPECTED_PACKET'],
  ])('[P4] gives up at once on %s', async (_, answer, code) => {
    const fake = await FakeServer.listen();
    const connecting = ChatosClient.connect({ server: fake.address, login: 'alice' });
    const connection = await fake.connection();
    await connection.next(0);
    connection.send(answer);
    await expect(connecting).rejects.toMatchObject({ name: 'ChatosError', code });
    await connection.ended();
  });

  it('says CONNECTION_LOST where the server closes before an answer, by FIN or by reset', async () => {
    const fake = await FakeServer.listen();
    for (const close of ['end', 'reset'] as const) {
      const connecting = ChatosClient.connect({ server: fake.address, login: 'alice' });
      const connection = await fake.connection();
      await connection.next(0);
      connection[close]();
      await expect(connecting).rejects.toMatchObject({
        code: 'CONNECTION_LOST',
        message: expect.stringContaining('it may be full or stopping, or allow no more connections from') as string,
      });
    }
  });

  it('[P4] says MALFORMED_PACKET where the connection ends in a packet', async () => {
    const fake = await FakeServer.listen();
    const connecting = ChatosClient.connect({ server: fake.address, login: 'alice' });
    (await fake.connection()).end(packet(3, str('bob')));
    await expect(connecting).rejects.toMatchObject({ code: 'MALFORMED_PACKET' });
  });

  it('says TIMED_OUT where the server never answers, and ends the connection', async () => {
    const fake = await FakeServer.listen();
    const connecting = ChatosClient.connect({ server: fake.address, login: 'alice', loginTimeoutMs: 30 });
    await expect(connecting).rejects.toMatchObject({ code: 'TIMED_OUT' });
    await (await fake.connection()).ended();
  });

  it('says CONNECT_FAILED where nobody listens', async () => {
    const fake = await FakeServer.listen();
    await fake.close();
    await expect(ChatosClient.connect({ server: fake.address, login: 'alice' })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      fields: { errno: 'ECONNREFUSED' },
    });
  });

  it('takes nothing that came behind a refusal for its session', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const heard: string[] = [];
    client.on('message', ({ text }) => heard.push(text)).on('connected', () => heard.push('connected'));
    const closed = next(client, 'closed');
    const starting = client.start();
    const connection = await fake.connection();
    connection.send(packet(2), packet(1), packet(3, str('bob'), str('hi')));
    await expect(starting).rejects.toMatchObject({ code: 'LOGIN_REFUSED' });
    expect((await closed)[0]).toMatchObject({ code: 'LOGIN_REFUSED' });
    expect(heard).toEqual([]);
  });
});

describe('a client that is logged in and hears more in the same piece', () => {
  it('says that it is connected before it hands over what it hears', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const events: string[] = [];
    client.on('connected', () => events.push('connected')).on('message', () => events.push('message'));
    const heard = next(client, 'message');
    await Promise.all([client.start(), fake.login(BYE), heard]);
    expect(events).toEqual(['connected', 'message']);
  });

  it('[P10] refuses a request that nobody listens to', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const [connection] = await Promise.all([fake.login(packet(5, str('bob'), str('alice'))), client.start()]);
    expect(await connection.next(7)).toEqual({ op: 7, requester: 'bob', target: 'alice' });
  });

  it('[P10] can accept a request at once', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    client.on('request', (request) => void request.accept().catch(() => undefined));
    const [connection] = await Promise.all([fake.login(packet(5, str('bob'), str('alice'))), client.start()]);
    expect(await connection.next(6)).toEqual({ op: 6, requester: 'bob', target: 'alice' });
  });

  it('says UNEXPECTED_PACKET of a second LOGIN_ACCEPTED', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const closed = next(client, 'closed');
    const [connection] = await Promise.all([fake.login(packet(1)), client.start()]);
    await connection.ended();
    expect((await closed)[0]).toMatchObject({ code: 'UNEXPECTED_PACKET' });
  });

  it.each(['close', 'destroy'] as const)('can %s at the first thing it hears', async (how) => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const ended = new Promise<void>((resolve, reject) => {
      client.once('message', () => void client[how]().then(resolve, reject));
    });
    client.start().catch(() => undefined);
    const connection = await fake.login(BYE);
    await connection.ended();
    connection.end();
    await ended;
    expect(client.connected).toBe(false);
  });
});
