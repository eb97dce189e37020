import { X509Certificate } from 'node:crypto';
import tls from 'node:tls';
import { describe, expect, it } from 'vitest';
import { fingerprintOf } from '../../src/net/fingerprint.ts';
import { makeCertificate, testCertificate } from '../support/certificates.ts';
import { agree, Rig, WIDTHS } from '../support/server-rig.ts';
import { endOf, hashOf, hashToEnd, openSocket, pattern, Pump, readExactly } from '../support/server-sockets.ts';
import { halfTls, joinTls, openTls } from '../support/tls-clients.ts';

const pinAt = async (port: number): Promise<string> => {
  const socket = await openTls(port);
  return fingerprintOf(socket.getPeerX509Certificate()!);
};

describe('a server that listens on tls://', () => {
  it('has the pin of a self-signed certificate in its address, and none for one of an authority', async () => {
    const rig = await Rig.start();
    const { pin } = await testCertificate();
    expect(await rig.listenTls()).toMatchObject({ transport: 'tls', pin });
    expect(rig.server.addresses.map((address) => address.pin)).toEqual([undefined, undefined, pin]);
    const ca = await makeCertificate('authority', { isAuthority: true });
    const given = await makeCertificate('given', { by: ca });
    await rig.server.replaceCertificate(given);
    expect(rig.server.addresses.map((address) => address.pin)).toEqual([undefined, undefined, undefined]);
    expect(rig.server.fingerprint).toBe(given.pin);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'lets clients with %s and plain ones talk, in both widths',
    async (version) => {
      const rig = await Rig.start();
      const [four, eight] = [await rig.listenTls(4), await rig.listenTls(8)];
      const options = { minVersion: version, maxVersion: version };
      const alice = await joinTls(four.port, 'alice', 4, options);
      const bob = await joinTls(eight.port, 'bob', 8, options);
      const carol = await rig.join('carol');
      alice.say('hello');
      for (const each of [alice, bob, carol])
        expect(await each.next(3)).toMatchObject({ login: 'alice', msg: 'hello' });
      expect(rig.server.sessions().map(({ login, encrypted }) => [login, encrypted])).toEqual([
        ['alice', true],
        ['bob', true],
        ['carol', false],
      ]);
    },
  );

  it('knows the certificate that a client shows, of whatever authority, and whether it resumes a session or not', async () => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls();
    const { cert, key, pin } = await testCertificate('client.test');
    const socket = await openTls(port, { cert, key, maxVersion: 'TLSv1.2' });
    const session = socket.getSession()!;
    socket.end();
    await joinTls(port, 'alice', 4, { cert, key });
    await joinTls(port, 'bob');
    const resumed = await openTls(port, { session, maxVersion: 'TLSv1.2' });
    expect(resumed.isSessionReused()).toBe(true);
    await expect.poll(() => rig.server.sessions().length).toBe(3);
    expect(rig.server.sessions().map(({ login, fingerprint }) => [login, fingerprint])).toEqual([
      ['alice', pin],
      ['bob', undefined],
      ['', pin],
    ]);
  });

  it.each(['certificate', 'key'] as const)(
    'refuses a %s that cannot be used, and keeps the one it has',
    async (part) => {
      const rig = await Rig.start();
      const { port } = await rig.listenTls();
      const { pin } = await testCertificate();
      const other = await testCertificate('other.test');
      const mine = await testCertificate();
      const pair = part === 'key' ? { cert: mine.cert, key: other.key } : { cert: 'none', key: mine.key };
      await expect(rig.server.replaceCertificate(pair)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(await pinAt(port)).toBe(pin);
      expect(rig.server.fingerprint).toBe(pin);
    },
  );

  it('gives another certificate to who comes from then on, and drops nobody, however busy', async () => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls();
    const [alice, bob] = [await joinTls(port, 'alice'), await joinTls(port, 'bob')];
    const id = await agree(alice, bob);
    const [a, b] = await Promise.all([halfTls(port, id), halfTls(port, id)]);
    const bytes = pattern(8 * 1024 * 1024);
    const pump = new Pump(a, bytes);
    const arrives = hashToEnd(b);
    for (let round = 0; round < 5; round += 1) {
      const next = await makeCertificate(`round ${round}`);
      await rig.server.replaceCertificate(next);
      expect(await pinAt(port)).toBe(next.pin);
      alice.tell('bob', `round ${round}`);
      expect(await bob.next(4)).toMatchObject({ msg: `round ${round}` });
    }
    await pump.done;
    a.end();
    expect(await arrives).toEqual(hashOf(bytes));
  });
});

describe('channels over TLS', () => {
  const SIDES = ['TLS', 'TCP'] as const;
  const CASES = SIDES.flatMap((one) => SIDES.flatMap((other) => WIDTHS.map((width) => [one, other, width] as const)));

  it.each(CASES)(
    '[P13] [P14] from %s to %s, %i bytes a LONG, carry everything, early bytes too',
    async (...[one, other, width]) => {
      const rig = await Rig.start();
      const secured = await rig.listenTls(width);
      const [alice, bob] = [await rig.join('alice', width), await joinTls(secured.port, 'bob', width)];
      const id = await agree(alice, bob);
      const open = (kind: 'TLS' | 'TCP', early: string) =>
        kind === 'TLS'
          ? halfTls(secured.port, id, { longBytes: width, early })
          : rig.half(id, width, Buffer.from(early));
      const [a, b] = await Promise.all([open(one, 'early a'), open(other, 'early b')]);
      expect((await readExactly(a, 7)).toString()).toBe('early b');
      expect((await readExactly(b, 7)).toString()).toBe('early a');
      const bytes = pattern(1024 * 1024 + 13);
      const [there, back] = [hashToEnd(b), hashToEnd(a)];
      await Promise.all([new Pump(a, bytes).done, new Pump(b, bytes, 3_001).done]);
      a.end();
      expect(await there).toEqual(hashOf(bytes));
      b.end();
      expect(await back).toEqual(hashOf(bytes));
      await expect.poll(async () => (await rig.stats()).channels).toBe(0);
      expect(rig.log.of('private connection ended')[0]!.fields['outcome']).toBe('ended');
    },
  );

  it('[P14a] whose TLS side is cut are aborted', async () => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls();
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const id = await agree(alice, bob);
    const [a, b] = await Promise.all([halfTls(port, id), rig.half(id)]);
    a.write('some');
    expect((await readExactly(b, 4)).toString()).toBe('some');
    a.destroy();
    expect(await endOf(b)).toBe('RST');
    await expect.poll(() => rig.log.of('private connection ended').length).toBe(1);
    expect(rig.log.of('private connection ended')[0]!.fields['outcome']).toBe('aborted');
  });
});

describe('handshakes', () => {
  it.each([
    ['a plain TCP client at a TLS port', Buffer.from([0, 0, 0, 0, 5, ...Buffer.from('alice')])],
    ['garbled', Buffer.from('1603010005aaaaaaaaaa', 'hex')],
    ['the client has gone', undefined],
  ])('that fail are counted, and the log says why: %s', async (why, bytes) => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls();
    const socket = await openSocket(port);
    if (bytes) socket.write(bytes);
    else socket.end();
    const line = await rig.log.until('TLS handshake failed');
    expect(line.message).toBe(`TLS handshake failed: ${why}`);
    expect(line.fields['from']).toBe('127.0.0.1');
    await endOf(socket);
    expect(await rig.stats()).toMatchObject({ failedHandshakes: 1, connections: 0, accepted: 0 });
  });

  it('of old versions fail, and the log says so', async () => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls();
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(openTls(port, old)).rejects.toBeInstanceOf(Error);
    await rig.log.until('TLS handshake failed: no common TLS version');
  });

  it('answer a plain client with an alert of TLS, by which it can know', async () => {
    const rig = await Rig.start();
    const socket = await openSocket((await rig.listenTls()).port);
    socket.write(Buffer.from([0, 0, 0, 0, 1, 0x61]));
    expect((await readExactly(socket, 7)).toString('hex')).toBe('15030100020246');
  });

  it('at a plain port fail, and the log says so', async () => {
    const rig = await Rig.start();
    await expect(openTls(rig.port[4])).rejects.toBeInstanceOf(Error);
    const { fields } = await rig.log.until('closed: malformed packet');
    expect(fields['why']).toContain('a TLS client at a plain port');
  });

  it('have a bound of bytes', async () => {
    const rig = await Rig.start();
    const socket = await openSocket((await rig.listenTls()).port);
    // A handshake message of 16 MB, in records as large as they may be.
    const record = Buffer.concat([Buffer.from('1603014000', 'hex'), Buffer.alloc(0x4000)]);
    record.writeUInt32BE(0x01ffffff, 5);
    socket.write(record);
    for (let i = 0; i < 20 && !socket.destroyed; i += 1) socket.write(record);
    const { message } = await rig.log.until('TLS handshake failed');
    expect(message).toMatch(/too many bytes|garbled/);
  });

  it('have a bound that a long chain of certificates is over: each takes time to look at', async () => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls();
    let issuer = await makeCertificate('0', { isAuthority: true });
    const chain = [issuer];
    while (chain.length < 48) {
      issuer = await makeCertificate(String(chain.length), { by: issuer, isAuthority: true });
      chain.unshift(issuer);
    }
    const certs = chain.map(({ cert }) => cert);
    const few = await joinTls(port, 'alice', 4, { cert: certs.slice(0, 6).join('\n'), key: issuer.key });
    const many = await openTls(port, { cert: certs.join('\n'), key: issuer.key });
    await endOf(many);
    expect((await rig.log.until('TLS handshake failed')).message).toContain('too many bytes');
    few.say('hello');
    expect(await few.next(3)).toMatchObject({ msg: 'hello' });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('%s may be followed at once by much more', async (version) => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls();
    const { cert, key } = await testCertificate('client.test');
    const socket = await openTls(port, { cert, key, minVersion: version, maxVersion: version });
    const said = Buffer.from('0300000001610000000178', 'hex');
    socket.write(Buffer.concat([Buffer.from('000000000161', 'hex'), ...Array.from({ length: 4_000 }, () => said)]));
    expect((await readExactly(socket, 1 + 4_000 * said.length)).subarray(0, 12).toString('hex')).toBe(
      `01${said.toString('hex')}`,
    );
  });

  it('go on where a server listens no longer at their address, and count until they are over', async () => {
    const rig = await Rig.start();
    const address = await rig.listenTls();
    const raws = [await openSocket(address.port), await openSocket(address.port), await openSocket(address.port)];
    await expect.poll(async () => (await rig.stats()).connections).toBe(3);
    expect(rig.server.stopListening(address)).toBe(true);
    const late = tls.connect({ socket: raws[0]!, rejectUnauthorized: false });
    late.write(Buffer.from('000000000161', 'hex'));
    expect((await readExactly(late, 1)).toString('hex')).toBe('01');
    expect((await rig.stats()).connections).toBe(3);
    for (const raw of raws) raw.destroy();
    await expect.poll(async () => (await rig.stats()).connections).toBe(0);
  });

  it('at an address where a server listens no longer do not keep it from closing', async () => {
    const rig = await Rig.start();
    const address = await rig.listenTls();
    const socket = await openSocket(address.port);
    await expect.poll(async () => (await rig.stats()).connections).toBe(1);
    rig.server.stopListening(address);
    await rig.server.close();
    await endOf(socket);
  });

  it('[P19] in progress are unidentified connections of their address, and over, they are not', async () => {
    const rig = await Rig.start({ exempt: [], maxUnidentifiedPerAddress: 2 });
    const { port } = await rig.listenTls();
    const [one] = [await openSocket(port), await openSocket(port)];
    await endOf(await openSocket(port));
    expect(await rig.stats()).toMatchObject({ refusedUnidentified: 1, connections: 2 });
    one.end();
    await rig.log.until('TLS handshake failed');
    expect(await joinTls(port, 'alice')).toMatchObject({ name: 'alice' });
  });

  it('in progress may take as long as a reload says', async () => {
    const rig = await Rig.start({ handshakeTimeoutMs: 600_000 });
    const socket = await openSocket((await rig.listenTls()).port);
    await expect.poll(async () => (await rig.stats()).connections).toBe(1);
    rig.server.update({ limits: { handshakeTimeoutMs: 1 } });
    expect((await rig.log.until('TLS handshake failed')).message).toBe('TLS handshake failed: not in time');
    await endOf(socket);
  });

  it('in progress do not keep a server from closing', async () => {
    const rig = await Rig.start();
    const socket = await openSocket((await rig.listenTls()).port);
    await expect.poll(async () => (await rig.stats()).connections).toBe(1);
    await rig.server.close();
    await endOf(socket);
    expect(await rig.stats()).toMatchObject({ failedHandshakes: 0, connections: 0 });
  });
});

it('[P18] a client over TLS that does not read is closed, and others are not', async () => {
  const rig = await Rig.start({
    maxQueuedBytes: 256 * 1024,
    exempt: [],
    messagesPerSecond: Infinity,
    bytesPerSecond: Infinity,
    messagesPerSecondPerAddress: Infinity,
    bytesPerSecondPerAddress: Infinity,
  });
  const { port } = await rig.listenTls();
  const [alice, mute] = [await joinTls(port, 'alice'), await joinTls(port, 'mute')];
  mute.socket.pause();
  const text = 'x'.repeat(1000);
  while ((await rig.stats()).slow === 0) {
    for (let i = 0; i < 64; i += 1) alice.tell('mute', text);
    alice.tell('alice', 'still here');
    expect(await alice.next(4)).toMatchObject({ msg: 'still here' });
  }
  expect((await rig.stats()).clients).toBe(1);
});

it('the test certificate is what it says', async () => {
  const { cert, pin } = await testCertificate();
  expect(fingerprintOf(new X509Certificate(cert))).toBe(pin);
});
