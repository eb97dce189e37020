import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ServerLimits } from '../../src/server/index.ts';
import { testCertificate } from '../support/certificates.ts';
import { long, packet, RfcPeer, str } from '../support/rfc-peer.ts';
import { agree, expectSilence, Rig, turns } from '../support/server-rig.ts';
import {
  endOf,
  hashOf,
  hashToEnd,
  knock,
  openSocket,
  pattern,
  Pump,
  readExactly,
  within,
} from '../support/server-sockets.ts';

/** HAProxy's header of v2 for a client at 192.0.2.N: the signature, PROXY, TCP over IPv4, 12 bytes. */
const v2 = (host: number): Buffer =>
  Buffer.concat([
    Buffer.from('0d0a0d0a000d0a515549540a2111000cc00002', 'hex'),
    Buffer.from([host]),
    Buffer.from('7f000001c0de1e63', 'hex'),
  ]);
/** The same for IPv6: 36 bytes, of which the first 16 are the client's address. */
const v2Of6 = (address: string): Buffer =>
  Buffer.from(`0d0a0d0a000d0a515549540a21210024${address}${'0'.repeat(31)}1c0de1e63`, 'hex');
const v1 = (host: number): Buffer => Buffer.from(`PROXY TCP4 192.0.2.${host} 127.0.0.1 49374 7779\r\n`);
const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

const login = (name: string): Buffer => packet(0, str(name));
const ACCEPTED = Buffer.from([1]);

/** A server that proxies of 127.0.0.1 connect to. */
class ProxiedRig {
  readonly rig: Rig;
  readonly port: number;

  private constructor(rig: Rig, port: number) {
    this.rig = rig;
    this.port = port;
  }

  static async start(
    limits: Partial<ServerLimits> = {},
    proxy = 'any',
    relay: 'auto' | 'streams' = 'auto',
  ): Promise<ProxiedRig> {
    const rig = await Rig.start({ exempt: [], ...limits }, { proxies: ['127.0.0.1'], relay });
    return new ProxiedRig(rig, (await rig.server.listen(`127.0.0.1:0?proxy=${proxy}`)).port);
  }

  /** A connection that begins with these bytes. */
  async open(...first: Buffer[]): Promise<Socket> {
    const socket = await openSocket(this.port);
    socket.write(Buffer.concat(first));
    return socket;
  }

  /** A client at 192.0.2.N that is logged in. */
  async join(name: string, host: number): Promise<RfcPeer> {
    const peer = await RfcPeer.connect(this.port);
    onTestFinished(() => peer.destroy());
    peer.send(v2(host));
    if (!(await peer.login(name))) throw new Error(`${name} was refused`);
    return peer;
  }

  /** A half that has been established. */
  async half(id: bigint, host: number, early = Buffer.alloc(0)): Promise<Socket> {
    const socket = await this.open(v2(host), packet(9, long(id)), early);
    const [opcode] = await readExactly(socket, 1);
    if (opcode !== 10) throw new Error(`not established: ${opcode}`);
    return socket;
  }

  from(name: string): string | undefined {
    return this.rig.server.sessions().find((session) => session.login === name)?.remoteAddress;
  }
}

describe('a listener for proxies', () => {
  it.each([
    ['v1', v1(7), '192.0.2.7'],
    ['v2', v2(7), '192.0.2.7'],
    ['any', v1(7), '192.0.2.7'],
    ['any', v2(7), '192.0.2.7'],
    ['v2', LOCAL, '127.0.0.1'],
    ['v1', Buffer.from('PROXY UNKNOWN\r\n'), '127.0.0.1'],
  ])(
    '[P20] %s: a client is where the header says, which comes together with its LOGIN',
    async (proxy, header, from) => {
      const proxied = await ProxiedRig.start({}, proxy);
      const socket = await proxied.open(header, login('alice'));
      expect(await readExactly(socket, 1)).toEqual(ACCEPTED);
      expect(proxied.from('alice')).toBe(from);
      expect((await proxied.rig.log.until('logged in')).fields).toMatchObject({ login: 'alice', from });
    },
  );

  it.each([
    ['v1', Buffer.from('PROXY TCP6 2001:db8:7::1 ::1 49374 7779\r\n'), '2001:db8:7::1', '2001:DB8:7::/48'],
    ['v2', v2Of6('20010db8000700000000000000000001'), '2001:db8:7::1', '2001:db8:7:0::1'],
    ['v2', v2Of6('00000000000000000000ffffc0000207'), '192.0.2.7', '192.0.2.0/24'],
  ])(
    '[P20] %s: a client over IPv6 is where the header says, and bans are of that address',
    async (proxy, header, from, banned) => {
      const proxied = await ProxiedRig.start({}, proxy);
      const socket = await proxied.open(header, login('alice'));
      expect(await readExactly(socket, 1)).toEqual(ACCEPTED);
      expect(proxied.from('alice')).toBe(from);
      expect(proxied.rig.server.ban({ kind: 'from', what: banned, since: new Date() })).toMatchObject({ sessions: 1 });
      await endOf(socket);
      await endOf(await proxied.open(header, login('alice')));
      expect((await proxied.rig.stats()).refusedBanned).toBe(1);
    },
  );

  it.each([v1(7), v2(7)])('[P20] the header may come byte by byte, and so may what is behind it', async (header) => {
    const proxied = await ProxiedRig.start({ identifyTimeoutMs: 60_000, proxyHeaderTimeoutMs: 60_000 });
    const socket = await openSocket(proxied.port);
    const marker = await proxied.join('marker', 9);
    for (const byte of Buffer.concat([header, login('alice')])) {
      socket.write(Buffer.from([byte]));
      await turns(marker);
    }
    expect(await readExactly(socket, 1)).toEqual(ACCEPTED);
    expect(proxied.from('alice')).toBe('192.0.2.7');
  });

  it('[P20] anyone who is no proxy is closed at once, and not read', async () => {
    const proxied = await ProxiedRig.start();
    const socket = await openSocket(proxied.port, { localAddress: '127.0.0.2' });
    await endOf(socket);
    expect((await proxied.rig.log.until('connection refused: not a proxy')).fields).toMatchObject({
      from: '127.0.0.2',
      lift: expect.stringContaining('serve.proxies'),
    });
    expect(await proxied.rig.stats()).toMatchObject({ refusedNoProxy: 1, accepted: 0, connections: 0 });
  });

  it.each([
    ['a LOGIN', login('alice'), 'it does not begin as one does'],
    ['a header of the other version', v1(7), 'it is of v1, not of v2'],
    ['the start of a header, and an end', v2(7).subarray(0, 20), 'the connection ended in the middle of it'],
  ])('[P20] %s closes the connection', async (_, bytes, why) => {
    const proxied = await ProxiedRig.start({}, 'v2');
    const socket = await openSocket(proxied.port);
    socket.end(bytes);
    await endOf(socket);
    expect((await proxied.rig.log.until('closed: no PROXY header')).fields).toEqual({ from: '127.0.0.1', why });
    expect(await proxied.rig.stats()).toMatchObject({ badProxyHeaders: 1, lateProxyHeaders: 0, accepted: 0 });
  });

  it('[P20] a header that does not come in time closes the connection', async () => {
    const proxied = await ProxiedRig.start({ proxyHeaderTimeoutMs: 50 });
    const socket = await proxied.open(v2(7).subarray(0, 20));
    await endOf(socket);
    expect((await proxied.rig.log.until('closed: no PROXY header')).fields).toMatchObject({
      why: 'it did not come within 0.05 s',
      limit: 'proxyHeaderTimeoutMs',
    });
    expect(await proxied.rig.stats()).toMatchObject({ badProxyHeaders: 1, lateProxyHeaders: 1, connections: 0 });
  });

  it('[P20] connections whose header has not come count, are bounded, and do not outlive the server', async () => {
    const proxied = await ProxiedRig.start({ maxConnections: 2 });
    const waiting = [await openSocket(proxied.port), await openSocket(proxied.port)];
    const third = await openSocket(proxied.port);
    await endOf(third);
    await proxied.rig.log.until('connection refused: too many');
    expect((await proxied.rig.stats()).connections).toBe(2);
    await within(proxied.rig.server.close(), 'the server to close');
    await Promise.all(waiting.map(endOf));
  });

  it.each(['FIN', 'RST'])('[P20] a check that connects and ends by %s is not logged', async (how) => {
    const proxied = await ProxiedRig.start();
    const socket = await openSocket(proxied.port);
    if (how === 'FIN') socket.end();
    else socket.resetAndDestroy();
    const marker = await proxied.join('marker', 9);
    await turns(marker);
    expect(await proxied.rig.stats()).toMatchObject({ badProxyHeaders: 0, connections: 1 });
    expect(proxied.rig.log.lines.map(({ message }) => message)).not.toContain('closed: no PROXY header');
  });

  it('[P20] a client that ends behind the header is gone', async () => {
    const proxied = await ProxiedRig.start();
    const socket = await openSocket(proxied.port);
    socket.end(v2(7));
    await endOf(socket);
    await turns(await proxied.join('marker', 9));
    expect((await proxied.rig.stats()).connections).toBe(1);
  });

  it('[P20] a client that ends behind its last packet has said it', async () => {
    const proxied = await ProxiedRig.start();
    const marker = await proxied.join('marker', 9);
    const socket = await openSocket(proxied.port);
    socket.end(Buffer.concat([v2(7), login('alice'), packet(3, str('alice'), str('all I say'))]));
    expect(await marker.next(3)).toEqual({ op: 3, login: 'alice', msg: 'all I say' });
    await proxied.rig.left('alice');
  });

  it('[P20] [P19] limits of an address are those of the client; the proxy uses none up', async () => {
    const proxied = await ProxiedRig.start({ maxConnectionsPerAddress: 1 });
    const alice = await proxied.join('alice', 1);
    await proxied.join('bob', 2);
    const refused = await proxied.open(v2(1), login('carol'));
    await endOf(refused);
    const { fields } = await proxied.rig.log.until('connection refused: too many of its address');
    expect(fields['from']).toBe('192.0.2.1');
    await turns(alice);
    // The proxy itself has its place still.
    expect(await readExactly(await proxied.open(LOCAL, login('check')), 1)).toEqual(ACCEPTED);
  });

  it('[P20] [P12] guesses by one client shut nobody else out', async () => {
    const proxied = await ProxiedRig.start({ maxWrongIdsPerMinute: 3 });
    const [alice, bob] = [await proxied.join('alice', 1), await proxied.join('bob', 2)];
    for (let guess = 0; guess < 5; guess += 1) {
      await endOf(await proxied.open(v2(66), packet(9, long(BigInt(guess)))));
    }
    expect((await proxied.rig.log.until('shut out of channels')).fields['from']).toBe('192.0.2.66');
    const id = await agree(alice, bob);
    await Promise.all([proxied.half(id, 1), proxied.half(id, 2)]);
  });

  it('[P20] at another address, a header is malformed, from a proxy, too', async () => {
    const { rig } = await ProxiedRig.start();
    for (const [header, version] of [
      [v1(7), 'v1'],
      [v2(7), 'v2'],
    ] as const) {
      const socket = await openSocket(rig.port[4]);
      socket.write(Buffer.concat([header, login('alice')]));
      await endOf(socket);
      const why = `this is PROXY protocol ${version}, at a listener without proxy=${version}`;
      const line = await rig.log.untilLine(({ fields }) => String(fields['why']).startsWith(why), why);
      expect(line.message).toBe('closed: malformed packet');
    }
  });

  it('[P20] a server without proxies does not listen for them', async () => {
    const rig = await Rig.start();
    await expect(rig.server.listen('127.0.0.1:0?proxy=v2')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('serve.proxies'),
    });
  });
});

/** Puts bytes in front of the first that are written, in the same write. */
class Prefixed extends Duplex {
  readonly #socket: Socket;
  #prefix: Buffer | undefined;

  constructor(socket: Socket, prefix: Buffer) {
    super();
    this.#socket = socket;
    this.#prefix = prefix;
    socket.on('data', (chunk: Buffer) => this.push(chunk)).on('end', () => this.push(null));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const prefix = this.#prefix ?? Buffer.alloc(0);
    this.#prefix = undefined;
    this.#socket.write(Buffer.concat([prefix, chunk]), done);
  }
}

describe('a TLS listener for proxies', () => {
  it.each([
    ['in the same segment as', (socket: Socket) => new Prefixed(socket, v2(7))],
    [
      'in front of',
      (socket: Socket) => {
        socket.write(v2(7));
        return socket;
      },
    ],
  ])('[P20] takes the header %s the handshake', async (_, prefixed) => {
    const rig = await Rig.start({ exempt: [] }, { proxies: ['127.0.0.1'], tls: await testCertificate() });
    const { port } = await rig.server.listen('tls://127.0.0.1:0?proxy=v2');
    const raw = await openSocket(port);
    const socket = connect({ socket: prefixed(raw), rejectUnauthorized: false });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined).write(login('alice'));
    expect(await readExactly(socket, 1)).toEqual(ACCEPTED);
    expect(rig.server.sessions()).toMatchObject([{ login: 'alice', remoteAddress: '192.0.2.7', encrypted: true }]);
  });

  it('[P20] says whose handshake has failed', async () => {
    const rig = await Rig.start({ exempt: [] }, { proxies: ['127.0.0.1'], tls: await testCertificate() });
    const { port } = await rig.server.listen('tls://127.0.0.1:0?proxy=v2');
    const socket = await openSocket(port);
    socket.write(Buffer.concat([v2(7), login('alice')]));
    await endOf(socket);
    expect((await rig.log.until('TLS handshake failed')).fields).toMatchObject({ from: '192.0.2.7' });
  });
});

describe.each(['auto', 'streams'] as const)('channels of a proxy, relay %s', (relay) => {
  async function channel() {
    const proxied = await ProxiedRig.start({}, 'v2', relay);
    const [alice, bob] = [await proxied.join('alice', 1), await proxied.join('bob', 2)];
    const id = await agree(alice, bob);
    return { proxied, alice, id };
  }

  it('[P13] [P14] [P20] carry every byte, those that came with the header and before the other side too', async () => {
    const { proxied, id } = await channel();
    const bytes = pattern(2 * 1024 * 1024);
    const a = await proxied.open(v2(1), packet(9, long(id)), bytes.subarray(0, 60_000));
    const b = await proxied.half(id, 2);
    expect(await readExactly(a, 1)).toEqual(Buffer.from([10]));
    const got = hashToEnd(b);
    await new Pump(a, bytes.subarray(60_000)).done;
    a.end();
    expect(await got).toEqual(hashOf(bytes));
    b.end('answer');
    expect((await readExactly(a, 6)).toString()).toBe('answer');
    expect(await endOf(a)).toBe('FIN');
    expect((await proxied.rig.log.until('private connection ended')).fields).toMatchObject({ outcome: 'ended' });
  });

  it('[P14] [P20] are broken by a reset', async () => {
    const { proxied, id } = await channel();
    const [a, b] = await Promise.all([proxied.half(id, 1), proxied.half(id, 2)]);
    a.resetAndDestroy();
    expect(await endOf(b)).toBe('RST');
  });

  it('[P20] join clients of proxies and others', async () => {
    const { proxied, alice } = await channel();
    const carol = await proxied.rig.join('carol');
    const id = await agree(carol, alice);
    const a = knock(proxied.rig.port[4], id);
    const b = await proxied.half(id, 1);
    b.write('hello');
    expect((await readExactly(await a, 6)).subarray(1).toString()).toBe('hello');
    await expectSilence(alice);
  });
});
