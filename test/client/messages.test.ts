import { describe, expect, it } from 'vitest';
import type { ChatMessage, ChatosClient } from '../../src/client/index.ts';
import { FakeServer } from '../support/fake-server.ts';
import { RfcPeer, packet, str } from '../support/rfc-peer.ts';
import { WIDTHS, connect, createClient, next, startServer } from './real-server.ts';

/** Messages that somebody hears, up to the one that says `end`. */
function heardUntil(client: ChatosClient, end: string): Promise<ChatMessage[]> {
  const heard: ChatMessage[] = [];
  return new Promise((resolve) => {
    client.on('message', (message) => {
      if (message.text === end) resolve(heard);
      else heard.push(message);
    });
  });
}

describe.each(WIDTHS)('ChatosClient, messages, LONG of %i bytes', (longBytes) => {
  it('[P8] is heard by everyone, itself included, and knows its own words', async () => {
    const { address } = await startServer(longBytes);
    const [alice, bob] = [await connect(address, 'alice'), await connect(address, 'bob')];
    const heard = Promise.all([next(alice, 'message'), next(bob, 'message')]);
    await alice.say('héllo €');
    expect(await heard).toEqual([
      [{ from: 'alice', text: 'héllo €', private: false, own: true }],
      [{ from: 'alice', text: 'héllo €', private: false, own: false }],
    ]);
  });

  it('[P8] tells one what nobody else hears', async () => {
    const { address } = await startServer(longBytes);
    const [alice, bob, carol] = [
      await connect(address, 'alice'),
      await connect(address, 'bob'),
      await connect(address, 'carol'),
    ];
    const [byBob, byCarol] = [heardUntil(bob, 'end'), heardUntil(carol, 'end')];
    await alice.tell('bob', 'psst');
    await alice.tell('nobody', 'psst');
    await alice.say('end');
    expect(await byBob).toEqual([{ from: 'alice', text: 'psst', private: true, own: false }]);
    expect(await byCarol).toEqual([]);
  });

  it('[P8] is heard in the order in which it spoke, to everyone and to one', async () => {
    const { address } = await startServer(longBytes);
    const [alice, bob] = [await connect(address, 'alice'), await connect(address, 'bob')];
    const heard = heardUntil(bob, 'end');
    const numbers = Array.from({ length: 300 }, (_, i) => String(i));
    await Promise.all(numbers.map((text, i) => (i % 3 === 0 ? alice.tell('bob', text) : alice.say(text))));
    await alice.say('end');
    expect((await heard).map(({ text }) => text)).toEqual(numbers);
  });

  it('sends nothing that was given up before, and that fails once, whatever else is wrong with it', async () => {
    const { address } = await startServer(longBytes);
    const [alice, bob] = [await connect(address, 'alice'), await connect(address, 'bob')];
    const heard = heardUntil(bob, 'end');
    const options = { signal: AbortSignal.abort() };
    await expect(alice.say('given up', options)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(alice.tell('bob', 'given up', options)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(alice.roundTrip(options)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(alice.say('no time', { timeoutMs: 0 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    // A promise that nobody waits for would end the process.
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    await expect(alice.say('x'.repeat(2_000), options)).rejects.toMatchObject({ code: 'ABORTED' });
    await alice.say('end');
    expect(await heard).toEqual([]);
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
  });

  it('[P3] says nothing, and as much as fits', async () => {
    const { address } = await startServer(longBytes);
    const [alice, bob] = [await connect(address, 'alice'), await connect(address, 'bob')];
    const heard = heardUntil(bob, 'end');
    await alice.say('');
    await alice.say('😀'.repeat(256));
    await alice.tell('bob', 'é'.repeat(512));
    await alice.say('end');
    expect((await heard).map(({ text }) => text)).toEqual(['', '😀'.repeat(256), 'é'.repeat(512)]);
  });

  it('speaks to a client of the other width', async () => {
    const { server, address } = await startServer(longBytes);
    const other = await server.listen(`127.0.0.1:0?longBytes=${longBytes === 4 ? 8 : 4}`);
    const alice = await connect(address, 'alice');
    const bob = createClient({ server: other, login: 'bob' });
    await bob.start();
    const heard = next(bob, 'message');
    await alice.tell('bob', 'hello');
    expect((await heard)[0].text).toBe('hello');
  });
});

describe('ChatosClient, what it does not send', () => {
  it.each([
    ['a message of 1025 bytes', (client: ChatosClient) => client.say('é'.repeat(512) + 'x')],
    ['a private message of 1025 bytes', (client: ChatosClient) => client.tell('bob', 'x'.repeat(1025))],
    ['half of a surrogate pair', (client: ChatosClient) => client.say('\udc00')],
    ['a message to nobody', (client: ChatosClient) => client.tell('', 'hello')],
    ['a message to a login of 31 bytes', (client: ChatosClient) => client.tell('x'.repeat(31), 'hello')],
    ['a request to a login of 31 bytes', (client: ChatosClient) => client.request('x'.repeat(31))],
    ['a request to nobody', (client: ChatosClient) => client.request('')],
  ])('[P3] says INVALID_PACKET of %s, and writes nothing', async (_, send) => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const [connection] = await Promise.all([fake.login(), client.start()]);
    await expect(send(client)).rejects.toMatchObject({ code: 'INVALID_PACKET' });
    await client.say('still here');
    expect(await connection.next(3)).toEqual({ op: 3, login: 'alice', msg: 'still here' });
  });
});

describe('ChatosClient, its own words', () => {
  it('[P7] knows them in another form of its login', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'zo\u00e9' });
    const [connection] = await Promise.all([fake.login(), client.start()]);
    const heard = next(client, 'message');
    connection.send(packet(3, str('zoe\u0301'), str('it is me')));
    expect((await heard)[0]).toMatchObject({ from: 'zoe\u0301', own: true });
  });

  it('reads what comes byte by byte', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const [connection] = await Promise.all([fake.login(), client.start()]);
    const heard = next(client, 'message');
    await connection.sendSlowly(packet(4, str('bob'), str('alice'), str('slowly €')));
    expect((await heard)[0]).toEqual({ from: 'bob', text: 'slowly €', private: true, own: false });
  });

  it('[RFC 2] writes what a peer of the RFC reads', async () => {
    const { address, port } = await startServer();
    const bob = await RfcPeer.connect(port);
    await bob.login('bob');
    const alice = await connect(address, 'alice');
    await alice.say('one');
    await alice.tell('bob', 'two');
    expect(await bob.next()).toEqual({ op: 3, login: 'alice', msg: 'one' });
    expect(await bob.next()).toEqual({ op: 4, sender: 'alice', target: 'bob', msg: 'two' });
    bob.destroy();
  });
});
