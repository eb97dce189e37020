import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ChatosClient, ClientOptions } from '../../src/client/index.ts';
import { toAddress } from '../../src/net/address.ts';
import { TestProxy } from '../../src/testing/proxy.ts';
import { FakeServer, type FakeConnection } from '../support/fake-server.ts';
import { packet, str, type Packet } from '../support/rfc-peer.ts';
import { connect, createClient, failure, next, startServer } from './real-server.ts';
import { standStill } from '../support/stand-still.ts';

const INTERVAL_MS = 60;
const QUICK = { firstMs: 8, maxMs: 32 };

async function logIn(options: Partial<ClientOptions> = {}) {
  const fake = await FakeServer.listen();
  const client = createClient({ server: fake.address, login: 'alice', heartbeatMs: INTERVAL_MS, ...options });
  const lost: unknown[] = [];
  client.on('disconnected', (error) => lost.push(error));
  const [connection] = await Promise.all([fake.login(), client.start()]);
  return { fake, client, connection, lost };
}

const answer = (connection: FakeConnection, { sender, target, msg }: Packet<4>): void =>
  connection.send(packet(4, str(sender), str(target), str(msg)));

/** Answers so many questions, as they come. */
async function answerSome(connection: FakeConnection, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) answer(connection, await connection.next(4));
}

/** So many intervals of another client, whose server is well. */
async function intervals(count: number): Promise<void> {
  const { connection } = await logIn();
  // At login, and after two intervals each.
  await answerSome(connection, 1 + Math.ceil(count / 2));
}

/** What a client hears besides this message, which comes last. */
async function heardBefore(client: ChatosClient, connection: FakeConnection): Promise<string[]> {
  const texts: string[] = [];
  client.on('message', ({ text }) => texts.push(text));
  const last = next(client, 'message');
  connection.send(packet(3, str('bob'), str('the last')));
  await last;
  return texts;
}

describe('a client with `heartbeatMs`', () => {
  it('gives up a connection on which nothing comes any more, and is back when the server is', async () => {
    const { address } = await startServer();
    const proxy = await TestProxy.start(toAddress(address));
    onTestFinished(() => proxy.close());
    const options = { heartbeatMs: INTERVAL_MS, loginTimeoutMs: 200, reconnect: QUICK };
    const alice = createClient({ server: proxy.address, login: 'alice', ...options });
    await alice.start();
    await alice.roundTrip();
    const lost = next(alice, 'disconnected');
    proxy.setStalled('all', true);
    expect(await lost).toMatchObject([
      {
        code: 'CONNECTION_LOST',
        message: `tcp://127.0.0.1:${proxy.address.port} is silent: nothing has come for 0.12 s, not even an answer`,
        fields: { silentMs: 2 * INTERVAL_MS },
      },
    ]);
    expect(alice.connected).toBe(false);
    const back = next(alice, 'connected');
    proxy.setStalled('all', false);
    await back;
    await alice.roundTrip();
  });

  it('ends with the error where it does not reconnect', async () => {
    const { client, connection } = await logIn();
    await answerSome(connection, 1);
    connection.socket.pause();
    expect(await next(client, 'closed')).toMatchObject([{ code: 'CONNECTION_LOST' }]);
  });

  it('keeps a connection on which nothing comes but answers, which no listener sees', async () => {
    const { client, connection, lost } = await logIn();
    const heard: string[] = [];
    client.on('message', ({ text }) => heard.push(text));
    await answerSome(connection, 6);
    expect(await heardBefore(client, connection)).toEqual(['the last']);
    expect(heard).toEqual(['the last']);
    expect(lost).toEqual([]);
  });

  it('asks nothing while messages come', async () => {
    const { client, connection, lost } = await logIn({ heartbeatMs: 5 * INTERVAL_MS });
    await answerSome(connection, 1);
    const chatter = setInterval(() => connection.send(packet(3, str('bob'), str('hi'))), 5);
    onTestFinished(() => clearInterval(chatter));
    await intervals(16);
    const disconnected = next(client, 'disconnected');
    connection.end();
    expect(await connection.rest()).toEqual(Buffer.alloc(0));
    await disconnected;
    expect(lost).toEqual([undefined]);
  });

  it('asks nothing by default', async () => {
    const { connection } = await logIn({ heartbeatMs: undefined });
    await intervals(4);
    connection.end();
    expect(await connection.rest()).toEqual(Buffer.alloc(0));
  });

  it('keeps a connection to a server that does not return messages to oneself, and reports it once', async () => {
    const { client, connection, lost } = await logIn({ reconnect: QUICK });
    let reports = 0;
    client.on('heartbeatOff', () => (reports += 1));
    await next(client, 'heartbeatOff');
    await intervals(8);
    await connection.next(4);
    expect(await heardBefore(client, connection)).toEqual(['the last']);
    expect({ reports, lost }).toEqual({ reports: 1, lost: [] });
    await client.say('still here');
    expect(await connection.next(3)).toMatchObject({ msg: 'still here' });
  });

  it('no longer asks a server that ends the connection for it', async () => {
    const { fake, client, connection } = await logIn({ reconnect: QUICK });
    const off = next(client, 'heartbeatOff');
    for (let i = 0, session = connection; i < 3; i += 1) {
      await session.next(4);
      session.end();
      if (i < 2) session = await fake.login();
    }
    const session = await fake.login();
    await off;
    await intervals(4);
    await client.say('still here');
    expect(await session.next(3)).toMatchObject({ msg: 'still here' });
    session.end();
    // One that ends the next connection for it, too, is not asked in the one after that.
    const asked = await fake.login();
    await asked.next(4);
    asked.end();
    const [notAsked] = await Promise.all([fake.login(), next(client, 'connected')]);
    await client.say('here again');
    expect(await notAsked.next(3)).toMatchObject({ msg: 'here again' });
    notAsked.end();
    // Another server may be there now.
    await answerSome(await fake.login(), 3);
  });

  it('gives up a server that falls silent right behind the login, but not twice in a row', async () => {
    const { fake, client, connection, lost } = await logIn({ reconnect: QUICK });
    await answerSome(connection, 1);
    await connection.ended();
    const again = await fake.login();
    await again.ended();
    const off = next(client, 'heartbeatOff');
    const third = await fake.login();
    await off;
    await intervals(6);
    await client.say('still here');
    await third.next(4);
    expect(await third.next(3)).toMatchObject({ msg: 'still here' });
    expect(lost).toMatchObject([{ code: 'CONNECTION_LOST' }, { code: 'CONNECTION_LOST' }]);
  });

  it('takes an answer however late as proof that the server answers', async () => {
    const { client, connection } = await logIn();
    const question = await connection.next(4);
    await next(client, 'heartbeatOff');
    answer(connection, question);
    expect(await next(client, 'closed')).toMatchObject([{ code: 'CONNECTION_LOST' }]);
  });

  it('keeps a server that is slow to read what was sent', async () => {
    const { client, connection, lost } = await logIn({ heartbeatMs: 150 });
    const sent = Array.from({ length: 400 }, (_, i) => client.tell('bob', String(i)));
    await Promise.all(sent);
    for (let read = 0; read < sent.length;) {
      const message = await connection.next(4);
      if (message.target === 'alice') {
        answer(connection, message);
      } else {
        read += 1;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    expect(lost).toEqual([]);
  });

  it.each([
    ['briefly, with the answer unread', 1.2, true],
    ['for long', 2.5, false],
  ])('takes its own process for the cause where that was blocked %s', async (_, blocked, answeredBefore) => {
    const { connection, lost } = await logIn();
    await answerSome(connection, 1);
    const question = await connection.next(4);
    if (answeredBefore) answer(connection, question);
    standStill(blocked * INTERVAL_MS);
    if (!answeredBefore) {
      // Only now is the question on its way, as it were.
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS / 6));
      answer(connection, question);
    }
    await answerSome(connection, 2);
    expect(lost).toEqual([]);
  });

  it('waits in vain no longer than the end of the session', async () => {
    const { client, connection } = await logIn();
    await connection.next(4);
    const closing = client.close();
    connection.end();
    await closing;
    await expect(client.roundTrip()).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
  });
});

describe('a round trip that is given up', () => {
  it('comes back to nobody', async () => {
    const { client, connection } = await logIn({ heartbeatMs: undefined });
    const trip = failure(client.roundTrip({ timeoutMs: 1 }));
    const question = await connection.next(4);
    expect(await trip).toMatchObject({ code: 'TIMED_OUT' });
    answer(connection, question);
    expect(await heardBefore(client, connection)).toEqual(['the last']);
  });
});

describe('a client that reconnects', () => {
  it('[P7] waits for its own login again where the server was not reachable for long', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { fake, client, connection } = await logIn({ heartbeatMs: undefined, reconnect: QUICK });
    const ends: unknown[] = [];
    client.on('closed', (error) => ends.push(error));
    connection.reset();
    (await fake.connection()).reset();
    await next(client, 'retrying');
    vi.setSystemTime(Date.now() + 600_000);
    (await fake.connection()).reset();
    const refused = await fake.connection();
    await refused.next(0);
    refused.send(packet(2));
    await fake.login();
    expect(ends).toEqual([]);
  });
});

it.each([0, -1, NaN, '5', 2 ** 31])('heartbeatMs: %s is refused', async (heartbeatMs) => {
  const options = { heartbeatMs: heartbeatMs as number };
  await expect(connect('127.0.0.1:1', 'alice', options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
