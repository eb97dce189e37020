import { describe, expect, it } from 'vitest';
import type { ChatosClient } from '../../src/client/index.ts';
import { createClient, failure, next } from '../client/real-server.ts';
import { FakeServer, type FakeConnection } from '../support/fake-server.ts';
import { int, long, packet, str } from '../support/rfc-peer.ts';

async function logIn(): Promise<{ fake: FakeServer; client: ChatosClient; connection: FakeConnection }> {
  const fake = await FakeServer.listen();
  const client = createClient({ server: fake.address, login: 'alice' });
  const [connection] = await Promise.all([fake.login(), client.start()]);
  return { fake, client, connection };
}

describe('a client whose server misbehaves', () => {
  it.each([
    ['LOGIN_ACCEPTED again', packet(1), 'UNEXPECTED_PACKET'],
    ['LOGIN', packet(0, str('bob')), 'UNEXPECTED_PACKET'],
    ['OK_PRIVATE', packet(6, str('alice'), str('bob')), 'UNEXPECTED_PACKET'],
    ['LOGIN_PRIVATE', packet(9, long(7n)), 'UNEXPECTED_PACKET'],
    ['ESTABLISHED', packet(10), 'UNEXPECTED_PACKET'],
    ['CLOSE_CONNECTION', packet(11, long(7n), str('alice'), str('bob')), 'UNEXPECTED_PACKET'],
    ['an unknown opcode', Buffer.of(13), 'MALFORMED_PACKET'],
    ['a message of 1025 bytes', packet(3, str('bob'), int(1025)), 'MALFORMED_PACKET'],
    ['a login of 31 bytes', packet(5, str('b'.repeat(31)), str('alice')), 'MALFORMED_PACKET'],
    ['a size of 2 GiB', packet(3, int(2 ** 31 - 1)), 'MALFORMED_PACKET'],
    ['bytes that are not UTF-8', packet(3, str('bob'), int(2), Buffer.of(0xc3, 0x28)), 'MALFORMED_PACKET'],
  ])('[P4] ends the session on %s', async (_, bytes, code) => {
    const { client, connection } = await logIn();
    const [disconnected, closed] = [next(client, 'disconnected'), next(client, 'closed')];
    connection.send(bytes);
    await connection.ended();
    expect(await disconnected).toMatchObject([{ name: 'ChatosError', code }]);
    expect(await closed).toMatchObject([{ code }]);
    expect(client.connected).toBe(false);
    await expect(client.say('hello')).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
  });

  it('[P7] takes no notice of a LOGIN_REFUSED that answers nothing', async () => {
    const { client, connection } = await logIn();
    const heard = next(client, 'message');
    connection.send(packet(2), packet(3, str('bob'), str('hi')));
    expect((await heard)[0].text).toBe('hi');
    expect(client.connected).toBe(true);
  });

  it('takes no notice of answers to requests that it never made', async () => {
    const { client, connection } = await logIn();
    const heard = next(client, 'message');
    connection.send(packet(7, str('alice'), str('bob')), packet(12, str('bob')), packet(3, str('bob'), str('hi')));
    expect((await heard)[0].text).toBe('hi');
  });

  it('hands over what came whole before the malformed packet, and nothing behind it', async () => {
    const { client, connection } = await logIn();
    const heard: string[] = [];
    client.on('message', ({ text }) => heard.push(text));
    const closed = next(client, 'closed');
    connection.send(packet(3, str('bob'), str('good')), Buffer.of(99), packet(3, str('bob'), str('bad')));
    expect(await closed).toMatchObject([{ code: 'MALFORMED_PACKET' }]);
    expect(heard).toEqual(['good']);
  });
});

describe('a client whose server goes away', () => {
  it('says that it is disconnected without an error where the server ended in order, and gives up', async () => {
    const { client, connection } = await logIn();
    const [disconnected, closed] = [next(client, 'disconnected'), next(client, 'closed')];
    connection.end();
    expect(await disconnected).toEqual([undefined]);
    expect(await closed).toMatchObject([{ code: 'CONNECTION_LOST' }]);
    expect(await connection.ended()).toBe('end');
  });

  it('says CONNECTION_LOST where the connection broke', async () => {
    const { client, connection } = await logIn();
    const [disconnected, closed] = [next(client, 'disconnected'), next(client, 'closed')];
    connection.reset();
    expect(await disconnected).toMatchObject([{ code: 'CONNECTION_LOST', fields: { errno: 'ECONNRESET' } }]);
    expect(await closed).toMatchObject([{ code: 'CONNECTION_LOST' }]);
  });

  it('[P4] says MALFORMED_PACKET where the connection ended in a packet', async () => {
    const { client, connection } = await logIn();
    const closed = next(client, 'closed');
    connection.end(packet(3, str('bob'), int(10), Buffer.from('half')));
    expect(await closed).toMatchObject([{ code: 'MALFORMED_PACKET' }]);
  });

  it.each(['end', 'reset'] as const)('says CONNECTION_LOST to a request that waits (%s)', async (how) => {
    const { client, connection } = await logIn();
    const lost = failure(client.request('bob'));
    await connection.next(5);
    connection[how]();
    expect(await lost).toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it.each(['end', 'reset'] as const)('says CONNECTION_LOST to an acceptance that waits (%s)', async (how) => {
    const { client, connection } = await logIn();
    const asked = next(client, 'request');
    connection.send(packet(5, str('bob'), str('alice')));
    const [request] = await asked;
    const lost = failure(request.accept());
    await connection.next(6);
    connection[how]();
    expect(await lost).toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it('says NOT_CONNECTED to an acceptance that comes too late', async () => {
    const { client, connection } = await logIn();
    const asked = next(client, 'request');
    connection.send(packet(5, str('bob'), str('alice')));
    const [[request], closed] = [await asked, next(client, 'closed')];
    connection.end();
    await closed;
    await expect(request.accept()).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
  });

  it('says CONNECTION_LOST to what could not be sent any more', async () => {
    const { client, connection } = await logIn();
    connection.socket.pause();
    const text = 'x'.repeat(1024);
    const said = Array.from({ length: 30_000 }, () => client.say(text));
    const results = Promise.allSettled(said);
    await said[0];
    connection.reset();
    const codes = (await results).flatMap((result) =>
      result.status === 'rejected' ? [(result.reason as { code: string }).code] : [],
    );
    expect(codes.length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set(['CONNECTION_LOST']));
  });
});
