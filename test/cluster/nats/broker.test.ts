import { getEventListeners, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { nkeys } from '@nats-io/transport-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Broker } from '../../../src/cluster/nats/broker.ts';
import type { BrokerOptions } from '../../../src/cluster/nats/broker-options.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { NatsServer, NO_NATS, type NatsServerOptions } from '../../support/nats-server.ts';

async function startServer(options?: NatsServerOptions): Promise<NatsServer> {
  const server = await NatsServer.start(options);
  onTestFinished(() => server.remove());
  return server;
}

async function connect(options: BrokerOptions): Promise<Broker> {
  const broker = await Broker.connect(options, 'test', 1_000);
  onTestFinished(() => broker.close());
  return broker;
}

function makeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-nats-files-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const withPort = (url: string, user: string): string => url.replace('//', `//${user}@`);

describe('an address of a NATS server', () => {
  it.each([
    '127.0.0.1:4222',
    'http://127.0.0.1',
    'nats://',
    'nats://h/path',
    'nats://h?x=1',
    'bob:secret@h',
    'http://bob:secret@h',
    '',
  ])('cannot be %s', async (url) => {
    const error = await Broker.connect({ servers: [url] }, 'test', 1_000).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('nats://127.0.0.1:4222'),
    });
    expect(String(error)).not.toContain('secret');
  });
});

describe.skipIf(NO_NATS)('a connection to NATS (where it is installed)', () => {
  it('says that there is no server, and how to start one', async () => {
    const server = await startServer();
    await server.kill();
    await expect(connect({ servers: [server.url] })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringMatching(/no NATS server at 127\.0\.0\.1:\d+: .*refused.*nats-server --jetstream/),
    });
  });

  it('does not wait for a server that does not answer, and says what may be so', async () => {
    const server = await startServer();
    await server.pause();
    const error: unknown = await connect({ servers: [server.url] }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'CONNECT_FAILED',
      message: `the NATS server at 127.0.0.1:${server.port} does not answer in 3 s: it hangs, a firewall is in between, or it wants a certificate of its clients (serve.cluster.tls.cert and key)`,
    });
  });

  it('says that the server has no JetStream', async () => {
    const { url } = await startServer({ jetStream: false });
    await expect(connect({ servers: [url] })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('has no JetStream'),
    });
  });

  it('says that the user may not do what a node does', async () => {
    const of = (user: string, permissions: string) => `{ user: ${user}, password: p, permissions: ${permissions} }`;
    const users = [
      of('mute', '{ publish: ["x"], subscribe: ["_INBOX.>"] }'),
      of('deaf', '{ publish: [">"], subscribe: ["x"] }'),
    ];
    const { url } = await startServer({ config: `authorization { users = [${users.join(', ')}] }` });
    for (const [user, what] of [
      ['mute', 'Publish to "$JS.API.INFO"'],
      ['deaf', 'Subscription to "_INBOX.>"'],
    ] as const) {
      await expect(connect({ servers: [withPort(url, `${user}:p`)] })).rejects.toMatchObject({
        code: 'NOT_PERMITTED',
        message: expect.stringContaining(
          `: Permissions Violation for ${what}; let it publish and subscribe to $JS.API`,
        ),
      });
    }
  });

  it('says that the server is too old for several replicas', async () => {
    const { url } = await startServer();
    const { info } = (await connect({ servers: [url] })).connection;
    if (!info!.version.startsWith('2.9.')) return;
    await expect(connect({ servers: [url], replicas: 3 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('3 replicas need NATS 2.10.23 or later, and this is 2.9'),
    });
  });

  it('logs in by user and password, of the address or beside it', async () => {
    const { url } = await startServer({ args: ['--user', 'bob', '--pass', 'se:cret/'] });
    for (const user of ['bob:wrong', 'eve:wrong']) {
      const wrong = connect({ servers: [withPort(url, user)] });
      await expect(wrong).rejects.toMatchObject({ code: 'NOT_PERMITTED', message: expect.stringContaining('refuses') });
    }
    await connect({ servers: [withPort(url, 'bob:se%3Acret%2F')] });
    await connect({ servers: [url], user: 'bob', password: 'se:cret/' });
  });

  it('says that credentials are missing, and how to give them', async () => {
    const { url, port } = await startServer({ args: ['--user', 'bob', '--pass', 'secret'] });
    const error: unknown = await connect({ servers: [url] }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'NOT_PERMITTED',
      message: expect.stringContaining(`127.0.0.1:${port} requires credentials, and none are given: give a user`),
    });
    for (const way of ['nats://user:password@host', 'serve.cluster.broker', 'serve.cluster.credentials'])
      expect(String(error)).toContain(way);
  });

  it('says that a certificate may be what is refused', async () => {
    const folder = makeFolder();
    const certificate = await makeCertificate('nats.test');
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => path.join(folder, name)) as [string, string];
    writeFileSync(cert, certificate.cert);
    writeFileSync(key, certificate.key);
    const args = ['--tls', '--tlscert', cert, '--tlskey', key, '--user', 'bob', '--pass', 'secret'];
    const { port } = await startServer({ args });
    const tls = { caFile: cert, certFile: cert, keyFile: key };
    await expect(connect({ servers: [`tls://localhost:${port}`], tls })).rejects.toMatchObject({
      code: 'NOT_PERMITTED',
      message: expect.stringMatching(/refuses the certificate of this client .*, or requires credentials: give a user/),
    });
  });

  it('logs in by a token, of the address or beside it', async () => {
    const { url } = await startServer({ args: ['--auth', 'token'] });
    await expect(connect({ servers: [withPort(url, 'other')] })).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    await connect({ servers: [withPort(url, 'token')] });
    await connect({ servers: [url], token: 'token' });
  });

  it('logs in by a file of credentials', async () => {
    const folder = makeFolder();
    const [config, creds] = ['nats.conf', 'user.creds'].map((name) => path.join(folder, name)) as [string, string];
    const [user, other] = [nkeys.createUser(), nkeys.createUser()];
    writeFileSync(config, `authorization { users = [{ nkey: ${user.getPublicKey()} }] }\n`);
    const write = (seed: Uint8Array): void =>
      writeFileSync(
        creds,
        ['NATS USER JWT', 'USER NKEY SEED']
          .map(
            (title, i) =>
              `-----BEGIN ${title}-----\n${i === 0 ? 'jwt' : Buffer.from(seed).toString()}\n------END-----\n`,
          )
          .join('\n'),
      );
    const { url } = await startServer({ args: ['--config', config] });
    write(other.getSeed());
    await expect(connect({ servers: [url], credsFile: creds })).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    write(user.getSeed());
    await connect({ servers: [url], credsFile: creds });
    writeFileSync(creds, 'junk');
    await expect(connect({ servers: [url], credsFile: creds })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `${creds} is not a file of credentials for NATS, as nsc makes them`,
    });
  });

  it('says which file of credentials cannot be read', async () => {
    const { url } = await startServer();
    await expect(connect({ servers: [url], credsFile: '/nowhere/of.creds' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('/nowhere/of.creds'),
    });
  });

  it('trusts the authorities that it is given alone', async () => {
    const folder = makeFolder();
    const certificate = await makeCertificate('nats.test');
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => path.join(folder, name)) as [string, string];
    writeFileSync(cert, certificate.cert);
    writeFileSync(key, certificate.key);
    const { port } = await startServer({ args: ['--tls', '--tlscert', cert, '--tlskey', key] });
    const servers = [`tls://localhost:${port}`];
    await expect(connect({ servers })).rejects.toMatchObject({
      code: 'NOT_TRUSTED',
      message: expect.stringMatching(/^[^;]*self-signed certificate; name the file .* in serve\.cluster\.tls\.ca$/),
    });
    await connect({ servers, tls: { caFile: cert } });
    const other = path.join(folder, 'other.pem');
    writeFileSync(other, (await makeCertificate('other.test')).cert);
    await expect(connect({ servers, tls: { caFile: other } })).rejects.toMatchObject({
      code: 'NOT_TRUSTED',
      message: expect.stringMatching(/^[^;]*; serve\.cluster\.tls\.ca has another authority than /),
    });
    const junk = path.join(folder, 'junk.pem');
    writeFileSync(junk, 'junk');
    for (const tls of [
      { caFile: junk },
      { caFile: cert, certFile: junk, keyFile: key },
      { caFile: cert, certFile: cert, keyFile: junk },
    ]) {
      await expect(connect({ servers, tls })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('in PEM'),
      });
    }
  });

  it('takes no plain server where TLS is asked for, and says by what', async () => {
    const { port, url } = await startServer();
    const has = `the NATS server at 127.0.0.1:${port} has no TLS: `;
    await expect(connect({ servers: [`tls://127.0.0.1:${port}`] })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: `${has}give its address as nats://, not tls://, or let it have TLS`,
    });
    await expect(connect({ servers: [url], tls: {} })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: `${has}take serve.cluster.tls out, or let it have TLS`,
    });
  });

  it('takes the next address where a server is not there', async () => {
    const [gone, there] = [await startServer(), await startServer()];
    await gone.kill();
    const broker = await connect({ servers: [gone.url, there.url] });
    expect(broker.connection.getServer()).toBe(`127.0.0.1:${there.port}`);
  });

  it('says when the server is lost, and when it is back', async () => {
    const server = await startServer();
    const broker = await connect({ servers: [server.url] });
    const lost = new Promise((resolve) => broker.once('reachable', (...of) => resolve(of)));
    await server.kill();
    expect(await lost).toEqual([false, 'the connection to NATS is lost']);
    expect(broker.isReachable).toBe(false);
    const back = new Promise((resolve) => broker.once('reachable', (...of) => resolve(of)));
    await server.start();
    expect(await back).toEqual([true, undefined]);
    expect(broker.connected).toBe(2);
  });

  it('is waited for while the server is away, and leaves no listener behind', async () => {
    const server = await startServer();
    const broker = await connect({ servers: [server.url] });
    const stop = new AbortController();
    await broker.whenReachable(stop.signal);
    const lost = new Promise((resolve) => broker.once('reachable', resolve));
    await server.kill();
    await lost;
    const [given, other] = [broker.whenReachable(stop.signal), broker.whenReachable(new AbortController().signal)];
    stop.abort();
    await given;
    expect([broker.isReachable, broker.listenerCount('reachable')]).toEqual([false, 1]);
    const late = new AbortController();
    const last = broker.whenReachable(late.signal);
    await server.start();
    await Promise.all([other, last]);
    expect([broker.isReachable, broker.listenerCount('reachable')]).toEqual([true, 0]);
    expect(getEventListeners(late.signal, 'abort')).toEqual([]);
  });

  it('says that a server is lost that has stopped', async () => {
    const server = await startServer();
    const broker = await connect({ servers: [server.url] });
    const lost = new Promise((resolve) => broker.once('reachable', (...of) => resolve(of)));
    await server.pause();
    expect(await lost).toEqual([false, 'the connection to NATS is lost']);
    const back = new Promise((resolve) => broker.once('reachable', (...of) => resolve(of)));
    server.resume();
    expect(await back).toEqual([true, undefined]);
  });

  it('is closed where the server has ended its side, and reads no more of what is still to be sent', async () => {
    const server = await startServer();
    const all: net.Socket[] = [];
    const way = net.createServer({ allowHalfOpen: true }, (client) => {
      const beyond = net.connect(server.port, '127.0.0.1');
      all.push(client, beyond);
      for (const each of [client, beyond]) each.on('error', () => undefined);
      client.pipe(beyond).pipe(client);
    });
    onTestFinished(() => {
      way.close();
      for (const each of all) each.destroy();
    });
    await once(way.listen(0, '127.0.0.1'), 'listening');
    const { port } = way.address() as net.AddressInfo;
    const broker = await connect({ servers: [`nats://127.0.0.1:${port}`] });
    const { connection } = broker;
    const [client] = all;
    client!.unpipe().pause();
    for (let n = 0; n < 16; n++) connection.publish('a', new Uint8Array(1024 * 1024));
    await once(client!.end(), 'finish');
    // Its end has come, and its connection ends in turn.
    for (let turns = 0; turns < 20; turns++) await setImmediate();
    connection.publish('a', 'the last one');
    await broker.close();
    expect(connection.isClosed()).toBe(true);
  });
});
