import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ChatosServer, type AddressLike } from '../../src/server/index.ts';
import { isChatosError, type ErrorCode } from '../../src/errors.ts';
import { long, packet } from '../support/rfc-peer.ts';
import { agree, expectSilence, Rig, stopTheClock, turns } from '../support/server-rig.ts';
import { turn } from '../support/server-connection.ts';
import { endOf, hashOf, hashToEnd, openSocket, pattern, readExactly, within } from '../support/server-sockets.ts';

async function codeOf(promise: Promise<unknown>): Promise<ErrorCode> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isChatosError(error)) throw new Error(`no ChatosError: ${String(error)}`);
  return error.code;
}

function newServer(): ChatosServer {
  const server = new ChatosServer();
  onTestFinished(() => server.close());
  return server;
}

describe('listening', () => {
  it('gives the real port, keeps the width, and lists all addresses', async () => {
    const server = newServer();
    const four = await server.listen('127.0.0.1:0');
    const eight = await server.listen('tcp://127.0.0.1:0?longBytes=8');
    expect(four).toMatchObject({ host: '127.0.0.1', longBytes: 4 });
    expect(eight).toMatchObject({ host: '127.0.0.1', longBytes: 8 });
    expect(four.port).toBeGreaterThan(0);
    expect(server.addresses).toEqual([four, eight]);
  });

  it('fails with LISTEN_FAILED where the port is in use, and goes on elsewhere', async () => {
    const server = newServer();
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    const error: unknown = await server.listen(`127.0.0.1:${port}`).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'LISTEN_FAILED', fields: { errno: 'EADDRINUSE' } });
    expect((error as Error).message).toContain(`127.0.0.1:${port}`);
    expect(server.addresses).toEqual([]);
    await server.listen('127.0.0.1:0');
  });

  it.each(['192.0.2.1:0', 'no-such-host.invalid:0'])('fails with LISTEN_FAILED on %s', async (address) => {
    expect(await codeOf(newServer().listen(address))).toBe('LISTEN_FAILED');
  });

  it('fails with INVALID_ARGUMENT on tls:// where there is no certificate', async () => {
    expect(await codeOf(newServer().listen('tls://127.0.0.1:0'))).toBe('INVALID_ARGUMENT');
  });

  it.each(['', '127.0.0.1:99999', '127.0.0.1:0?longBytes=5'])('fails with INVALID_ADDRESS on %j', async (address) => {
    expect(await codeOf(newServer().listen(address))).toBe('INVALID_ADDRESS');
  });

  it.each([undefined, null, 7777, { port: Number.NaN }, { port: -1 }, { port: '0x1' }, { longBytes: 5 }, { prot: 1 }])(
    'fails with INVALID_ADDRESS on %j, as a program in JavaScript may give it',
    async (address) => {
      expect(await codeOf(newServer().listen(address as AddressLike))).toBe('INVALID_ADDRESS');
    },
  );
});

describe('close', () => {
  it('without ever having listened resolves', async () => {
    const server = new ChatosServer();
    await within(server.close(), 'the close');
    expect(server.addresses).toEqual([]);
  });

  it('stops listening on all addresses, ends the sessions in order, and leaves nothing', async () => {
    const rig = await Rig.start();
    const [alice, bob, unknown] = [await rig.join('alice'), await rig.join('bob', 8), await rig.connect()];
    alice.tell('bob', 'last words');
    await expectSilence(alice);
    await within(rig.server.close(), 'the close');
    expect(await bob.next()).toMatchObject({ op: 4, msg: 'last words' });
    expect(await Promise.all([alice.ended, bob.ended, unknown.ended])).toEqual(['end', 'end', 'end']);
    for (const port of [rig.port[4], rig.port[8]]) await expect(openSocket(port)).rejects.toThrow(/ECONNREFUSED/);
    expect(await rig.stats()).toMatchObject({ clients: 0, connections: 0, channels: 0 });
    const again = newServer();
    await again.listen(`127.0.0.1:${rig.port[4]}`);
  });

  it('resolves when every session is over, not before', async () => {
    const rig = await Rig.start();
    await rig.channel();
    await within(rig.server.close(), 'the close');
    expect(await rig.stats()).toMatchObject({ clients: 0, connections: 0, channels: 0 });
    expect(rig.log.of('left')).toHaveLength(2);
  });

  it('breaks channels and waiting halves at once where no time to drain is given', async () => {
    const rig = await Rig.start();
    const { a, b, alice, bob } = await rig.channel();
    const waiting = await openSocket(rig.port[4]);
    waiting.write(packet(9, long(await agree(alice, bob))));
    await turns(alice);
    await within(rig.server.close(), 'the close');
    expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['RST', 'RST']);
    await endOf(waiting);
    expect(rig.log.of('private connection ended')[0]!.fields['outcome']).toBe('shutdown');
    await rig.log.until('left', 2);
    expect(await rig.stats()).toMatchObject({ clients: 0, connections: 0, channels: 0 });
  });

  it('lets channels finish within drainMs, refuses new connections meanwhile, and resolves when the last has', async () => {
    const rig = await Rig.start();
    const { a, b, alice, bob } = await rig.channel();
    const closed = rig.server.close({ drainMs: 60_000 });
    await expect(openSocket(rig.port[4])).rejects.toThrow(/ECONNREFUSED/);
    await expectSilence(alice, bob);
    const bytes = pattern(4_000_000);
    a.end(bytes);
    expect(await hashToEnd(b)).toEqual(hashOf(bytes));
    b.end('thanks');
    expect((await readExactly(a, 6)).toString()).toBe('thanks');
    expect(await endOf(a)).toBe('FIN');
    await within(closed, 'the close');
    expect(await Promise.all([alice.ended, bob.ended])).toEqual(['end', 'end']);
    expect(rig.log.of('private connection ended')[0]!.fields['outcome']).toBe('ended');
  });

  it('breaks the channels that are left after drainMs', async () => {
    const rig = await Rig.start();
    const { a, b } = await rig.channel();
    await within(rig.server.close({ drainMs: 50 }), 'the close');
    expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['RST', 'RST']);
    await rig.log.until('left', 2);
    expect(await rig.stats()).toMatchObject({ connections: 0, channels: 0 });
  });

  it.each([0, 50])('a second call, with %i ms, cuts the first one short', async (drainMs) => {
    const rig = await Rig.start();
    const { a } = await rig.channel();
    const first = rig.server.close({ drainMs: 60_000 });
    await within(Promise.all([rig.server.close({ drainMs }), first]), 'both', 1500);
    expect(await endOf(a)).toBe('RST');
  });

  it('with drainMs does not wait for halves of channels that were not established, or are agreed meanwhile', async () => {
    const rig = await Rig.start();
    const [one, two, { a, b, alice, bob }] = [
      await openSocket(rig.port[4]),
      await openSocket(rig.port[4]),
      await rig.channel(),
    ];
    const before = await agree(alice, bob);
    const closed = rig.server.close({ drainMs: 60_000 });
    one.write(packet(9, long(before)));
    alice.request('bob');
    await bob.next(5);
    bob.ok('alice');
    expect((await alice.next()).op).toBe(7);
    two.write(packet(9, long(before)));
    await turns(alice);
    a.end();
    b.end();
    const outcome = within(closed, 'the close', 2000).finally(() =>
      [one, two].forEach((half) => half.resetAndDestroy()),
    );
    await expect(outcome).resolves.toBeUndefined();
  });

  it('destroys a client that does not end its side within 1 s', async () => {
    stopTheClock();
    const rig = await Rig.start();
    const [stubborn, alice] = [await openSocket(rig.port[4]), await rig.join('alice')];
    await turns(alice);
    const closed = rig.server.close();
    expect(await endOf(stubborn)).toBe('FIN');
    vi.advanceTimersByTime(999);
    await alice.ended;
    expect(await Promise.race([closed.then(() => 'closed'), turn().then(() => 'waiting')])).toBe('waiting');
    vi.advanceTimersByTime(1);
    await within(closed, 'the close');
    expect((await rig.stats()).connections).toBe(0);
  });

  it('gives clients a second to leave by themselves after the last channel has ended', async () => {
    stopTheClock();
    const rig = await Rig.start();
    const { a, b, alice } = await rig.channel();
    const closed = rig.server.close({ drainMs: 60_000 });
    a.end();
    b.end();
    await rig.log.until('private connection ended');
    await turns(alice);
    vi.advanceTimersByTime(999);
    await turns(alice);
    vi.advanceTimersByTime(1);
    expect(await alice.ended).toBe('end');
    await within(closed, 'the close');
  });

  it('leaves no timer behind, nor speaks of channels that had ended before', async () => {
    stopTheClock();
    const rig = await Rig.start();
    const { a, b, alice, bob } = await rig.channel();
    const [carol, dave] = [await rig.join('carol'), await rig.connect()];
    const lost = vi.fn<() => void>();
    rig.server.on('channelLost', lost);
    a.end();
    b.end();
    await rig.log.until('private connection ended');
    const [c, d] = await agree(alice, bob).then((id) => Promise.all([rig.half(id), rig.half(id)]));
    alice.request('carol');
    await carol.next(5);
    bob.request('carol');
    await carol.next(5);
    carol.send(packet(3));
    await turns(alice);
    const closed = Promise.all([rig.server.close({ drainMs: 60_000 }), rig.server.close({ drainMs: 30_000 })]);
    c.end();
    d.end();
    await rig.log.until('private connection ended', 2);
    await turns(alice);
    vi.advanceTimersByTime(1_000);
    await within(closed, 'the close');
    await Promise.all([alice, bob, carol, dave].map((peer) => peer.ended));
    // What is half closed is looked after until it is closed.
    for (let i = 0; i < 10_000 && vi.getTimerCount() > 1; i += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(vi.getTimerCount()).toBe(1); // for the two channels together, and they keep no process alive
    expect(lost).not.toHaveBeenCalled();
  });

  it('overtakes a listen under way: nothing listens afterwards', async () => {
    const server = new ChatosServer();
    const listening = server.listen('127.0.0.1:0').catch(() => undefined);
    await server.close();
    const address = await listening;
    const reached = address
      ? await openSocket(address.port).then(
          () => true,
          () => false,
        )
      : false;
    expect(reached).toBe(false);
  });
});
