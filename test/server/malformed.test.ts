import { beforeAll, describe, expect, it, vi } from 'vitest';
import { leaveOut, TESTED_SERVER } from '../support/left-out.ts';
import { int, packet, str } from '../support/rfc-peer.ts';
import { expectSilence, Rig, stopTheClock, turns } from '../support/server-rig.ts';
import { bufferBytes, within } from '../support/server-sockets.ts';
import { standStill } from '../support/stand-still.ts';

const A = str('alice');
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

describe('malformed packets', () => {
  let before = 0;
  beforeAll(async () => {
    before = await bufferBytes();
  });

  it.each([
    ['an unknown opcode, 13', bytes('0d')],
    ['an unknown opcode, 255', bytes('ff')],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a TLS greeting', bytes('1603010200010001fc0303')],
    ['a negative size', packet(3, A, int(-1))],
    ['the most negative size', packet(3, int(-(2 ** 31)))],
    ['a size of two gigabytes', packet(3, A, int(2 ** 31 - 1))],
    ['a message of 1025 bytes', packet(3, A, int(1025))],
    ['a private message of 1025 bytes', packet(4, A, A, int(1025))],
    ['a sender of 31 bytes', packet(3, int(31))],
    ['a target of 31 bytes', packet(4, A, int(31))],
    ['a requester of 31 bytes', packet(5, int(31))],
    ['a login of 1025 bytes', packet(0, int(1025))],
    ['text that is not UTF-8', packet(3, A, int(2), bytes('c328'))],
    ['a surrogate in UTF-8', packet(3, A, int(3), bytes('eda080'))],
    ['an overlong form', packet(3, A, int(2), bytes('c0af'))],
    ['a login that is not UTF-8', packet(0, int(1), bytes('ff'))],
  ])('[P4] %s closes the connection at once, and nobody else notices', async (_, wrong) => {
    const rig = await Rig.start();
    const [bob, alice, unknown] = [await rig.join('bob'), await rig.join('alice'), await rig.connect()];
    alice.send(Buffer.concat([wrong, packet(3, A, str('too late'))]));
    await within(alice.ended, 'the connection to be closed');
    expect(await bufferBytes(before + 4 * 1024 * 1024)).toBeLessThan(before + 4 * 1024 * 1024);
    unknown.send(wrong);
    await within(unknown.ended, 'the other one to be closed');
    await expectSilence(bob);
    expect(await rig.stats()).toMatchObject({ malformed: 2, forbidden: 0, clients: 1 });
    const [line] = rig.log.of('malformed');
    expect(line).toMatchObject({ level: 'warn', fields: { login: 'alice', from: '127.0.0.1' } });
    expect(line!.fields['why']).toMatch(/\w/);
    await expectSilence(await rig.join('alice'));
  });

  it('[P4] what came before the malformed packet in the same write is done', async () => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    alice.send(Buffer.concat([packet(3, A, str('last')), packet(4, A, str('bob'), str('words')), bytes('63')]));
    expect(await bob.next()).toMatchObject({ op: 3, msg: 'last' });
    expect(await bob.next()).toMatchObject({ op: 4, msg: 'words' });
    await within(alice.ended, 'the connection to be closed');
    await expectSilence(bob);
  });

  it.each([1, 5, 9, 12])('[P4] a packet cut after %i bytes by the end of the connection is malformed', async (size) => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    alice.socket.end(packet(3, A, str('never whole')).subarray(0, size));
    await within(alice.ended, 'the connection to be closed');
    await rig.left('alice');
    await expectSilence(bob);
    expect((await rig.stats()).malformed).toBe(1);
  });

  it('[P4] a packet that stays incomplete too long closes the connection', async () => {
    const rig = await Rig.start({ packetTimeoutMs: 50 });
    const [alice, bob, unknown] = [await rig.join('alice'), await rig.join('bob'), await rig.connect()];
    alice.send(packet(3, A, int(5)));
    unknown.send(packet(9));
    await within(alice.ended, 'the connection to be closed');
    await within(unknown.ended, 'the other one to be closed');
    await expectSilence(bob);
    expect(await rig.stats()).toMatchObject({ malformed: 2, clients: 1 });
  });

  it('[P4] [P12] what came in time is read, though the process stood still meanwhile', async () => {
    if (TESTED_SERVER) leaveOut('it stops the process of the server');
    const rig = await Rig.start({ packetTimeoutMs: 2_000, identifyTimeoutMs: 2_000 });
    const [alice, mark] = [await rig.join('alice'), await rig.join('mark')];
    const message = packet(4, A, A, str('hi'));
    alice.send(message.subarray(0, 5));
    await turns(mark);
    const bob = await rig.connect();
    alice.send(message.subarray(5));
    const letIn = bob.login('bob');
    standStill(2_200);
    expect(await alice.next(4)).toMatchObject({ msg: 'hi' });
    expect(await letIn).toBe(true);
  });

  it('[P4] one timer runs for all packets that are incomplete', async () => {
    stopTheClock();
    const rig = await Rig.start();
    const [first, ...others] = await Promise.all(Array.from({ length: 20 }, (_, index) => rig.join(`m${index}`)));
    await expectSilence(first!);
    first!.send(packet(3, A, int(5)));
    await turns(others[0]!);
    const timers = vi.getTimerCount();
    for (const peer of others) peer.send(packet(3, A, int(5)));
    await turns(await rig.join('bob'));
    expect(vi.getTimerCount()).toBe(timers);
    vi.advanceTimersByTime(30_000);
    await Promise.all([first!, ...others].map((peer) => within(peer.ended, 'the connection to be closed')));
  });

  it('[P4] neither more bytes of the packet nor a slow trickle extend its time, a new packet has its own', async () => {
    stopTheClock();
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const frame = packet(3, A, str('x'.repeat(100)));
    alice.send(frame.subarray(0, 20));
    await expectSilence(bob);
    vi.advanceTimersByTime(20_000);
    alice.send(Buffer.concat([frame.subarray(20), frame.subarray(0, 1)]));
    await bob.next(3);
    for (let at = 1; at < 30; at++) {
      vi.advanceTimersByTime(1000);
      alice.send(frame.subarray(at, at + 1));
      await expectSilence(bob);
    }
    expect(await rig.stats()).toMatchObject({ malformed: 0, clients: 2 });
    vi.advanceTimersByTime(1000);
    await within(alice.ended, 'the connection to be closed');
    await expectSilence(bob);
    expect(await rig.stats()).toMatchObject({ malformed: 1, clients: 1 });
  });
});
