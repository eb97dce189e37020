import { describe, expect, it } from 'vitest';
import { packet, str, type RfcPeer } from '../support/rfc-peer.ts';
import { expectSilence, Rig } from '../support/server-rig.ts';
import { openSocket, readExactly } from '../support/server-sockets.ts';

const say = (from: string, text: string): Buffer => packet(3, str(from), str(text));
const tell = (from: string, to: string, text: string): Buffer => packet(4, str(from), str(to), str(text));

async function texts(peer: RfcPeer, count: number): Promise<string[]> {
  const got: string[] = [];
  for (let i = 0; i < count; i++) {
    const { op, ...fields } = await peer.next();
    got.push('msg' in fields ? `${op} ${fields.msg}` : `${op}`);
  }
  return got;
}

describe('messages', () => {
  it('[RFC 2][P2][P8] sends MESSAGE, opcode 3, byte by byte as it came to everyone, the sender included', async () => {
    const rig = await Rig.start();
    const hex = '0300000005616c69636500000002c3a9';
    const sockets = [];
    for (const [name, width] of [['alice', 4] as const, ['bob', 8] as const, ['carol', 4] as const]) {
      const socket = await openSocket(rig.port[width]);
      socket.write(packet(0, str(name)));
      await readExactly(socket, 1);
      sockets.push(socket);
    }
    sockets[0]!.write(Buffer.from(hex, 'hex'));
    for (const socket of sockets) expect((await readExactly(socket, hex.length / 2)).toString('hex')).toBe(hex);
  });

  it('[RFC 2][P2][P8] sends MESSAGE_PRIVATE, opcode 4, to its target alone', async () => {
    const rig = await Rig.start();
    const [alice, bob, carol] = [await rig.join('alice'), await rig.join('bob', 8), await rig.join('carol')];
    alice.tell('bob', 'psst');
    expect(await bob.next()).toEqual({ op: 4, sender: 'alice', target: 'bob', msg: 'psst' });
    await expectSilence(alice, bob, carol);
  });

  it('[P8] drops MESSAGE_PRIVATE to an absent target silently', async () => {
    const rig = await Rig.start({ maxForbiddenPackets: 1 });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    for (const target of ['ghost', '', 'Bob', 'bob ']) alice.tell(target, 'hello?');
    await expectSilence(alice, bob);
    expect(await rig.stats()).toMatchObject({ forbidden: 0, malformed: 0 });
  });

  it('[P8] sends nothing to a connection that is not identified, neither at once nor later', async () => {
    const rig = await Rig.start();
    const [alice, mute] = [await rig.join('alice'), await rig.connect()];
    alice.say('before');
    await alice.next(3);
    mute.send(Buffer.concat([packet(0, str('mute')), tell('mute', 'mute', 'first')]));
    expect(await texts(mute, 2)).toEqual(['1', '4 first']);
  });

  it('[P8] a client hears what is said after its LOGIN and nothing from before, within one turn too', async () => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice'), await rig.connect()];
    alice.say('before');
    bob.send(packet(0, str('bob')));
    alice.say('maybe');
    await texts(alice, 2);
    expect(await bob.next()).toEqual({ op: 1 });
    alice.say('after');
    const { msg } = await bob.next(3);
    expect(['maybe', 'after']).toContain(msg);
  });

  it('[P8] keeps the order of public and private messages to one receiver that come in one write', async () => {
    const rig = await Rig.start();
    const [alice, bob, carol] = [await rig.join('alice'), await rig.join('bob'), await rig.join('carol')];
    alice.send(
      Buffer.concat([
        say('alice', '1'),
        tell('alice', 'bob', '2'),
        say('alice', '3'),
        packet(5, str('alice'), str('bob')),
        say('alice', '4'),
        tell('alice', 'carol', '5'),
        tell('alice', 'alice', '6'),
        say('alice', '7'),
      ]),
    );
    expect(await texts(bob, 6)).toEqual(['3 1', '4 2', '3 3', '5', '3 4', '3 7']);
    expect(await texts(carol, 5)).toEqual(['3 1', '3 3', '3 4', '4 5', '3 7']);
    expect(await texts(alice, 5)).toEqual(['3 1', '3 3', '3 4', '4 6', '3 7']);
  });

  it('[P8] keeps the order of thousands of mixed messages, whatever the cuts of the stream', async () => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob', 8)];
    const expected: string[] = [];
    const frames: Buffer[] = [];
    for (let i = 0; i < 3000; i++) {
      const text = `${i} ${'x'.repeat((i * 37) % 200)}`;
      frames.push(i % 3 === 0 ? tell('alice', 'bob', text) : say('alice', text));
      expected.push(`${i % 3 === 0 ? 4 : 3} ${text}`);
    }
    const stream = Buffer.concat(frames);
    for (let at = 0, step = 1; at < stream.length; at += step, step = (step * 7919) % 65_521) {
      alice.send(stream.subarray(at, at + step));
    }
    expect(await texts(bob, expected.length)).toEqual(expected);
    expect(await texts(alice, 2000)).toEqual(expected.filter((text) => text.startsWith('3')));
    await expectSilence(alice, bob);
  });

  it.each([
    ['nothing', ''],
    ['1024 bytes', 'é'.repeat(512)],
    ['control characters', 'a\u0000\u001b\r\n\u202e\ufeff'],
    ['a byte order mark in front', '\ufeffa'],
  ])('[P3] relays a message of %s unchanged', async (_, text) => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('a'.repeat(30)), await rig.join('b'.repeat(30))];
    alice.say(text);
    alice.tell(bob.name, text);
    expect(await bob.next()).toEqual({ op: 3, login: alice.name, msg: text });
    expect(await bob.next()).toEqual({ op: 4, sender: alice.name, target: bob.name, msg: text });
  });

  it('[P7] takes an equivalent spelling of the sender for the sender, and relays it as it was sent', async () => {
    const rig = await Rig.start();
    const [zoe, bob] = [await rig.join('zo\u00e9'), await rig.join('bob')];
    zoe.send(say('zoe\u0301', 'hello'));
    expect(await bob.next()).toEqual({ op: 3, login: 'zoe\u0301', msg: 'hello' });
    expect((await rig.stats()).forbidden).toBe(0);
  });

  it.each(['FIN', 'RST'])('[P8] what a client said before its %s reaches the others', async (how) => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    await new Promise((resolve) =>
      alice.socket.write(Buffer.concat([say('alice', 'bye'), tell('alice', 'bob', '!')]), resolve),
    );
    if (how === 'FIN') alice.end();
    else alice.socket.once('data', () => alice.socket.resetAndDestroy());
    expect(await texts(bob, 2)).toEqual(['3 bye', '4 !']);
  });

  it('[P8] a client that says something and ends its side at once still gets its own message', async () => {
    const rig = await Rig.start();
    await rig.join('bob');
    const socket = await openSocket(rig.port[4]);
    socket.write(packet(0, str('alice')));
    await readExactly(socket, 1);
    const frame = say('alice', 'bye');
    socket.end(frame);
    expect((await readExactly(socket, frame.length)).toString('hex')).toBe(frame.toString('hex'));
  });
});
