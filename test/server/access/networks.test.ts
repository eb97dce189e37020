import { spawnSync } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { testCertificate } from '../../support/certificates.ts';
import { packet, RfcPeer, str } from '../../support/rfc-peer.ts';
import { Rig } from '../../support/server-rig.ts';
import { endOf, openSocket, within } from '../../support/server-sockets.ts';

/** Another address of this machine. */
const ELSEWHERE = '127.0.0.2';

describe('a denied network', () => {
  it('is closed at accept, before anything is read, counted and logged with bounds', async () => {
    const rig = await Rig.start({}, { deny: { from: ['127.0.0.2/32', '203.0.113.0/24'] } });
    for (let count = 0; count < 20; count += 1) {
      const denied = await rig.connect(4, ELSEWHERE);
      await within(denied.ended, 'the end of a denied connection');
    }
    expect(await rig.stats()).toMatchObject({ refusedDenied: 20, accepted: 0 });
    expect(rig.log.of('connection refused: denied')).toHaveLength(1);
    expect(rig.log.of('connection refused: denied')[0]!.fields).toEqual({ from: ELSEWHERE, refused: 1 });
    await rig.join('alice');
  });

  it.each(['tcp', 'tls'] as const)('is not let in by being gone before it is accepted (%s)', async (transport) => {
    const tls = transport === 'tls' ? await testCertificate() : undefined;
    const rig = await Rig.start({}, { deny: { from: ELSEWHERE }, ...(tls && { tls }) });
    const { port } = await rig.server.listen(`${transport}://127.0.0.1:0`);
    const alice = await rig.join('alice');
    const evil = Buffer.concat([packet(0, str('evil')), packet(3, str('evil'), str('hello'))]).toString('hex');
    // This process accepts nobody while it waits for the other one.
    const { status } = spawnSync(process.execPath, [
      '-e',
      `const socket = require('node:net').connect({ port: ${port}, host: '127.0.0.1', localAddress: '${ELSEWHERE}' });
       socket.write(Buffer.from('${evil}', 'hex'), () => socket.resetAndDestroy());`,
    ]);
    expect(status).toBe(0);
    const bob = await rig.join('bob');
    bob.say('the first');
    expect((await alice.next(3)).msg).toBe('the first');
    expect(rig.log.lines.filter(({ fields }) => fields['from'] === 'unknown')).toEqual([]);
    expect((await rig.stats()).accepted).toBe(2);
  });

  it('is denied though it is allowed as well', async () => {
    const rig = await Rig.start({}, { deny: { from: ELSEWHERE }, allow: { from: '127.0.0.0/8' } });
    await within((await rig.connect(4, ELSEWHERE)).ended, 'the end of a denied connection');
    await rig.join('alice');
    expect((await rig.stats()).refusedDenied).toBe(1);
  });
});

it('networks that are not allowed are closed at accept', async () => {
  const rig = await Rig.start({}, { allow: { from: ['127.0.0.1', '2001:db8::/32'] } });
  await within((await rig.connect(4, ELSEWHERE)).ended, 'the end of a connection that is not allowed');
  expect((await rig.stats()).refusedDenied).toBe(1);
  await rig.log.until('connection refused: not allowed');
  await rig.join('alice');
});

it('behind a proxy, the address that its header names is denied, and the proxy is not', async () => {
  const rig = await Rig.start({}, { deny: { from: '203.0.113.0/24' }, proxies: ['127.0.0.1'] });
  const { port } = await rig.server.listen('127.0.0.1:0?proxy=v1');
  const denied = await openSocket(port);
  denied.write('PROXY TCP4 203.0.113.9 192.0.2.1 40000 7777\r\n');
  await endOf(denied);
  expect((await rig.log.until('connection refused: denied')).fields).toMatchObject({ from: '203.0.113.9' });
  const other = await RfcPeer.connect(port);
  onTestFinished(() => other.destroy());
  other.send(Buffer.from('PROXY TCP4 198.51.100.9 192.0.2.1 40000 7777\r\n'));
  expect(await other.login('alice')).toBe(true);
});
