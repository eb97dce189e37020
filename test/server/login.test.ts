import { describe, expect, it } from 'vitest';
import { InMemoryDirectory } from '../../src/server/directory.ts';
import { packet, readAll, str } from '../support/rfc-peer.ts';
import { expectSilence, Rig, WIDTHS } from '../support/server-rig.ts';
import { openSocket, readExactly, within } from '../support/server-sockets.ts';

const COMPOSED = 'zo\u00e9';
const DECOMPOSED = 'zoe\u0301';

describe('login', () => {
  it.each(WIDTHS)(
    '[RFC 1] answers LOGIN by the one byte 01, and by 02 where it is taken (LONG of %i)',
    async (width) => {
      const rig = await Rig.start();
      const socket = await openSocket(rig.port[width]);
      socket.write(Buffer.from('0000000005616c696365', 'hex'));
      expect((await readExactly(socket, 1)).toString('hex')).toBe('01');
      const other = await openSocket(rig.port[width]);
      other.write(Buffer.from('0000000005616c6963650000000003626f62', 'hex'));
      expect((await readExactly(other, 2)).toString('hex')).toBe('0201');
    },
  );

  it('[RFC 1] takes a LOGIN that comes byte by byte', async () => {
    const rig = await Rig.start();
    const socket = await openSocket(rig.port[4]);
    for (const byte of packet(0, str('alice'))) {
      await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    }
    expect((await readExactly(socket, 1)).toString('hex')).toBe('01');
  });

  it('[P7] refuses a taken login across widths, and lets the client try again', async () => {
    const rig = await Rig.start();
    await rig.join('alice', 8);
    const other = await rig.connect();
    expect(await other.login('alice')).toBe(false);
    expect(await other.login('alice')).toBe(false);
    expect(await other.login('bob')).toBe(true);
    await expectSilence(other);
  });

  it.each([
    ['empty', ''],
    ['a leading space', ' alice'],
    ['a trailing space', 'alice '],
    ['a leading tab', '\talice'],
    ['a trailing no-break space', 'alice\u00a0'],
    ['a leading ideographic space', '\u3000alice'],
    ['white space alone', ' '],
    ['NUL', 'al\u0000ice'],
    ['a newline', 'al\nice'],
    ['ESC', '\u001b[31malice'],
    ['DEL', 'alice\u007f'],
    ['a C1 control', 'al\u0085ice'],
    ['a right-to-left override', 'al\u202eice'],
    ['a left-to-right embedding', '\u202aalice'],
    ['an isolate', 'al\u2066ice'],
    ['a zero-width space', 'alice\u200b'],
    ['a zero-width joiner', '👩\u200d🚀'],
    ['a soft hyphen', 'al\u00adice'],
    ['tag characters', 'alice\u{e0061}\u{e007f}'],
    ['a variation selector', '❤\ufe0f'],
    ['a Hangul filler alone', '\u3164'],
    ['an empty Braille cell alone', '\u2800'],
    ['a combining mark alone', '\u0301'],
    ['a combining mark at its beginning', '\u0301alice'],
    ['a private-use character', 'alice\ue000'],
    ['an unassigned character', 'alice\u0378'],
  ])('[P7] refuses a login with %s, and lets the client try again', async (_, login) => {
    const rig = await Rig.start();
    const peer = await rig.connect();
    expect(await peer.login(login)).toBe(false);
    expect(await peer.login('alice')).toBe(true);
  });

  it.each(['a', 'a b', 'Zoé', '山田太郎', '👩🚀', 'x'.repeat(30), 'é'.repeat(15)])(
    '[P3][P7] accepts the login %s',
    async (login) => {
      const rig = await Rig.start();
      await expectSilence(await rig.join(login));
      expect((await rig.stats()).clients).toBe(1);
    },
  );

  it.each([
    ['31', 'x'.repeat(31)],
    ['32, in 16 characters', 'é'.repeat(16)],
    ['1024', 'x'.repeat(1024)],
  ])('[P6] refuses a login of %s bytes instead of closing', async (_, login) => {
    const rig = await Rig.start();
    const peer = await rig.connect();
    expect(await peer.login(login)).toBe(false);
    expect(await peer.login('alice')).toBe(true);
    expect(await rig.stats()).toMatchObject({ malformed: 0, forbidden: 0 });
  });

  it.each([
    [COMPOSED, DECOMPOSED],
    [DECOMPOSED, COMPOSED],
  ])('[P7] compares logins in NFC: with %j taken, %j is refused', async (first, second) => {
    const rig = await Rig.start();
    await rig.join(first);
    expect(await (await rig.connect()).login(second)).toBe(false);
  });

  it.each([
    ['another case', 'Alice'],
    ['a Cyrillic letter', '\u0430lice'],
    ['full-width letters', 'ａｌｉｃｅ'],
    ['a digit', 'a1ice'],
  ])('[P7] refuses a login that looks like one in use, by %s, and says so in the log', async (_, login) => {
    const rig = await Rig.start();
    const alice = await rig.join('alice');
    const other = await rig.connect();
    expect(await other.login(login)).toBe(false);
    const line = await rig.log.until('login refused');
    expect(line.fields).toMatchObject({ login, why: 'looks like alice, which is taken (serve.lookAlikes: refuse)' });
    expect((await rig.stats()).refusedLogins).toBe(1);
    alice.end();
    await within(alice.ended, 'the end of the session');
    expect(await other.login(login)).toBe(true);
  });

  it('[P7] compares logins with their case where they are looked up, and where look-alikes are allowed', async () => {
    const rig = await Rig.start({}, { lookAlikes: 'allow' });
    const [alice, other] = [await rig.join('alice'), await rig.join('Alice')];
    expect(await (await rig.connect()).login('Alice')).toBe(false);
    alice.tell('Alice', 'hello');
    expect(await other.next()).toMatchObject({ op: 4, sender: 'alice', target: 'Alice' });
    await expectSilence(alice);
  });

  it.each([COMPOSED, DECOMPOSED])('[P7] relays the bytes of the login %j as they were sent', async (login) => {
    const rig = await Rig.start();
    const [zoe, bob] = [await rig.join(login), await rig.join('bob')];
    zoe.say('to all');
    expect(await bob.next()).toEqual({ op: 3, login, msg: 'to all' });
    zoe.tell('bob', 'to one');
    expect(await bob.next()).toEqual({ op: 4, sender: login, target: 'bob', msg: 'to one' });
    zoe.request('bob');
    expect(await bob.next()).toEqual({ op: 5, requester: login, target: 'bob' });
    bob.request(login);
    expect(await zoe.next(5)).toEqual({ op: 5, requester: 'bob', target: login });
  });

  it('[P7] finds a target by an equivalent spelling', async () => {
    const rig = await Rig.start();
    const [zoe, bob] = [await rig.join(DECOMPOSED), await rig.join('bob')];
    bob.tell(COMPOSED, 'found');
    expect(await zoe.next()).toMatchObject({ op: 4, sender: 'bob', msg: 'found' });
    bob.request(COMPOSED);
    expect(await zoe.next()).toMatchObject({ op: 5, requester: 'bob' });
    zoe.ok('bob');
    const [one, two] = await Promise.all([zoe.next(8), bob.next(8)]);
    expect(one.connectId).toBe(two.connectId);
  });

  it('[P7] answers a LOGIN after a successful one LOGIN_REFUSED, and changes nothing', async () => {
    const rig = await Rig.start();
    const alice = await rig.join('alice');
    for (const name of ['alice', 'second', '']) expect(await alice.login(name)).toBe(false);
    expect(await rig.stats()).toMatchObject({ forbidden: 0, clients: 1 });
    const second = await rig.join('second');
    second.tell('alice', 'still there?');
    expect(await alice.next()).toMatchObject({ op: 4, msg: 'still there?' });
    await expectSilence(alice, second);
  });

  it('[P7] takes several LOGINs in one write, in order', async () => {
    const rig = await Rig.start();
    await rig.join('alice');
    const socket = await openSocket(rig.port[4]);
    socket.write(Buffer.concat(['alice', '', 'bob', 'carol'].map((name) => packet(0, str(name)))));
    expect((await readExactly(socket, 4)).toString('hex')).toBe('02020102');
    expect(await (await rig.connect()).login('carol')).toBe(true);
  });

  it('[P8] gives a client that says something and ends its side at once all that it said', async () => {
    const rig = await Rig.start();
    const socket = await openSocket(rig.port[4]);
    socket.write(packet(0, str('alice')));
    await readExactly(socket, 1);
    // As much as the server reads at once, so that it finds the end in the same turn.
    const message = packet(3, str('alice'), str('x'.repeat(1010)));
    const all = Buffer.concat(Array<Buffer>((64 * 1024) / message.length).fill(message));
    socket.end(all);
    expect((await readAll(socket)).equals(all)).toBe(true);
  });

  it.each(['FIN', 'RST', 'a malformed packet'])(
    '[P7] frees a login as soon as %s has ended its session',
    async (how) => {
      const rig = await Rig.start();
      const [first, second] = [await rig.join('alice'), await rig.connect()];
      expect(await second.login('alice')).toBe(false);
      if (how === 'FIN') first.end();
      else if (how === 'RST') first.socket.resetAndDestroy();
      else first.send(Buffer.from([99]));
      if (how === 'RST') await rig.left('alice');
      else await within(first.ended, 'the end of the session');
      expect(await second.login('alice')).toBe(true);
      await expectSilence(second);
    },
  );
});

it('[P16] looks at one login of a connection in each turn of the event loop, however many are sent at once', async () => {
  let claims = 0;
  class Counting extends InMemoryDirectory {
    override claim(...claim: Parameters<InMemoryDirectory['claim']>): ReturnType<InMemoryDirectory['claim']> {
      claims += 1;
      return super.claim(...claim);
    }
  }
  const rig = await Rig.start({}, { directory: new Counting(0) });
  await rig.join('taken');
  claims = 0;
  const most: number[] = [];
  let going = true;
  const count = (): void => {
    most.push(claims);
    claims = 0;
    if (going) setImmediate(count);
  };
  count();
  const stranger = await rig.connect();
  stranger.send(Buffer.concat(Array.from({ length: 50 }, () => packet(0, str('taken')))));
  for (let answers = 0; answers < 50; answers++) await stranger.next(2);
  going = false;
  expect(Math.max(...most)).toBe(1);
});
