import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ClientOptions } from '../../src/client/index.ts';
import { formatAddress } from '../../src/net/address.ts';
import { isAlive } from '../../src/net/dial.ts';
import { parseAddress, type ServerOptions } from '../../src/server/index.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { TestProxy } from '../../src/testing/proxy.ts';
import { issue, type Issued } from '../support/issued.ts';
import { ownPort } from '../support/own-port.ts';
import {
  connect,
  createClient,
  ending,
  failure,
  next,
  openChannel,
  readAll,
  startServer,
  WIDTHS,
} from './real-server.ts';

let authority: Issued;
/** Its certificate is for the name alone, and not for the address behind it. */
let named: Issued;
let ca: string;

beforeAll(async () => {
  authority = await issue({ name: 'an authority', isAuthority: true });
  named = await issue({ hosts: ['localhost'], by: authority });
  const folder = await mkdtemp(path.join(tmpdir(), 'chatosbot-tls-'));
  ca = path.join(folder, 'ca.pem');
  await writeFile(ca, authority.cert);
  return () => rm(folder, { recursive: true });
});

async function startTls(certificate: Issued, query = '', { port, ...options }: ServerOptions & { port?: number } = {}) {
  const { cert, key } = certificate;
  const server = new ChatosServer({ ...options, tls: { cert, key } });
  onTestFinished(() => server.close());
  const address = await server.listen(`tls://127.0.0.1:${port ?? (await ownPort())}${query}`);
  return { server, port: address.port, pinned: formatAddress({ ...address, pin: certificate.pin }) };
}

describe('a client that does not trust the server', () => {
  const untrusted = [
    ['a wrong pin', `?pin=sha256:${'A'.repeat(43)}`],
    ['an unknown authority', ''],
    ['a wrong name', '?ca='],
  ] as const;
  it.each(untrusted)('says so to the server: %s', async (_what, query) => {
    const { server, port } = await startTls(named);
    const failed = once(server, 'handshakeFailed');
    const address = `tls://127.0.0.1:${port}${query === '?ca=' ? `?ca=${ca}` : query}`;
    expect(await failure(connect(address, 'alice'))).toMatchObject({ code: 'NOT_TRUSTED' });
    expect((await failed)[1]).toBe('the client does not trust the certificate');
  });
});

describe('a client on a TLS server', () => {
  it.each(WIDTHS)(
    'chats and opens a private connection, with LONG of %d bytes, by the address that the server has',
    async (width) => {
      const { pinned } = await startTls(named, `?longBytes=${width}`);
      const [alice, bob] = await Promise.all([connect(pinned, 'alice'), connect(pinned, 'bob')]);
      const heard = next(bob, 'message');
      await alice.tell('bob', 'psst');
      expect(await heard).toMatchObject([{ from: 'alice', text: 'psst' }]);
      const [here, there] = await openChannel(alice, bob);
      here.end('there and');
      there.end(await readAll(there));
      expect(String(await readAll(here))).toBe('there and');
    },
  );

  it('reads each byte of a private connection once, where buffers are lent', async () => {
    const { pinned } = await startTls(named);
    const [alice, bob] = await Promise.all([connect(pinned, 'alice'), connect(pinned, 'bob')]);
    const [here, there] = await openChannel(alice, bob);
    const read: Buffer[] = [];
    let onRead = (): void => undefined;
    const reading = there.readLent((chunk) => {
      read.push(Buffer.from(chunk));
      onRead();
    });
    const first = new Promise<void>((resolve) => (onRead = resolve));
    here.write('a few bytes, ');
    await first;
    const many = randomBytes(1_000_000);
    here.end(many);
    await reading;
    expect(Buffer.concat(read).equals(Buffer.concat([Buffer.from('a few bytes, '), many]))).toBe(true);
    there.end();
  });

  it('has given a taker that is slow all bytes by the end, each once, where many came before it began', async () => {
    const { pinned } = await startTls(named);
    const [alice, bob] = await Promise.all([connect(pinned, 'alice'), connect(pinned, 'bob')]);
    const [here, there] = await openChannel(alice, bob);
    const sent = randomBytes(1_000_000);
    here.end(sent);
    // The stream is full, TLS and the socket beneath it, too.
    await once(there, 'readable');
    await expect.poll(() => here.bytesMoved).toBeGreaterThan(sent.length / 2);
    const taken: Buffer[] = [];
    await there.readLent(async (chunk) => {
      for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      taken.push(Buffer.from(chunk));
    });
    expect(Buffer.concat(taken).equals(sent)).toBe(true);
    there.end();
  });

  it('opens halves at the machine that it has reached, by the name of the address', async () => {
    const { port } = await startTls(named);
    const at = `tls://localhost:${port}?ca=${ca}`;
    const [alice, bob] = await Promise.all([connect(at, 'alice'), connect(at, 'bob')]);
    const [here, there] = await openChannel(alice, bob);
    here.end('x');
    expect(await ending(there)).toBe('end');
  });

  it('shows its identity on the session and on halves', async () => {
    const own = await issue({ name: 'alice' });
    const { server, pinned } = await startTls(named);
    const identity = { cert: own.cert, key: own.key };
    const [alice, bob] = await Promise.all([connect(pinned, 'alice', { identity }), connect(pinned, 'bob')]);
    const shown = server.sessions().map(({ login, fingerprint }) => [login, fingerprint]);
    expect(Object.fromEntries(shown)).toEqual({ alice: own.pin, bob: undefined });
    await openChannel(alice, bob);
  });

  it('finds out whether the server lives, and believes nobody else', async () => {
    const { server, pinned } = await startTls(named);
    const other = parseAddress(pinned.replace(named.pin, authority.pin));
    expect([await isAlive(parseAddress(pinned)), await isAlive(other)]).toEqual([true, false]);
    await server.close();
    expect(await isAlive(parseAddress(pinned))).toBe(false);
  });

  it('is told whether it has shown an identity where its login is refused', async () => {
    const own = await issue({ name: 'mallory' });
    const { pinned } = await startTls(named, '', { logins: [] });
    const refused = async (options: Partial<ClientOptions>): Promise<unknown> =>
      failure(connect(pinned, 'alice', options));
    expect(await refused({})).toMatchObject({
      code: 'LOGIN_REFUSED',
      message: expect.stringContaining(
        '; no identity was shown, and the server may want one: chatosbot identity makes it',
      ) as string,
    });
    expect(await refused({ identity: own.cert + own.key })).toMatchObject({
      fields: { identity: own.pin },
      message: expect.stringContaining(`is not allowed to ${own.pin}`) as string,
    });
  });
});

describe('a client that reconnects', () => {
  it('does not try again where the server was never trusted', async () => {
    const { port } = await startTls(named);
    const client = createClient({
      server: `tls://127.0.0.1:${port}`,
      login: 'alice',
      reconnect: { firstMs: 1 },
      waitForLogin: true,
    });
    client.on('retrying', ({ error }) => expect.fail(`it tries again: ${error.message}`));
    expect(await failure(client.start())).toMatchObject({
      code: 'NOT_TRUSTED',
      fields: { reason: 'unknown-authority' },
    });
  });

  it('does not try again where the authorities of its address cannot be read', async () => {
    const client = createClient({ server: 'tls://127.0.0.1:1?ca=/nowhere.pem', login: 'alice', reconnect: true });
    expect(await failure(client.start())).toMatchObject({ code: 'INVALID_ADDRESS' });
  });

  it('gives up a connection on which nothing comes any more, and is back when the server is', async () => {
    const { port, pinned } = await startTls(named);
    const proxy = await TestProxy.start(parseAddress(`127.0.0.1:${port}`));
    onTestFinished(() => proxy.close());
    const at = pinned.replace(`:${port}`, `:${proxy.address.port}`);
    const client = await connect(at, 'alice', { heartbeatMs: 60, reconnect: { firstMs: 10, maxMs: 10 } });
    await client.roundTrip();
    const lost = next(client, 'disconnected');
    proxy.setStalled('all', true);
    expect(await lost).toMatchObject([{ code: 'CONNECTION_LOST', fields: { silentMs: expect.any(Number) as number } }]);
    const back = next(client, 'connected');
    proxy.setStalled('all', false);
    await back;
    await client.roundTrip();
  });

  it('waits a while where the server was trusted a moment ago', async () => {
    const first = await startTls(named);
    const client = await connect(first.pinned, 'alice', { reconnect: { firstMs: 10, maxMs: 10 } });
    await first.server.close();
    const impostor = await startTls(authority, '', { port: first.port });
    let why;
    do [{ error: why }] = await next(client, 'retrying');
    while (why.code !== 'NOT_TRUSTED');
    expect(why.fields).toMatchObject({ reason: 'wrong-pin', fingerprint: authority.pin });
    const back = next(client, 'connected');
    await impostor.server.close();
    await startTls(named, '', { port: first.port });
    await back;
  });
});

/** A server of something else. */
async function listening(server: net.Server | tls.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

describe('a mix-up', () => {
  const failing = async (server: string, options: Partial<ClientOptions> = {}): Promise<unknown> =>
    failure(connect(server, 'alice', options));
  const refused = (code: string, message: RegExp): object => ({
    code,
    message: expect.stringMatching(message) as string,
  });

  it('of tcp:// and a TLS port is named, with the address to use', async () => {
    const { port } = await startTls(named);
    const why = new RegExp(`^tcp://127\\.0\\.0\\.1:${port} speaks TLS: use tls://127\\.0\\.0\\.1:${port}$`);
    expect(await failing(`127.0.0.1:${port}`)).toMatchObject(refused('CONNECT_FAILED', why));
  });

  it('of tls:// and a plain port is named, with the address to use', async () => {
    const { port } = await startServer();
    const why = new RegExp(
      `^tls://127\\.0\\.0\\.1:${port} .* TLS.* use tcp://127\\.0\\.0\\.1:${port}, which anyone on the way can read$`,
    );
    expect(await failing(`tls://127.0.0.1:${port}`)).toMatchObject(refused('CONNECT_FAILED', why));
  });

  it('of tls:// and a server that greets in plain text is sure', async () => {
    const port = await listening(
      net.createServer((socket) => socket.on('error', () => undefined).end('220 mail.example.org\r\n')),
    );
    expect(await failing(`tls://127.0.0.1:${port}`)).toMatchObject(
      refused('CONNECT_FAILED', /does not speak TLS there; use tcp:/),
    );
  });

  it('with a TLS server of something else is named', async () => {
    const port = await listening(
      tls.createServer(named, (socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    const why = /does not speak ChatOS, or with another longBytes/;
    expect(await failing(`tls://127.0.0.1:${port}?pin=${named.pin}`)).toMatchObject(refused('MALFORMED_PACKET', why));
  });

  it('of versions of TLS is named', async () => {
    const old = { ...named, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const port = await listening(tls.createServer(old).on('tlsClientError', () => undefined));
    expect(await failing(`tls://127.0.0.1:${port}`)).toMatchObject(
      refused('CONNECT_FAILED', /TLS 1\.2 or 1\.3 is needed/),
    );
  });

  it.each(['-tls1_2', '-tls1_3'])(
    'with a server that takes only certificates that it knows, with %s, is named',
    async (version) => {
      const port = await opensslServer('-Verify', '1', '-verify_return_error', version);
      const at = `tls://127.0.0.1:${port}?pin=${named.pin}`;
      expect(await failing(at)).toMatchObject(refused('NOT_TRUSTED', /wants a certificate.*show one with --identity/));
      const stranger = await issue({ name: 'mallory' });
      expect(await failing(at, { identity: stranger.cert + stranger.key })).toMatchObject(
        refused('NOT_TRUSTED', /does not accept the certificate of this client/),
      );
    },
  );
});

/** OpenSSL's own server, with the certificate `named`; returns its port. */
async function opensslServer(...args: readonly string[]): Promise<number> {
  const file = path.join(path.dirname(ca), 'named.pem');
  await writeFile(file, `${named.cert}\n${named.key}\n`);
  const server = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', '-cert', file, '-key', file, ...args]);
  onTestFinished(() => void server.kill());
  let said = '';
  server.stderr.on('data', (chunk) => (said += String(chunk)));
  return new Promise((resolve, reject) => {
    server.on('close', () => reject(new Error(`openssl s_server: ${said}`)));
    server.stdout.on('data', (chunk) => {
      said += String(chunk);
      const [, port] = /^ACCEPT \S+:(\d+)$/m.exec(said) ?? [];
      if (port !== undefined) resolve(Number(port));
    });
  });
}
