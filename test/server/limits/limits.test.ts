import { describe, expect, it } from 'vitest';
import { NO_RATES } from '../../support/floods.ts';
import { packet, readAll, str, type RfcPeer } from '../../support/rfc-peer.ts';
import { expectSilence, Rig, turns } from '../../support/server-rig.ts';
import { endOf, openSocket, readExactly, within } from '../../support/server-sockets.ts';

const BATCH = 64;
const TEXT = 'x'.repeat(1000);

/** Says batch after batch, each when the one before has come back, until `stop`; gives how many messages that were. */
async function talk(speaker: RfcPeer, stop: () => boolean): Promise<number> {
  let said = 0;
  while (!stop()) {
    const frames: Buffer[] = [];
    for (let i = 0; i < BATCH; i++) frames.push(packet(3, str(speaker.name), str(`${said + i} ${TEXT}`)));
    speaker.send(Buffer.concat(frames));
    for (let i = 0; i < BATCH; i++) await speaker.next(3);
    said += BATCH;
    if (said > 60_000) throw new Error('nothing came of 60 MB');
  }
  return said;
}

describe('a client that does not read', () => {
  it('is cut at limits.maxQueuedBytes with a reason in the log, while the others get everything', async () => {
    const rig = await Rig.start({ ...NO_RATES, maxQueuedBytes: 64 * 1024 });
    const [alice, bob, slow] = [await rig.join('alice'), await rig.join('bob', 8), await rig.join('slow')];
    slow.socket.pause();
    const said = await talk(alice, () => rig.log.of('does not read').length > 0);
    for (let i = 0; i < said; i++) expect(await bob.next()).toEqual({ op: 3, login: 'alice', msg: `${i} ${TEXT}` });
    await expectSilence(alice, bob);
    const [line] = rig.log.of('does not read');
    expect(line).toMatchObject({ level: 'warn', fields: { login: 'slow' } });
    expect(line!.fields['why']).toMatch(/\d+ bytes/);
    expect(await rig.stats()).toMatchObject({ slow: 1, clients: 2 });
    await expectSilence(await rig.join('slow'));
    slow.socket.resume();
    await within(slow.ended, 'the slow one to see its end');
  });

  it('is cut where the bytes are private messages, or answers to its own packets', async () => {
    const rig = await Rig.start({ ...NO_RATES, maxQueuedBytes: 64 * 1024 });
    const [alice, slow, mute] = [await rig.join('alice'), await rig.join('slow'), await rig.join('mute')];
    slow.socket.pause();
    mute.socket.pause();
    const toMany = packet(4, str('alice'), str('slow'), str(TEXT));
    while (rig.log.of('does not read').length === 0) {
      alice.send(Buffer.concat(Array<Buffer>(BATCH).fill(toMany)));
      await expectSilence(alice);
    }
    const toItself = packet(4, str('mute'), str('mute'), str(TEXT));
    while (rig.log.of('does not read').length === 1) {
      mute.send(Buffer.concat(Array<Buffer>(BATCH).fill(toItself)));
      await expectSilence(alice);
    }
    expect(await rig.stats()).toMatchObject({ slow: 2, clients: 1 });
  });

  it('[P10] has the requests to it answered by KO_PRIVATE when it is cut', async () => {
    const rig = await Rig.start({ ...NO_RATES, maxQueuedBytes: 64 * 1024 });
    const [alice, slow] = [await rig.join('alice'), await rig.join('slow')];
    alice.request('slow');
    await slow.next(5);
    slow.socket.pause();
    await talk(alice, () => rig.log.of('does not read').length > 0);
    expect(await alice.next()).toEqual({ op: 7, requester: 'alice', target: 'slow' });
    await expectSilence(alice);
  });

  it('[P8] gets all that was queued for it, though it has ended its own side and the others still talk', async () => {
    const rig = await Rig.start({ ...NO_RATES, maxQueuedBytes: 64 * 1024 * 1024 });
    const [alice, socket] = [await rig.join('alice'), await openSocket(rig.port[4])];
    socket.write(packet(0, str('slow')));
    await readExactly(socket, 1);
    let batches = 0;
    const queued = await talk(alice, () => (batches += 1) > 250); // 16 MB: more than the socket buffers hold
    socket.end();
    await turns(alice);
    await talk(alice, () => (batches += 1) > 255);
    const expected: Buffer[] = [];
    for (let i = 0; i < queued; i++) expected.push(packet(3, str('alice'), str(`${i} ${TEXT}`)));
    expect((await readAll(socket)).length).toBeGreaterThanOrEqual(Buffer.concat(expected).length);
  });
});

describe('a client that has ended its side and does not read', () => {
  it('[P7] does not keep its login', async () => {
    const rig = await Rig.start({ ...NO_RATES, maxQueuedBytes: 64 * 1024 * 1024 });
    const [alice, socket] = [await rig.join('alice'), await openSocket(rig.port[4])];
    socket.write(packet(0, str('slow')));
    await readExactly(socket, 1);
    let batches = 0;
    await talk(alice, () => (batches += 1) > 250);
    socket.end();
    await turns(alice);
    expect(await (await rig.connect()).login('slow')).toBe(true);
  });
});

describe('limits.maxConnections', () => {
  it('closes what comes beyond, sessions and halves counted together, and lets in again when one has gone', async () => {
    const rig = await Rig.start({ maxConnections: 4 });
    const { a, b } = await rig.channel();
    const refused = await openSocket(rig.port[8]);
    await endOf(refused);
    expect(refused.bytesRead).toBe(0);
    expect(rig.log.of('too many')).toHaveLength(1);
    expect(await rig.stats()).toMatchObject({ connections: 4, accepted: 4 });
    a.write('not touched');
    expect((await readExactly(b, 11)).toString()).toBe('not touched');
    a.end();
    b.end();
    await rig.log.until('private connection ended');
    const [carol, dave] = [await rig.join('carol'), await rig.join('dave')];
    await endOf(await openSocket(rig.port[4]));
    carol.end();
    await within(carol.ended, 'the end of the session');
    await expectSilence(await rig.join('erin'), dave);
  });

  it('counts what is not identified, and forgets what was malformed, or had a wrong id', async () => {
    const rig = await Rig.start({ maxConnections: 2 });
    const alice = await rig.join('alice');
    for (const wrong of ['ff', '0900000001', '03ffffffff']) {
      const socket = await openSocket(rig.port[4]);
      socket.write(Buffer.from(wrong, 'hex'));
      await endOf(socket);
      await expectSilence(alice);
    }
    const silent = await openSocket(rig.port[4]);
    await endOf(await openSocket(rig.port[4]));
    expect(await rig.stats()).toMatchObject({ connections: 2, malformed: 2, wrongIds: 1 });
    silent.destroy();
  });
});
