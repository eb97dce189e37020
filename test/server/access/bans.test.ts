import { connect } from 'node:net';
import tls from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { banKindOf, Bans, MAX_BANS, type Ban, type BanKind } from '../../../src/server/access/bans.ts';
import { long, packet, RfcPeer } from '../../support/rfc-peer.ts';
import { agree, Rig, stopTheClock } from '../../support/server-rig.ts';
import { endOf, knock, openSocket, within } from '../../support/server-sockets.ts';

const ELSEWHERE = '127.0.0.2';
const ban = (kind: BanKind, what: string, more: Partial<Ban> = {}): Ban => ({ kind, what, since: new Date(), ...more });

describe('a ban of a login', () => {
  it('ends its session and private connections, and answers LOGIN_REFUSED from then on', async () => {
    const rig = await Rig.start();
    const { a, b, alice, bob } = await rig.channel();
    const events: unknown[] = [];
    rig.server.on('banned', (...event) => events.push(event));
    const made = ban('login', 'alice', { reason: 'spam' });
    expect(rig.server.ban(made)).toEqual({ sessions: 1, channels: 1 });
    expect(events).toEqual([[made, 1, 1]]);
    expect(await alice.ended).toBe('end');
    expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['RST', 'RST']);
    const again = await rig.connect();
    expect(await again.login('alice')).toBe(false);
    expect((await rig.log.until('login refused')).fields).toMatchObject({
      login: 'alice',
      why: 'banned',
      rule: 'bans.login',
    });
    expect(await again.login('alicia')).toBe(true);
    expect(await rig.stats()).toMatchObject({ kicked: 1, barredLogins: 1, clients: 2 });
    bob.tell('alicia', 'hello');
    expect(await again.next(4)).toMatchObject({ msg: 'hello' });
  });

  it('is of those that look like it, too, unless look-alikes are allowed', async () => {
    const rig = await Rig.start();
    const lookAlike = await rig.join('\u0430lice');
    expect(rig.server.ban(ban('login', 'alice'))).toMatchObject({ sessions: 1 });
    expect(await lookAlike.ended).toBe('end');
    const again = await rig.connect();
    for (const name of ['\u0430lice', 'ALICE', 'alice']) expect(await again.login(name)).toBe(false);
    const lax = await Rig.start({}, { lookAlikes: 'allow' });
    await lax.join('\u0430lice');
    expect(lax.server.ban(ban('login', 'alice'))).toMatchObject({ sessions: 0 });
  });

  it('may be a pattern, and is lifted by it', async () => {
    const rig = await Rig.start();
    rig.server.ban(ban('login', 'spam-*'));
    const spammer = await rig.connect();
    expect(await spammer.login('spam-7')).toBe(false);
    expect(rig.server.unban('login', 'spam-7')).toBeUndefined();
    expect(rig.server.unban('login', 'spam-*')).toMatchObject({ what: 'spam-*' });
    expect(await spammer.login('spam-7')).toBe(true);
    expect(rig.log.of('unbanned')[0]!.fields).toEqual({ what: 'spam-*', kind: 'login', why: 'lifted' });
  });

  it('ends those alone whom it hits, whatever bans there were before', async () => {
    const rig = await Rig.start({}, { lookAlikes: 'allow' });
    const lookAlike = await rig.join('\u0430lice');
    expect(rig.server.ban(ban('login', 'alice'))).toMatchObject({ sessions: 0 });
    rig.server.update({ lookAlikes: 'refuse' });
    expect(rig.server.ban(ban('login', 'bob'))).toMatchObject({ sessions: 0 });
    lookAlike.tell('\u0430lice', 'still here');
    expect(await lookAlike.next(4)).toMatchObject({ msg: 'still here' });
  });

  it('breaks a private connection whose session is gone already', async () => {
    const rig = await Rig.start();
    const { a, alice } = await rig.channel();
    alice.end();
    await rig.left('alice');
    expect(rig.server.ban(ban('login', 'alice'))).toEqual({ sessions: 0, channels: 1 });
    expect(await endOf(a)).toBe('RST');
  });
});

describe('a ban of an address', () => {
  it.each([ELSEWHERE, '127.0.0.2/31'])('as %s closes what is there, and what comes', async (what) => {
    const rig = await Rig.start();
    const [there, unknown, here] = [
      await rig.connect(4, ELSEWHERE),
      await rig.connect(4, ELSEWHERE),
      await rig.join('alice'),
    ];
    expect(await there.login('mallory')).toBe(true);
    expect(rig.server.ban(ban('from', what))).toEqual({ sessions: 2, channels: 0 });
    await within(Promise.all([there.ended, unknown.ended]), 'their ends');
    await within((await rig.connect(4, ELSEWHERE)).ended, 'the end of a new one');
    expect(await rig.stats()).toMatchObject({ refusedBanned: 1, clients: 1 });
    await rig.log.until('connection refused: banned');
    here.tell('alice', 'still here');
    expect(await here.next(4)).toMatchObject({ msg: 'still here' });
  });
});

it('a ban of an address ends the half from there that waits for the other side', async () => {
  const rig = await Rig.start();
  const id = await agree(await rig.join('alice'), await rig.join('bob'));
  const half = await knock(rig.port[4], id, { localAddress: ELSEWHERE });
  await expect.poll(async () => (await rig.stats()).connections).toBe(3);
  await rig.server.selfTest();
  rig.server.ban(ban('from', ELSEWHERE));
  await within(endOf(half), 'the end of the half');
});

it('a ban of an address is for those, too, whose handshake is under way, who may have a connect id', async () => {
  const rig = await Rig.start();
  const { port } = await rig.listenTls();
  const id = await agree(await rig.join('alice'), await rig.join('bob'));
  const raw = await openSocket(port, { localAddress: ELSEWHERE });
  await expect.poll(async () => (await rig.stats()).connections).toBe(3);
  expect(rig.server.ban(ban('from', ELSEWHERE))).toEqual({ sessions: 0, channels: 0 });
  const socket = tls.connect({ socket: raw, rejectUnauthorized: false }).on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  socket.write(packet(9, long(id)));
  await endOf(socket);
  expect(await rig.stats()).toMatchObject({ connections: 2, accepted: 2, refusedBanned: 1 });
});

it.each([
  ['127.0.0.1', '[::]', '127.0.0.0/8'],
  ['::1', '[::]', '0:0::1/128'],
  ['::1', '[::1]', '::1'],
])('a ban of an address ends those from %s at %s, as %s', async (host, listen, what) => {
  const rig = await Rig.start();
  const { port } = await rig.server.listen(`${listen}:0`);
  const socket = connect({ host, port }).on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  const peer = RfcPeer.over(socket);
  expect(await peer.login('alice')).toBe(true);
  expect(rig.server.ban(ban('from', what))).toMatchObject({ sessions: 1 });
  await peer.ended;
  expect(await rig.server.selfTest()).toBeUndefined();
});

it('a ban ends by itself, and says so', async () => {
  stopTheClock();
  const rig = await Rig.start();
  rig.server.ban(ban('login', 'alice', { until: new Date(Date.now() + 3_600_000) }));
  rig.server.ban(ban('login', 'bob'));
  vi.advanceTimersByTime(3_599_999);
  expect(rig.server.bans()).toHaveLength(2);
  vi.advanceTimersByTime(1);
  expect(rig.server.bans().map(({ what }) => what)).toEqual(['bob']);
  expect(rig.log.of('unbanned')[0]!.fields).toMatchObject({ what: 'alice', why: 'expired' });
  await rig.join('alice');
});

it('a ban ends within a minute of its time where the clock is set, or the machine has slept', async () => {
  stopTheClock();
  const rig = await Rig.start();
  rig.server.ban(ban('login', 'alice', { until: new Date(Date.now() + 3_600_000) }));
  vi.advanceTimersByTime(1_000);
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(60_000);
  expect(rig.server.bans()).toEqual([]);
});

it('a new server has the bans that it is given, and says nothing of them', async () => {
  const rig = await Rig.start({}, { bans: [ban('login', 'alice')] });
  expect(await (await rig.connect()).login('alice')).toBe(false);
  expect(rig.log.of('banned')).toEqual([]);
});

describe('bans', () => {
  it('are at most 1,000 of a kind; one of the same is replaced', () => {
    const bans = new Bans();
    for (let count = 0; count < MAX_BANS; count += 1) bans.add(ban('login', `mallory-${count}`));
    expect(() => bans.add(ban('login', 'one more'))).toThrow(/there are 1000 such bans already/);
    bans.add(ban('login', 'mallory-7', { reason: 'again' }));
    bans.remove('login', 'mallory-8');
    const [one, two] = [ban('login', 'one more'), ban('login', 'and another')];
    expect(() => bans.checkRoomFor([one, two])).toThrow(/there are 999 such bans already, and may be 1000/);
    bans.checkRoomFor([one, one, ban('login', 'mallory-7'), ban('from', '192.0.2.2')]);
    bans.add(one);
    bans.add(ban('from', '192.0.2.1'));
    expect(bans.size).toBe(MAX_BANS + 1);
    expect(bans.list().find(({ what }) => what === 'mallory-7')).toMatchObject({ reason: 'again' });
  });

  it('are the same however they are written', () => {
    const bans = new Bans();
    const same: readonly (readonly [BanKind, string, string])[] = [
      ['from', '2001:DB8::/32', '2001:db8:0::/32'],
      ['from', '192.0.2.1', '192.0.2.1/32'],
      ['from', '::ffff:192.0.2.1', '192.0.2.1'],
      ['login', 'caf\u00e9', 'cafe\u0301'],
      ['identity', `sha256:${'-_'.repeat(21)}8`, `sha256:${'+/'.repeat(21)}8=`],
    ];
    for (const [kind, one, other] of same) {
      bans.add(ban(kind, one));
      bans.add(ban(kind, other));
      expect(bans.list().map(({ what }) => what)).toEqual([other]);
      expect(bans.remove(kind, one)).toBeDefined();
    }
  });

  it.each([
    ['10.0.0.0/33', 'from'],
    ['10.0.0/24', 'from'],
    ['10.0.0', 'from'],
    ['fe80::1%eth0', 'from'],
    ['2001:db8::/129', 'from'],
    ['sha256:x', 'identity'],
    ['v1.2', 'login'],
    ['10', 'login'],
    ['and/or', 'login'],
    ['a:b', 'login'],
  ])('of %s are meant as one of kind %s', (what, kind) => {
    expect(banKindOf(what)).toBe(kind);
  });

  it('of networks that differ in their size alone are two', () => {
    const bans = new Bans();
    bans.add(ban('from', '10.0.0.0/8'), ban('from', '10.0.0.0/16'));
    expect(bans.size).toBe(2);
    expect(bans.remove('from', '10.0.0.0/8')).toMatchObject({ what: '10.0.0.0/8' });
    expect([bans.hasAddress('10.0.1.1'), bans.hasAddress('10.1.1.1')]).toEqual([true, false]);
    bans.close();
  });

  it('know whom they are of: addresses by their networks, keys, nobody else', () => {
    const key = `sha256:${'A'.repeat(43)}`;
    const bans = new Bans();
    bans.add(ban('from', '2001:DB8::/32'));
    bans.add(ban('identity', key));
    expect(bans.hasAddress('2001:db8::1')).toBe(true);
    expect(bans.hasAddress('2001:db9::1')).toBe(false);
    expect(bans.hasIdentity(key)).toBe(true);
    expect(bans.hasIdentity(undefined)).toBe(false);
    expect(bans.remove('from', '2001:db8::/32')).toMatchObject({ kind: 'from' });
    expect(bans.hasAddress('2001:db8::1')).toBe(false);
  });

  it('may have a pattern of 128 characters, and a reason of 256', () => {
    const longest = ban('login', 'x'.repeat(128), { reason: 'y'.repeat(256) });
    const bans = new Bans();
    bans.add(longest);
    expect(bans.list()).toEqual([longest]);
  });

  it.each<[BanKind, string, Partial<Ban>]>([
    ['from', 'nowhere', {}],
    ['identity', 'sha256:short', {}],
    ['login', '', {}],
    ['login', 'x'.repeat(129), {}],
    ['login', 'alice', { reason: 'x'.repeat(257) }],
    ['login', 'alice', { until: new Date(Number.NaN) }],
    ['host' as BanKind, 'alice', {}],
  ])('refuse a %s as %s %j', (kind, what, more) => {
    expect(() => new Bans().add(ban(kind, what, more))).toThrow(/./);
    expect(() => new Bans().add(ban(kind, what, more))).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

it('bans that end have one timer together, and none when they are lifted', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const bans = new Bans();
  for (const [minutes, what] of ['alice', 'bob', 'carol'].entries()) {
    bans.add(ban('login', what, { until: new Date(Date.now() + (minutes + 1) * 60_000) }));
  }
  expect(vi.getTimerCount()).toBe(1);
  for (const what of ['alice', 'bob', 'carol']) bans.remove('login', what);
  expect(vi.getTimerCount()).toBe(0);
});
