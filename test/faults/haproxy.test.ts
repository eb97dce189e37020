/** The server behind a real HAProxy; without that program (`apt-get install haproxy`), these tests are skipped. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { NO_RATES } from '../support/floods.ts';
import { parseAddress } from '../../src/net/address.ts';
import { dial } from '../../src/net/dial.ts';
import type { Transport } from '../../src/net/transport.ts';
import { auditServer } from '../../src/ops/audit/server-entries.ts';
import { testCertificate } from '../support/certificates.ts';
import { ownPort } from '../support/own-port.ts';
import { long, openHalf, packet, RfcPeer, str } from '../support/rfc-peer.ts';
import { agree, Rig, turns } from '../support/server-rig.ts';
import { endOf, hashOf, hashToEnd, openSocket, pattern, Pump, readExactly, within } from '../support/server-sockets.ts';

const HAS_HAPROXY = !spawnSync('haproxy', ['-v']).error;

/** HAProxy, which relays one of its ports to a server; ended after the test. */
async function haproxy(server: string): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'haproxy-'));
  const port = await ownPort();
  const file = path.join(folder, 'haproxy.cfg');
  await writeFile(
    file,
    `global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend chatos
    bind 127.0.0.1:${port}
    default_backend chatos
backend chatos
    server chatos ${server}
`,
  );
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill();
    await exited;
    await rm(folder, { recursive: true });
  });
  await expect.poll(() => opens(port)).toBe(true);
  return port;
}

async function opens(port: number): Promise<boolean> {
  const socket: Socket | undefined = await openSocket(port).catch(() => undefined);
  socket?.destroy();
  return socket !== undefined;
}

/** A server behind HAProxy; `how` is said of the server in HAProxy's configuration. */
async function proxied(version: 'v1' | 'v2', how: string): Promise<{ rig: Rig; port: number }> {
  const rig = await Rig.start({ ...NO_RATES }, { proxies: ['127.0.0.1'] });
  const server = await rig.server.listen(`127.0.0.1:0?proxy=${version}`);
  return { rig, port: await haproxy(`127.0.0.1:${server.port} ${how}`) };
}

async function join(port: number, name: string, localAddress: string): Promise<RfcPeer> {
  const peer = await RfcPeer.connect(port, { localAddress });
  onTestFinished(() => peer.destroy());
  expect(await peer.login(name)).toBe(true);
  return peer;
}

describe.skipIf(!HAS_HAPROXY).each([
  ['v1', 'send-proxy'],
  ['v2', 'send-proxy-v2'],
  ['v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id,authority'],
] as const)('behind HAProxy, %s: %s', (version, how) => {
  it('[P20] clients are where they connect from, and channels carry every byte to their end', async () => {
    const { rig, port } = await proxied(version, how);
    const [alice, bob] = [await join(port, 'alice', '127.0.0.11'), await join(port, 'bob', '127.0.0.12')];
    const sessions = (): unknown[] => rig.server.sessions().map(({ login, remoteAddress }) => [login, remoteAddress]);
    // Who has asked HAProxy whether it listens may not have gone yet.
    await expect.poll(sessions).toEqual([
      ['alice', '127.0.0.11'],
      ['bob', '127.0.0.12'],
    ]);
    const id = await agree(alice, bob);
    const bytes = pattern(2 * 1024 * 1024);
    const [a, b] = await Promise.all([openHalf(port, id, { early: bytes.subarray(0, 1000) }), openHalf(port, id)]);
    const got = hashToEnd(b);
    await new Pump(a, bytes.subarray(1000)).done;
    a.end();
    expect(await got).toEqual(hashOf(bytes));
    b.end('answer');
    expect((await readExactly(a, 6)).toString()).toBe('answer');
    expect(await endOf(a)).toBe('FIN');
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('ended');
  });
});

describe.skipIf(!HAS_HAPROXY)('a private connection through HAProxy', () => {
  it('[P14a] over TLS that HAProxy passes on, a reset of one side is an abort for the other', async () => {
    const certificate = await testCertificate();
    const rig = await Rig.start({ ...NO_RATES }, { proxies: ['127.0.0.1'], tls: certificate });
    const server = await rig.server.listen('tls://127.0.0.1:0?proxy=v2');
    const port = await haproxy(`127.0.0.1:${server.port} send-proxy-v2`);
    const secure = async (): Promise<Transport> => {
      const transport = await dial(parseAddress(`tls://127.0.0.1:${port}?pin=${certificate.pin}`));
      onTestFinished(() => void transport.stream.destroy());
      return transport;
    };
    const [alice, bob] = [await secure(), await secure()];
    for (const [{ stream }, name] of [
      [alice, 'alice'],
      [bob, 'bob'],
    ] as const) {
      stream.write(packet(0, str(name)));
      expect(await readExactly(stream, 1)).toEqual(Buffer.from([1]));
    }
    alice.stream.write(packet(5, str('alice'), str('bob')));
    expect((await readExactly(bob.stream, 17))[0]).toBe(5);
    bob.stream.write(packet(6, str('alice'), str('bob')));
    const id = (await readExactly(bob.stream, 21)).readInt32BE(17);
    const [a, b] = [await secure(), await secure()];
    for (const { stream } of [a, b]) stream.write(packet(9, long(BigInt(id))));
    for (const { stream } of [a, b]) expect((await readExactly(stream, 1))[0]).toBe(10);
    a.stream.write('cut of');
    expect((await readExactly(b.stream, 6)).toString()).toBe('cut of');
    const closed = new Promise((resolve) => b.stream.once('close', resolve));
    b.stream.resume();
    a.reset();
    await within(closed, 'the end of the other side');
    expect(b.ending).toBe('aborted');
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('aborted');
  });
});

describe.skipIf(!HAS_HAPROXY)('health checks of HAProxy', () => {
  it.each([
    ['v1', 'send-proxy check inter 50ms'],
    ['v1', 'send-proxy check check-send-proxy inter 50ms'],
    ['v2', 'send-proxy-v2 check inter 50ms'],
    ['v2', 'send-proxy-v2 check check-send-proxy inter 50ms'],
  ] as const)('[P20] %s, %s: they find the server, and make no noise', async (version, how) => {
    const { rig, port } = await proxied(version, how);
    const audited = new Set<string>();
    auditServer(rig.server, (event) => void audited.add(event));
    const marker = await join(port, 'marker', '127.0.0.11');
    // A few checks: with a header, each is a connection; without one, they leave no trace but that HAProxy goes on.
    for (const end = performance.now() + 500; performance.now() < end; await turns(marker));
    expect(await join(port, 'later', '127.0.0.12')).toBeDefined();
    const loud = rig.log.lines.filter(({ level }) => level !== 'debug').map(({ message }) => message);
    expect(loud).toEqual(['logged in', 'logged in']);
    expect([...audited]).toEqual(['login']);
    expect(await rig.stats()).toMatchObject({ badProxyHeaders: 0, malformed: 0, clients: 2 });
  });
});
