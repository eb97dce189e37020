import { getEventListeners } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { InMemoryDirectory } from '../../src/server/directory.ts';
import { ChatosServer, type ServerOptions } from '../../src/server/index.ts';
import { testItself } from '../../src/server/self-test.ts';
import { testCertificate } from '../support/certificates.ts';
import { joinAs } from '../support/bot-world.ts';
import { LogRecorder } from '../support/server-rig.ts';

/** A busy machine is slow: that is not what is tested here. */
const PATIENCE_MS = 30_000;

async function serverAt(address: string, options: ServerOptions = {}) {
  const server = new ChatosServer(options);
  onTestFinished(() => server.close());
  return { server, at: await server.listen(address) };
}

it.each(['tcp://127.0.0.1:0', 'tcp://127.0.0.1:0?longBytes=8', 'tcp://0.0.0.0:0'])(
  'a server that works passes its own test at %s, again and again',
  async (address) => {
    const { server } = await serverAt(address);
    for (let times = 0; times < 3; times += 1) expect(await server.selfTest(PATIENCE_MS)).toBeUndefined();
  },
);

it('passes over TLS, with a certificate that nobody vouches for, and behind a proxy', async () => {
  const { server } = await serverAt('tls://127.0.0.1:0', { tls: await testCertificate() });
  expect(await server.selfTest(PATIENCE_MS)).toBeUndefined();
  const proxied = await serverAt('127.0.0.1:0?proxy=v2', { proxies: ['192.0.2.1'] });
  expect(await proxied.server.selfTest(PATIENCE_MS)).toBeUndefined();
});

it('is let in whatever the rules and limits say', async () => {
  const { server } = await serverAt('127.0.0.1:0', {
    logins: [],
    deny: { from: ['127.0.0.0/8'] },
    halves: 'parties',
    limits: { maxConnections: 1, maxConnectionsPerAddress: 1, connectionsPerSecondPerAddress: 1, messagesPerSecond: 1 },
  });
  server.ban({ kind: 'from', what: '127.0.0.1', since: new Date() });
  for (let times = 0; times < 3; times += 1) expect(await server.selfTest(PATIENCE_MS)).toBeUndefined();
});

it('makes nobody else welcome meanwhile', async () => {
  const { server, at } = await serverAt('127.0.0.1:0', { logins: [] });
  const test = server.selfTest(PATIENCE_MS);
  const strangers = await Promise.allSettled(['alice', 'bob', 'carol'].map((login) => joinAs(at, login)));
  expect(strangers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(await test).toBeUndefined();
  expect(server.stats.refusedLogins).toBe(3);
});

it('nobody notices: no client hears of it, and nothing is counted, listed, logged or emitted', async () => {
  const log = new LogRecorder();
  const { server, at } = await serverAt('127.0.0.1:0', { log });
  const alice = await joinAs(at, 'alice');
  const before = server.stats;
  const lines = log.lines.length;
  const seen: unknown[] = [];
  const during = setInterval(() => {
    const { clients, connections, channels, messages, relayedBytes } = server.stats;
    seen.push({ clients, connections, channels, messages, relayedBytes, sessions: server.sessions().length });
  }, 0);
  for (const event of [
    'connection',
    'login',
    'message',
    'request',
    'channelEstablished',
    'channelEnded',
    'left',
  ] as const) {
    server.on(event, () => seen.push(event));
  }
  for (let times = 0; times < 5; times += 1) expect(await server.selfTest(PATIENCE_MS)).toBeUndefined();
  clearInterval(during);
  const still = { clients: 1, connections: 1, channels: 0, messages: 0, relayedBytes: 0, sessions: 1 };
  expect(seen.length).toBeGreaterThan(0);
  for (const each of seen) expect(each).toEqual(still);
  expect(server.stats).toEqual(before);
  expect(server.channels()).toEqual([]);
  expect(log.lines.slice(lines)).toEqual([]);
  // What alice hears next is what she says herself.
  alice.say('hello');
  expect(await alice.next()).toMatchObject({ op: 3, login: 'alice', msg: 'hello' });
});

it('keeps its place among what is said to everyone meanwhile', async () => {
  const { server, at } = await serverAt('127.0.0.1:0', { limits: { exempt: ['127.0.0.0/8'] } });
  const [alice, bob] = [await joinAs(at, 'alice'), await joinAs(at, 'bob')];
  const test = server.selfTest(PATIENCE_MS);
  for (let index = 0; index < 500; index += 1) alice.say(`message ${index}`);
  expect(await test).toBeUndefined();
  for (let index = 0; index < 500; index += 1) {
    expect(await bob.next()).toMatchObject({ op: 3, msg: `message ${index}` });
  }
});

it('says which step failed: a directory that does not answer', async () => {
  class Silent extends InMemoryDirectory {
    override claim(): Promise<never> {
      return new Promise(() => undefined);
    }
  }
  const { server } = await serverAt('127.0.0.1:0', { directory: new Silent() });
  expect(await server.selfTest(1_000)).toBe('login: no answer within 1 s');
  expect(server.stats).toMatchObject({ clients: 0, connections: 0 });
});

it('fails where the server listens nowhere, and where it is stopping', async () => {
  const nowhere = new ChatosServer();
  expect(await nowhere.selfTest()).toBe('the server listens nowhere');
  const { server } = await serverAt('127.0.0.1:0');
  const test = server.selfTest(PATIENCE_MS);
  const closed = server.close();
  expect(server.isStopping).toBe(true);
  expect(await test).toMatch(/: (?:the server is stopping|the connection was closed|.*ECONNRE)/);
  expect(await server.selfTest()).toBe('the server is stopping');
  await closed;
});

it('leaves no time limit behind, nor a listener at what stops it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { signal } = new AbortController();
  const connect = (): Promise<never> => Promise.reject(new Error('nobody listens'));
  expect(await testItself(connect, 4, PATIENCE_MS, signal)).toBe('the connection: nobody listens');
  expect([vi.getTimerCount(), getEventListeners(signal, 'abort')]).toEqual([0, []]);
});
