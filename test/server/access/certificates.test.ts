import { describe, expect, it } from 'vitest';
import { issue } from '../../support/issued.ts';
import { agree, Rig } from '../../support/server-rig.ts';
import { endOf, readExactly } from '../../support/server-sockets.ts';
import { RfcPeer } from '../../support/rfc-peer.ts';
import { connectTls, knockTls, openTls } from '../../support/tls-peers.ts';

const ELSEWHERE = '127.0.0.2';

const [alice, mallory, root] = await Promise.all([
  issue({ name: 'alice' }),
  issue({ name: 'alice' }),
  issue({ name: 'Ops CA', isAuthority: true }),
]);

async function start(...options: Parameters<typeof Rig.start>) {
  const rig = await Rig.start(...options);
  const { port } = await rig.listenTls();
  /** Why the last login was refused. */
  const why = async (count: number) => (await rig.log.until('login refused', count)).fields['why'];
  return { rig, port, why };
}

const OWNED = { logins: [{ login: 'alice', identity: alice.pin }, { login: '*' }] };

describe('a login that is reserved for a key', () => {
  it('[P7] is given to who has that key, wherever it comes from, and to nobody else', async () => {
    const { rig, port, why } = await start({}, OWNED);
    const [plain, bare, other] = [await rig.connect(), await connectTls(port), await connectTls(port, mallory)];
    for (const peer of [plain, bare, other]) {
      for (const login of ['alice', 'Alice', '\u0430lice']) expect(await peer.login(login)).toBe(false);
    }
    expect(await why(1)).toBe('reserved: it shows no certificate');
    expect(await why(5)).toBe('looks like a reserved login: it shows no certificate');
    expect(await why(7)).toBe('reserved: its certificate is another');
    const owner = await connectTls(port, { ...alice, localAddress: ELSEWHERE });
    expect(await owner.login('alice')).toBe(true);
    expect(rig.server.sessions().find(({ login }) => login === 'alice')).toMatchObject({
      fingerprint: alice.pin,
      encrypted: true,
      remoteAddress: ELSEWHERE,
    });
    expect(await other.login('mallory')).toBe(true);
  });

  it('[P7a] is not had by a stranger while it is held, though the stranger has the same address', async () => {
    const { rig, port, why } = await start({}, OWNED);
    const owner = await connectTls(port, alice);
    expect(await owner.login('alice')).toBe(true);
    owner.socket.destroy();
    await rig.left('alice');
    const stranger = await connectTls(port, mallory);
    expect(await stranger.login('alice')).toBe(false);
    expect(await why(1)).toBe('reserved: its certificate is another');
    expect(await (await connectTls(port, { ...alice, localAddress: ELSEWHERE })).login('alice')).toBe(true);
  });
});

it('[P7a] a login is held for the certificate that had it, from wherever it comes, and for no other from there', async () => {
  const { rig, port, why } = await start({ loginHoldMs: 60_000 });
  const owner = await connectTls(port, alice);
  expect(await owner.login('alice')).toBe(true);
  owner.socket.destroy();
  await rig.left('alice');
  expect(await (await connectTls(port, { ...mallory, localAddress: ELSEWHERE })).login('alice')).toBe(false);
  expect(await why(1)).toBe('held for the client that had it');
  expect(await (await connectTls(port, { ...alice, localAddress: ELSEWHERE })).login('alice')).toBe(true);
});

describe('a login whose name a certificate of an authority has', () => {
  it('[P7] is given for it, through others that the client shows, and for no other name', async () => {
    const between = await issue({ name: 'Ops CA 2', isAuthority: true, by: root });
    const [direct, issued] = [await issue({ name: 'ops-1', by: root }), await issue({ name: 'ops-2', by: between })];
    const { port, why } = await start({}, { logins: [{ login: 'ops-*', ca: root.cert }] });
    expect(await (await connectTls(port, direct)).login('ops-1')).toBe(true);
    const chain = { key: issued.key, cert: `${issued.cert}\n${between.cert}` };
    expect(await (await connectTls(port, chain)).login('ops-2')).toBe(true);
    const bare = await issue({ name: 'ops-3', by: between });
    expect(await (await connectTls(port, bare)).login('ops-3')).toBe(false);
    expect(await why(1)).toBe('reserved: its certificate is of another authority');
    expect(await (await connectTls(port, chain)).login('ops-1')).toBe(false);
    expect(await why(2)).toBe('reserved: its certificate has another name');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    '[P7] is given to who resumes a session of %s, which shows the others no more, after a change of rules too',
    async (maxVersion) => {
      const between = await issue({ name: 'Ops CA 3', isAuthority: true, by: root });
      const { key, cert } = await issue({ name: 'ops-1', by: between });
      const logins = [{ login: 'ops-*', ca: root.cert }];
      const { rig, port } = await start({}, { logins });
      const first = await openTls(port, { key, cert: `${cert}\n${between.cert}`, maxVersion });
      const ticket = new Promise<Buffer>((resolve) => first.once('session', resolve));
      const peer = RfcPeer.over(first);
      expect(await peer.login('ops-1')).toBe(true);
      const session = maxVersion === 'TLSv1.2' ? first.getSession()! : await ticket;
      peer.end();
      await rig.left('ops-1');
      rig.server.update({ logins });
      const resumed = await openTls(port, { session, maxVersion });
      expect(resumed.isSessionReused()).toBe(true);
      expect(await RfcPeer.over(resumed).login('ops-1')).toBe(true);
    },
  );

  it('[P7] is not given for one that a certificate without that right has issued', async () => {
    const user = await issue({ name: 'ops-1', by: root });
    const forged = await issue({ name: 'ops-2', by: user });
    const { port, why } = await start({}, { logins: [{ login: 'ops-*', ca: root.cert }] });
    const chain = { key: forged.key, cert: `${forged.cert}\n${user.cert}` };
    expect(await (await connectTls(port, chain)).login('ops-2')).toBe(false);
    expect(await why(1)).toBe('reserved: its certificate is of another authority');
  });
});

it('a certificate that the operator has denied is refused at once, and who is in stays in', async () => {
  const { rig, port, why } = await start({}, OWNED);
  const owner = await connectTls(port, alice);
  expect(await owner.login('alice')).toBe(true);
  rig.server.update({ ...OWNED, deny: { identity: [alice.pin] } });
  owner.tell('alice', 'still here');
  expect(await owner.next(4)).toMatchObject({ msg: 'still here' });
  expect(await (await connectTls(port, alice)).login('bob')).toBe(false);
  expect(await why(1)).toBe('its certificate is denied');
});

describe('halves of a client with a certificate', () => {
  it('[P12] come from anywhere with it, where halves come from their parties only', async () => {
    const { rig, port } = await start({}, { halves: 'parties' });
    const owner = await connectTls(port, alice);
    await owner.login('alice');
    const id = await agree(owner, await rig.join('bob'));
    await endOf(await knockTls(port, id, { ...mallory, localAddress: ELSEWHERE }));
    expect((await rig.stats()).foreignHalves).toBe(1);
    const own = await knockTls(port, id, { ...alice, localAddress: ELSEWHERE });
    const other = await rig.half(id);
    expect((await readExactly(own, 1)).toString('hex')).toBe('0a');
    other.write('x');
    expect((await readExactly(own, 1)).toString()).toBe('x');
  });

  it('[P12] get in while their address is shut out', async () => {
    const { rig, port } = await start({ maxWrongIdsPerMinute: 1 });
    const owner = await connectTls(port, alice);
    await owner.login('alice');
    const id = await agree(owner, await rig.join('bob'));
    await endOf(await knockTls(port, id + 1n, { localAddress: ELSEWHERE }));
    await endOf(await knockTls(port, id, { localAddress: ELSEWHERE }));
    const own = await knockTls(port, id, { ...alice, localAddress: ELSEWHERE });
    await rig.half(id);
    expect((await readExactly(own, 1)).toString('hex')).toBe('0a');
    expect(await rig.stats()).toMatchObject({ shutOuts: 1, wrongIds: 2 });
  });
});
