import net from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { PairInfo, ServerEvents, SessionInfo } from '../../src/server/index.ts';
import { packet, str } from '../support/rfc-peer.ts';
import { agree, expectSilence, Rig, stopTheClock, turns } from '../support/server-rig.ts';
import { endOf, knock, openSocket, readExactly } from '../support/server-sockets.ts';

const who = ({ login }: SessionInfo): string => login || 'somebody';
const pair = ({ requester, target }: PairInfo): string => `${requester.login}→${target.login}`;
const why = ({ code }: { code: string }): string => code;

/** How each event is written down here. */
const WORDS: { readonly [E in keyof ServerEvents]: (...event: ServerEvents[E]) => unknown[] } = {
  listening: ({ longBytes }) => [longBytes],
  acceptFailed: ({ host }, error) => [host, error.message],
  connection: (session) => [who(session), session.remoteAddress, session.longBytes],
  connectionRefused: (from, reason) => [from, reason],
  proxyHeaderRefused: (proxy, reason) => [proxy, reason],
  handshakeFailed: (from, reason) => [from, reason],
  notIdentified: (session) => [who(session)],
  login: (session) => [who(session)],
  loginRefused: (session, login, reason, attempt) => [who(session), login, reason, attempt],
  left: (session) => [who(session)],
  ghostReplaced: (session) => [who(session)],
  kicked: (session, reason, channels) => [who(session), reason, channels],
  reloaded: (applied, invalid) => [applied, invalid],
  draining: (sessions, channels, drainMs) => [sessions, channels, drainMs],
  banned: ({ kind, what }, sessions, channels) => [kind, what, sessions, channels],
  unbanned: ({ kind, what }, reason) => [kind, what, reason],
  releaseFailed: (session) => [who(session)],
  message: (session, to, text) => [who(session), to ?? 'everyone', text],
  forbidden: (session, type, reason, closed) => [who(session), type, reason, closed],
  malformed: (session, error) => [who(session), why(error)],
  slowed: (session, limit) => [who(session), limit],
  heldBack: (session, reader) => [who(session), who(reader)],
  slowConsumer: (session, error) => [who(session), why(error)],
  shedConsumer: (session, error) => [who(session), why(error)],
  stalledConsumer: (session, error) => [who(session), why(error)],
  connectionLost: (session, error) => [who(session), why(error)],
  request: (of) => [pair(of)],
  requestRefused: (of, reason) => [pair(of), reason],
  connectId: (of) => [pair(of)],
  channelLost: (of, reason) => [pair(of), reason],
  halfPaused: (of) => [pair(of)],
  channelEstablished: (of) => [pair(of)],
  channelEnded: (of, outcome, bytes) => [pair(of), outcome, bytes],
  wrongConnectId: (from, reason) => [from, reason],
  shutOut: (from, limit) => [from, limit],
  workerLost: (worker, sessions, reason) => [worker, sessions, reason],
  nodeJoined: (node, peer) => [node, peer],
  nodeGone: (node, reason) => [node, reason],
  fenced: (reason) => [reason],
  rejoined: () => [],
  broker: (isReachable, reason) => [isReachable, reason],
  eventsLost: (count) => [count],
  internalError: (error, type) => [String(error), type],
};

/** What has happened since it was looked at last, without the events that come with every login. */
function watch(rig: Rig): (...without: (keyof ServerEvents)[]) => string[] {
  let happened: (readonly [keyof ServerEvents, string])[] = [];
  for (const [event, words] of Object.entries(WORDS) as [keyof ServerEvents, (...event: unknown[]) => unknown[]][]) {
    rig.server.on(event, (...fields: unknown[]) => {
      happened.push([event, [event, ...words(...fields)].join(' ')]);
    });
  }
  return (...without) => {
    const lines = happened.filter(([event]) => !without.includes(event)).map(([, line]) => line);
    happened = [];
    return lines;
  };
}

describe('the events of a server', () => {
  it('tell of connections and logins', async () => {
    stopTheClock();
    const rig = await Rig.start({ maxConnections: 2 });
    const happened = watch(rig);
    await rig.server.listen('127.0.0.1:0');
    const alice = await rig.join('alice');
    const other = await rig.connect(8);
    expect(await other.login('alice')).toBe(false);
    expect(await other.login(' ')).toBe(false);
    await endOf(await openSocket(rig.port[4]));
    vi.advanceTimersByTime(60_000);
    await other.ended;
    alice.end();
    await rig.left('alice');
    expect(happened()).toEqual([
      'listening 4',
      'connection somebody 127.0.0.1 4',
      'login alice',
      'connection somebody 127.0.0.1 8',
      'loginRefused somebody alice taken 1',
      expect.stringMatching(/^loginRefused somebody {3}.* 2$/),
      'connectionRefused 127.0.0.1 too many',
      'notIdentified somebody',
      'left alice',
    ]);
  });

  it('tell of messages, once each, and of what is wrong', async () => {
    const rig = await Rig.start({ maxForbiddenPackets: 2 });
    const happened = watch(rig);
    const [alice, bob, carol] = [await rig.join('alice'), await rig.join('bob'), await rig.join('carol')];
    happened();
    alice.say('to all');
    alice.tell('bob', 'to one');
    await alice.next(3);
    alice.tell('nobody', 'to nobody');
    await turns(bob);
    alice.send(packet(1));
    alice.send(packet(3, str('bob'), str('forged')));
    await rig.left('alice');
    bob.send(Buffer.from([99]));
    await rig.left('bob');
    carol.socket.resetAndDestroy();
    await rig.left('carol');
    expect(happened().filter((line) => !line.endsWith('still?'))).toEqual([
      'message alice everyone to all',
      'message alice bob to one',
      'message alice nobody to nobody',
      'forbidden alice LOGIN_ACCEPTED only a server sends it false',
      'forbidden alice MESSAGE the sender is not the session true',
      'left alice',
      'malformed bob MALFORMED_PACKET',
      'left bob',
      'connectionLost carol CONNECTION_LOST',
      'left carol',
    ]);
  });

  it('tell of requests, and why they came to nothing', async () => {
    stopTheClock();
    const rig = await Rig.start({ maxPendingRequests: 1, maxConnectIds: 1 });
    const happened = watch(rig);
    const [alice, bob, carol] = [await rig.join('alice'), await rig.join('bob'), await rig.join('carol')];
    happened();
    alice.request('bob');
    await bob.next(5);
    alice.request('carol');
    await alice.next(7);
    bob.ko('alice');
    await alice.next(7);
    await agree(alice, bob);
    alice.request('carol');
    await carol.next(5);
    carol.ok('alice');
    await alice.next(7);
    alice.request('carol');
    await carol.next(5);
    vi.advanceTimersByTime(60_000);
    await alice.next(7);
    carol.request('bob');
    await bob.next(5);
    bob.end();
    await carol.next(7);
    await expectSilence(alice);
    expect(happened('left', 'message', 'channelLost')).toEqual([
      'request alice→bob',
      'requestRefused alice→carol too many pending',
      'requestRefused alice→bob refused',
      'request alice→bob',
      'connectId alice→bob',
      'request alice→carol',
      'requestRefused alice→carol too many connect ids',
      'request alice→carol',
      'requestRefused alice→carol expired',
      'request carol→bob',
      'requestRefused carol→bob left',
    ]);
  });

  it('report the end of a request that waits when the server is closed', async () => {
    const rig = await Rig.start();
    const happened = watch(rig);
    const alice = await rig.join('alice');
    const bob = await rig.join('bob');
    alice.request('bob');
    await bob.next(5);
    await rig.server.close();
    expect(happened('connection', 'login', 'left', 'listening')).toEqual([
      'request alice→bob',
      'requestRefused alice→bob left',
    ]);
  });

  it('tell of channels with what they relayed, and of ids that came to nothing', async () => {
    stopTheClock();
    const rig = await Rig.start({ maxWrongIdsPerMinute: 2 });
    const happened = watch(rig);
    const { alice, bob, a, b } = await rig.channel();
    a.write('12345');
    await readExactly(b, 5);
    b.end('678');
    a.end();
    await rig.log.until('private connection ended');
    const broken = await knock(rig.port[4], await agree(alice, bob));
    await turns(alice);
    broken.resetAndDestroy();
    await rig.log.until('private connection lost');
    const closed = await agree(alice, bob);
    const waiting = await knock(rig.port[4], closed);
    await turns(alice);
    alice.close(closed, 'alice', 'bob');
    await bob.next(12);
    await endOf(waiting);
    await agree(bob, alice);
    vi.advanceTimersByTime(60_000);
    for (const wrong of [-1n, -2n, -3n]) await endOf(await knock(rig.port[4], wrong));
    await agree(alice, bob);
    await rig.server.close();
    expect(happened('connection', 'login', 'left', 'message', 'request')).toEqual([
      'connectId alice→bob',
      'channelEstablished alice→bob',
      'channelEnded alice→bob ended 8',
      'connectId alice→bob',
      'channelLost alice→bob disconnected',
      'connectId alice→bob',
      'channelLost alice→bob closed',
      'connectId bob→alice',
      'channelLost bob→alice not in time',
      'wrongConnectId 127.0.0.1 unknown',
      'wrongConnectId 127.0.0.1 unknown',
      'shutOut 127.0.0.1 maxWrongIdsPerMinute',
      'wrongConnectId 127.0.0.1 shut out',
      'connectId alice→bob',
      'channelLost alice→bob shutdown',
    ]);
  });

  it('tell of a connection that cannot be accepted', async () => {
    const created = vi.spyOn(net, 'createServer');
    onTestFinished(() => created.mockRestore());
    const rig = await Rig.start();
    const happened = watch(rig);
    const listener = created.mock.results[0]!.value as net.Server;
    listener.emit('error', new Error('accept EMFILE'));
    expect(happened()).toEqual(['acceptFailed 127.0.0.1 accept EMFILE']);
    expect(rig.log.of('connection not accepted')[0]!.fields['why']).toBe('accept EMFILE');
    await expectSilence(await rig.join('alice'));
  });

  it('name sessions by ids that are never used again', async () => {
    const rig = await Rig.start();
    const ids: string[] = [];
    rig.server.on('login', ({ id }) => ids.push(id));
    const left: string[] = [];
    rig.server.on('left', ({ id }) => left.push(id));
    for (let i = 0; i < 3; i++) {
      const alice = await rig.join('alice');
      await rig.join(`other ${i}`);
      alice.end();
      await alice.ended;
    }
    expect(new Set(ids).size).toBe(6);
    expect(left).toEqual([ids[0], ids[2], ids[4]]);
  });

  it('tell of a bug, which costs the client its connection and nobody else anything', async () => {
    const rig = await Rig.start();
    const happened = watch(rig);
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    rig.server.once('message', () => {
      throw new Error('a bug');
    });
    happened();
    alice.say('hello');
    await alice.ended;
    expect(happened()).toEqual(['message alice everyone hello', 'internalError Error: a bug MESSAGE', 'left alice']);
    expect((await rig.log.until('internal error')).level).toBe('error');
    expect((await rig.stats()).internalErrors).toBe(1);
    await expectSilence(bob);
  });

  it('tell of a bug while a login is taken, which costs the client its connection', async () => {
    const rig = await Rig.start();
    rig.server.once('login', () => {
      throw new Error('a bug');
    });
    const alice = await rig.connect();
    alice.send(packet(0, str('alice')));
    await alice.ended;
    expect((await rig.log.until('internal error')).fields['type']).toBe('LOGIN');
    await expectSilence(await rig.join('alice'));
  });
});
