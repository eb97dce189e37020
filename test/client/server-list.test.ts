import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClientEvents } from '../../src/client/index.ts';
import type { Lookup } from '../../src/client/server-list.ts';
import { ChatosServer } from '../../src/server/index.ts';
import { testCertificate } from '../support/certificates.ts';
import { FakeServer } from '../support/fake-server.ts';
import { ownAddress, ownPort } from '../support/own-port.ts';
import { long, packet, str } from '../support/rfc-peer.ts';
import { connect, createClient, ending, failure, next, openChannel, readAll, startServer } from './real-server.ts';

/** Short pauses, so that the tests are quick. */
const QUICK = { firstMs: 8, maxMs: 32 };

type Retry = ClientEvents['retrying'][0];

/**
 * Where the system answers no more: a process that takes no connections, with as many waiting as it lets wait. When its time is
 * up, it accepts each login.
 */
async function deadPort(deadMs = Infinity): Promise<number> {
  const script = `require('net').createServer((socket) => {
    socket.on('error', () => undefined).on('data', () => socket.write(Buffer.of(1)));
  }).listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
    require('fs').writeSync(1, String(this.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${deadMs});
  });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(String(text));
  const waiting = Array.from({ length: 4 }, () => net.connect(port, '127.0.0.1').on('error', () => undefined));
  onTestFinished(() => waiting.forEach((socket) => socket.destroy()));
  await Promise.all(waiting.slice(0, 2).map((socket) => once(socket, 'connect')));
  return port;
}

/** Servers on the same port of several machines, as the nodes that a name means. */
async function startNodes(machines: readonly string[]): Promise<{ port: number; nodes: Map<string, ChatosServer> }> {
  const nodes = new Map<string, ChatosServer>();
  const port = await ownPort();
  for (const machine of machines) {
    const server = new ChatosServer();
    onTestFinished(() => server.close());
    await server.listen(`${machine}:${port}`);
    nodes.set(machine, server);
  }
  return { port, nodes };
}

/** A server that accepts each login, and ends the session at once. */
async function startDropping(): Promise<string> {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.end(packet(1)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

const means =
  (...machines: string[]): Lookup =>
  () =>
    Promise.resolve(machines);

async function startTls(): Promise<{ server: ChatosServer; address: string }> {
  const certificate = await testCertificate();
  const server = new ChatosServer({ tls: certificate });
  onTestFinished(() => server.close());
  const { port } = await server.listen(`tls://${await ownAddress()}`);
  return { server, address: `tls://127.0.0.1:${port}?pin=${certificate.pin}` };
}

const WRONG_PIN = 'sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';

describe('a client with several addresses', () => {
  it('takes the first that lets it in, and says which', async () => {
    const [first, second] = [await startServer(), await startServer(8)];
    const client = createClient({ server: [first.address, second.address], login: 'alice' });
    expect(client.server).toMatchObject({ port: first.port });
    await client.start();
    expect(client.server).toMatchObject({ port: first.port, longBytes: 4 });
    expect(client.servers).toMatchObject([{ port: first.port }, { port: second.port }]);
    await client.close();
    const other = await connect(`${await ownAddress()},${second.address}`, 'alice');
    expect(other.server).toMatchObject({ port: second.port, longBytes: 8 });
  });

  it.each([
    ['ends the connection', (bytes: (data: Uint8Array) => void) => bytes(Buffer.alloc(0))],
    ['speaks something else', (bytes: (data: Uint8Array) => void) => bytes(Buffer.from('HTTP/1.1 400'))],
    ['answers LOGIN with another packet', (bytes: (data: Uint8Array) => void) => bytes(packet(10))],
  ])('goes on at once where a server %s', async (_, answer) => {
    const fake = await FakeServer.listen();
    const { address, port } = await startServer();
    const connecting = connect([fake.address, address].join(), 'alice', { reconnect: { firstMs: 60_000 } });
    const connection = await fake.connection();
    await connection.next(0);
    answer((data) => connection.end(data));
    expect((await connecting).server).toMatchObject({ port });
  });

  it('goes on where a server says nothing, after the time for the login', async () => {
    const fake = await FakeServer.listen();
    const { address, port } = await startServer();
    const client = await connect([fake.address, address].join(), 'alice', { loginTimeoutMs: 300 });
    expect(client.server).toMatchObject({ port });
  });

  it('goes on where a machine does not accept a connection, long before the time for it is up', async () => {
    const { address, port } = await startServer();
    const dead = `127.0.0.1:${await deadPort()}`;
    const startedAt = performance.now();
    const client = await connect(`${dead},${address}`, 'alice', { connectTimeoutMs: 60_000 });
    expect(client.server).toMatchObject({ port });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it('gives a machine that is late all the time that there is, when no other has let it in', async () => {
    const dead = await deadPort();
    const others = [`127.0.0.1:${dead}`, await ownAddress()];
    const error = await failure(connect(others.join(), 'alice', { connectTimeoutMs: 2_000 }));
    const reasons = '(connection refused), tcp://127.0.0.1:PORT (no answer within 2 s)'.replace('PORT', String(dead));
    expect(error).toMatchObject({ code: 'CONNECT_FAILED', message: expect.stringContaining(reasons) as string });
  });

  it('comes back to a machine that was late, when no other has let it in', async () => {
    const late = `127.0.0.1:${await deadPort(1_000)}`;
    const client = await connect(`${late},${await ownAddress()}`, 'alice');
    expect(late).toBe(`127.0.0.1:${client.server.port}`);
  });

  it('gives a slow machine all its time before it speaks in plain to another', async () => {
    const { address } = await startServer();
    const server = `tls://127.0.0.1:${await deadPort()},${address}`;
    const startedAt = performance.now();
    expect((await connect(server, 'alice', { connectTimeoutMs: 1_500 })).server.transport).toBe('tcp');
    expect(performance.now() - startedAt).toBeGreaterThan(1_400);
  });

  it('[P7] does not ask the others for a login that one refuses', async () => {
    const { address } = await startServer();
    await connect(address, 'alice');
    const fake = await FakeServer.listen();
    const error = await failure(connect(`${address},${fake.address}`, 'alice'));
    expect(error).toMatchObject({ code: 'LOGIN_REFUSED' });
    expect(fake.accepted).toBe(0);
  });

  it('passes over no server that is not trusted', async () => {
    const { address } = await startTls();
    const fake = await FakeServer.listen();
    const server = `${address.replace(/pin=.*/, `pin=${WRONG_PIN}`)},${fake.address}`;
    expect(await failure(connect(server, 'alice'))).toMatchObject({
      code: 'NOT_TRUSTED',
      message: expect.stringContaining('WARNING') as string,
    });
    expect(fake.accepted).toBe(0);
  });

  it('says why each was of no use', async () => {
    const closed = await ownAddress();
    const fake = await FakeServer.listen();
    const client = failure(connect(`${closed},${fake.address}`, 'alice'));
    const connection = await fake.connection();
    await connection.next(0);
    connection.end();
    const [one, other] = [closed, fake.address].map((text) => `tcp://${text.replace('?longBytes=4', '')}`);
    expect(await client).toMatchObject({
      code: 'CONNECT_FAILED',
      message: `cannot connect to any address: ${one} (connection refused), ${other} (closed the connection before it answered the login)`,
    });
  });

  it('has one code for one kind of failure', async () => {
    const [one, other] = [await FakeServer.listen(), await FakeServer.listen()];
    const client = failure(connect(`${one.address},${other.address}`, 'alice', { loginTimeoutMs: 30 }));
    expect(await client).toMatchObject({
      code: 'TIMED_OUT',
      message: expect.stringMatching(/\(no answer to LOGIN within 0.03 s\), .*\(no answer to LOGIN/) as string,
    });
  });

  it('stops at once when it is told to, whichever it is at', async () => {
    const fake = await FakeServer.listen();
    const never: Lookup = () => new Promise(() => undefined);
    const abort = new AbortController();
    const server = `name.test:1,${fake.address}`;
    const client = failure(connect(server, 'alice', { lookup: never, signal: abort.signal }));
    abort.abort();
    expect(await client).toMatchObject({ code: 'ABORTED' });
    expect(fake.accepted).toBe(0);
  });

  it('pauses when all have failed, and not before', async () => {
    const [one, other] = [await FakeServer.listen(), await FakeServer.listen()];
    const client = createClient({ server: `${one.address},${other.address}`, login: 'alice', reconnect: QUICK });
    const retries: Retry[] = [];
    client.on('retrying', (retry) => retries.push(retry));
    const starting = client.start();
    for (const [fake, before] of [
      [one, 0],
      [other, 0],
      [one, 1],
      [other, 1],
    ] as const) {
      const connection = await fake.connection();
      expect(retries).toHaveLength(before);
      connection.end();
    }
    await one.login();
    await starting;
    expect(retries.map(({ attempt, error }) => [attempt, error.code])).toEqual([
      [1, 'CONNECTION_LOST'],
      [2, 'CONNECTION_LOST'],
    ]);
  });
});

describe('a client that has lost its session', () => {
  it('tries the others before the one that it was on, after a short pause', async () => {
    const fakes = [await FakeServer.listen(), await FakeServer.listen(), await FakeServer.listen()];
    const server = fakes.map(({ address }) => address);
    const client = createClient({ server, login: 'alice', reconnect: { firstMs: 8, maxMs: 60_000 } });
    const retries: Retry[] = [];
    client.on('retrying', (retry) => retries.push(retry));
    const [first, ...others] = fakes;
    const [session] = await Promise.all([first!.login(), client.start()]);
    session.end();
    const turnedAway = others.map(async (fake) => (await fake.connection()).end());
    const back = next(client, 'connected');
    await first!.login();
    await Promise.all([back, ...turnedAway]);
    expect(others.map(({ accepted }) => accepted)).toEqual([1, 1]);
    expect(retries).toMatchObject([{ attempt: 1 }]);
    expect(retries[0]!.delayMs).toBeLessThanOrEqual(16);
  });

  it('is one of many that spread over the others, and over some time', async () => {
    const [gone, ...others] = [await startServer(), await startServer(), await startServer()];
    const server = [gone, ...others].map(({ address }) => address);
    const delays: number[] = [];
    const clients = await Promise.all(
      Array.from({ length: 40 }, (_, i) => connect(server.join(), `user-${i}`, { reconnect: { firstMs: 100 } })),
    );
    for (const client of clients) client.on('retrying', ({ delayMs }) => delays.push(delayMs));
    const back = Promise.all(clients.map((client) => next(client, 'connected')));
    await gone.server.close();
    await back;
    for (const other of others) expect(other.server.stats.clients).toBeGreaterThan(5);
    expect(delays).toHaveLength(40);
    expect(Math.max(...delays)).toBeLessThanOrEqual(200);
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(100);
  });

  it('waits for longer and longer where the others take it and drop it at once', async () => {
    const client = createClient({
      server: [await startDropping(), await startDropping()],
      login: 'alice',
      reconnect: QUICK,
    });
    const retries: Retry[] = [];
    client.on('retrying', (retry) => retries.push(retry));
    await client.start();
    while (retries.length < 5) await next(client, 'retrying');
    expect(retries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5]);
    for (const { delayMs } of retries.slice(3)) expect(delayMs).toBeGreaterThanOrEqual(16);
  });

  it('does not wait where a server ends it in order over TLS: only one that stops does that', async () => {
    const [one, other] = [await startTls(), await startTls()];
    const client = await connect(`${one.address},${other.address}`, 'alice', { reconnect: { firstMs: 60_000 } });
    const retrying = next(client, 'retrying');
    const back = next(client, 'connected');
    await one.server.close({ drainMs: 1_000 });
    expect(await retrying).toMatchObject([{ delayMs: 0 }]);
    await back;
    expect(`tls://127.0.0.1:${client.server.port}`).toBe(other.address.replace(/\?.*/, ''));
  });

  it('says nothing in plain after it has met a server that is not trusted, until it has met one that is', async () => {
    const [one, other] = [await startTls(), await startTls()];
    const fake = await FakeServer.listen();
    const untrusted = other.address.replace(/pin=.*/, `pin=${WRONG_PIN}`);
    const client = await connect([one.address, untrusted, fake.address].join(), 'alice', { reconnect: QUICK });
    const codes: string[] = [];
    client.on('retrying', ({ error }) => codes.push(error.code));
    const { port } = client.server;
    await one.server.close();
    while (codes.filter((code) => code === 'NOT_TRUSTED').length < 3) await next(client, 'retrying');
    expect(fake.accepted).toBe(0);
    const again = new ChatosServer({ tls: await testCertificate() });
    onTestFinished(() => again.close());
    const back = next(client, 'connected');
    await other.server.close();
    await again.listen(`tls://127.0.0.1:${port}`);
    await back;
    expect(client.server).toMatchObject({ port });
    expect(fake.accepted).toBe(0);
    await again.close();
    while (fake.accepted === 0) await next(client, 'retrying');
  });
});

describe('a private connection at the server that the session has left', () => {
  /** The half of a channel at one server; the session is at another one by now. */
  async function moved() {
    const [here, there] = [await FakeServer.listen(), await FakeServer.listen()];
    const client = createClient({ server: [here.address, there.address], login: 'alice', reconnect: QUICK });
    const [session] = await Promise.all([here.login(), client.start()]);
    const asking = client.request('bob');
    await session.next(5);
    session.send(packet(8, str('alice'), str('bob'), long(9n)));
    const half = await here.connection();
    await half.next(9);
    half.send(packet(10));
    const channel = await asking;
    const back = next(client, 'connected');
    session.reset();
    // With a channel open, the client looks first whether the server is there.
    (await here.connection()).end();
    await there.login();
    await back;
    // An end within 150 ms of that of the session would be of the same cause.
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + 151);
    onTestFinished(() => void vi.restoreAllMocks());
    return { here, half, ended: ending(channel) };
  }

  it('[P14] ends when it is ended and its own server is there', async () => {
    const { here, half, ended } = await moved();
    half.end();
    (await here.connection()).end();
    expect(await ended).toBe('end');
  });

  it('[P14] is broken where its own server is gone, whether or not the other one is there', async () => {
    const { here, ended } = await moved();
    await here.close();
    expect(await ended).toBe('CHANNEL_ABORTED');
  });
});

describe('a client with a name that means several machines', () => {
  it('reaches the one that is there, whichever it is', async () => {
    const { port } = await startNodes(['127.0.0.3']);
    const lookup = means('127.0.0.1', '127.0.0.2', '127.0.0.3');
    const client = await connect(`chat.test:${port}`, 'alice', { lookup });
    expect(client.server).toMatchObject({ host: 'chat.test', port });
  });

  it('goes on where one takes the connection and not the login', async () => {
    const { port, nodes } = await startNodes(['127.0.0.1', '127.0.0.2']);
    nodes.get('127.0.0.1')!.admitNobody();
    for (const login of ['ann', 'bob', 'eve', 'joe']) {
      await connect(`chat.test:${port}`, login, { lookup: means('127.0.0.1', '127.0.0.2') });
    }
    expect(nodes.get('127.0.0.2')!.stats.clients).toBe(4);
  });

  it('says once what is the same of all of them, else of each', async () => {
    const address = `chat.test:${new URL(`tcp://${await ownAddress()}`).port}`;
    const lookup = means('127.0.0.1', '127.0.0.2');
    expect(await failure(connect(address, 'alice', { lookup }))).toMatchObject({
      code: 'CONNECT_FAILED',
      message: `cannot connect to tcp://${address}: connection refused; is the server running?`,
    });
    const { port, nodes } = await startNodes(['127.0.0.2']);
    nodes.get('127.0.0.2')!.admitNobody();
    expect(await failure(connect(`chat.test:${port}`, 'alice', { lookup }))).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining(
        `tcp://chat.test:${port} at 127.0.0.2 (closed the connection before it answered the login)`,
      ) as string,
    });
  });

  it('says that nobody knows the name, and goes on to the next address', async () => {
    const lookup: Lookup = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    const { address, port } = await startServer();
    expect((await connect(`chat.test,${address}`, 'alice', { lookup })).server).toMatchObject({ port });
    expect(await failure(connect('chat.test', 'bob', { lookup }))).toMatchObject({
      code: 'CONNECT_FAILED',
      message: 'cannot connect to tcp://chat.test:7777: the host name is not known',
    });
  });

  it('gives up a look-up that does not end', async () => {
    const lookup: Lookup = () => new Promise(() => undefined);
    expect(await failure(connect('chat.test', 'alice', { lookup, connectTimeoutMs: 30 }))).toMatchObject({
      code: 'TIMED_OUT',
      message: 'no answer to where tcp://chat.test:7777 is within 0.03 s',
    });
  });

  it('comes back at another machine', async () => {
    const { port, nodes } = await startNodes(['127.0.0.1', '127.0.0.2']);
    const lookup = means('127.0.0.1', '127.0.0.2');
    const client = await connect(`chat.test:${port}`, 'alice', { lookup, reconnect: QUICK });
    for (let i = 0; i < 5; i += 1) {
      const here = [...nodes.values()].find(({ stats }) => stats.clients === 1)!;
      const elsewhere = [...nodes.values()].find((node) => node !== here)!;
      const back = next(client, 'connected');
      here.kick(here.sessions()[0]!.id);
      await back;
      expect(elsewhere.stats.clients).toBe(1);
    }
  });

  it('[RFC 4] opens private connections at the machine that its session is on', async () => {
    const machines = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
    const { port, nodes } = await startNodes(machines);
    const lookup = means(...machines);
    const alice = await connect(`chat.test:${port}`, 'alice', { lookup });
    const [machine] = [...nodes].find(([, { stats }]) => stats.clients === 1)!;
    const bob = await connect(`${machine}:${port}`, 'bob');
    for (let i = 0; i < 4; i += 1) {
      const [here, there] = await openChannel(alice, bob);
      here.end('hello');
      expect(String(await readAll(there))).toBe('hello');
    }
  });
});
