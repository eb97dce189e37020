import { describe, expect, it } from 'vitest';
import { packet, str } from '../../support/rfc-peer.ts';
import { DEFAULT_SERVER_LIMITS, type ServerStats } from '../../../src/server/index.ts';
import { agree, expectSilence, Rig, turns } from '../../support/server-rig.ts';
import { endOf, knock, openSocket, readExactly, within } from '../../support/server-sockets.ts';

/** Resolves when the server has so many: it notices who has gone after they have seen its end. */
function untilItHas(rig: Rig, connections: number): Promise<void> {
  return expect.poll(async () => (await rig.stats()).connections).toBe(connections);
}

describe('an address that opens connections', () => {
  it('[P19] gets as many as it may have, halves apart, and others when they are gone', async () => {
    const rig = await Rig.start({ exempt: [], maxConnectionsPerAddress: 4 });
    const { alice, a, b } = await rig.channel();
    await rig.join('carol');
    await rig.join('dave');
    await endOf(await openSocket(rig.port[8]));
    expect(await rig.stats()).toMatchObject({ connections: 6, refusedPerAddress: 1 });
    expect(await rig.log.until('connection refused')).toMatchObject({
      level: 'warn',
      fields: { limit: 'maxConnectionsPerAddress', from: '127.0.0.1' },
    });
    a.write('not touched');
    expect((await readExactly(b, 11)).toString()).toBe('not touched');
    alice.end();
    await within(alice.ended, 'the end of the session');
    await untilItHas(rig, 5);
    await rig.join('eve');
    await endOf(await openSocket(rig.port[4]));
    expect(await rig.stats()).toMatchObject({ connections: 6, refusedPerAddress: 2 });
  });

  it('[P19] has halves that wait counted apart, and those that had wrong ids until they are gone', async () => {
    const rig = await Rig.start({ exempt: [], maxConnectionsPerAddress: 3, maxUnidentifiedPerAddress: 1 });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    for (let i = 0; i < 3; i++) {
      await endOf(await knock(rig.port[4], 1n));
      await untilItHas(rig, 2);
    }
    const id = await agree(alice, bob);
    const half = await knock(rig.port[4], id);
    await untilItHas(rig, 3);
    await turns(alice);
    await rig.join('carol');
    expect(await rig.stats()).toMatchObject({ connections: 4, refusedPerAddress: 0, refusedUnidentified: 0 });
    half.resetAndDestroy();
    await rig.log.until('lost before it was established');
    await endOf(await openSocket(rig.port[4]));
    expect(await rig.stats()).toMatchObject({ connections: 3, refusedPerAddress: 1, refusedUnidentified: 0 });
  });

  it('[P19] gets its place back where a half of others has waited there in vain', async () => {
    const rig = await Rig.start({ exempt: [], maxConnectionsPerAddress: 2 });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const from = { localAddress: '127.0.0.2' };
    const carol = await rig.connect(4, from.localAddress);
    const half = await knock(rig.port[4], await agree(alice, bob), from);
    await untilItHas(rig, 4);
    await endOf(await openSocket(rig.port[4], from));
    expect((await rig.stats()).refusedPerAddress).toBe(1);
    half.resetAndDestroy();
    await rig.log.until('lost before it was established');
    const dave = await rig.connect(4, from.localAddress);
    expect([await carol.login('carol'), await dave.login('dave')]).toEqual([true, true]);
    expect((await rig.stats()).refusedPerAddress).toBe(1);
  });

  it('[P19] has few that are not identified, and is let in when one has logged in', async () => {
    const rig = await Rig.start({ exempt: [], maxUnidentifiedPerAddress: 2 });
    const [alice, silent] = [await rig.connect(), await rig.connect()];
    await endOf(await openSocket(rig.port[4]));
    expect((await rig.log.until('too many unidentified')).fields).toMatchObject({ limit: 'maxUnidentifiedPerAddress' });
    expect(await alice.login('alice')).toBe(true);
    expect(await silent.login('alice')).toBe(false);
    const other = await rig.connect();
    other.end();
    await within(other.ended, 'the end of the connection');
    await untilItHas(rig, 2);
    await expectSilence(alice, await rig.join('bob'));
    expect(await rig.stats()).toMatchObject({ refusedUnidentified: 1, refusedPerAddress: 0 });
  });

  it('[P19] may connect for as many channels at once as it may ask for', async () => {
    const rig = await Rig.start({ exempt: [] });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const ids: bigint[] = [];
    for (let i = 0; i < DEFAULT_SERVER_LIMITS.maxConnectIdsPerAddress; i++) {
      ids.push(await agree(alice, bob), await agree(bob, alice));
    }
    expect(2 * ids.length).toBe(DEFAULT_SERVER_LIMITS.maxConnectionsPerAddress);
    const halves = await Promise.all(ids.map((id) => knock(rig.port[4], id)));
    const come = ({ accepted, refusedUnidentified, refusedTooFast }: ServerStats): number =>
      accepted + refusedUnidentified + refusedTooFast;
    while (come(await rig.stats()) < 2 + halves.length) await turns(alice);
    expect(await rig.stats()).toMatchObject({ accepted: 2 + halves.length, connections: 2 + halves.length });
  });

  it('[P19] is refused new ones beyond its burst, and none that are in are closed', async () => {
    const rig = await Rig.start({ exempt: [], connectionBurstPerAddress: 3, connectionsPerSecondPerAddress: 1 });
    // Within a second, in which there is a place for one more: logging in takes its time.
    const in3 = [await rig.connect(), await rig.connect(), await rig.connect()];
    await endOf(await openSocket(rig.port[4]));
    for (const [index, peer] of in3.entries()) expect(await peer.login(`peer-${index}`)).toBe(true);
    expect(await rig.stats()).toMatchObject({ refusedTooFast: 1, clients: 3 });
    await expectSilence(...in3);
  });

  it('[P19] does not take the places that are kept for others', async () => {
    const rig = await Rig.start({ exempt: [], maxConnections: 4, keptForNewAddressesPercent: 50 });
    const both = [await rig.join('alice'), await rig.join('bob')];
    await endOf(await openSocket(rig.port[4]));
    expect((await rig.stats()).refusedKept).toBe(1);
    const other = await openSocket(rig.port[4], { localAddress: '127.0.0.2' });
    other.write(packet(0, str('carol')));
    expect(await readExactly(other, 1)).toEqual(Buffer.of(1));
    await expectSilence(...both);
  });

  it('[P19] has places kept for it again when its sessions and its channels are over', async () => {
    const rig = await Rig.start({ exempt: [], maxConnections: 8, keptForNewAddressesPercent: 50 });
    const [alice, bob] = [await rig.connect(4, '127.0.0.2'), await rig.join('bob')];
    expect(await alice.login('alice')).toBe(true);
    const id = await agree(alice, bob);
    const mine = await knock(rig.port[4], id, { localAddress: '127.0.0.2' });
    const theirs = await knock(rig.port[4], id);
    expect(await readExactly(theirs, 1)).toEqual(Buffer.of(10));
    mine.end();
    theirs.end();
    await rig.log.until('private connection ended');
    alice.end();
    await rig.left('alice');
    for (const name of ['carol', 'dave', 'eve']) await rig.join(name);
    await endOf(await openSocket(rig.port[4]));
    expect(await rig.stats()).toMatchObject({ connections: 4, refusedKept: 1 });
    const again = await rig.connect(4, '127.0.0.2');
    expect(await again.login('alice')).toBe(true);
    await endOf(await openSocket(rig.port[4], { localAddress: '127.0.0.2' }));
    expect(await rig.stats()).toMatchObject({ connections: 5, refusedKept: 2 });
  });
});
