import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ChatosServer, DEFAULT_SERVER_LIMITS } from '../../src/server/index.ts';
import { agree, expectSilence, Rig, stopTheClock } from '../support/server-rig.ts';
import { openSocket } from '../support/server-sockets.ts';

const TIMES = Object.keys(DEFAULT_SERVER_LIMITS).filter((name) => name.endsWith('Ms'));
const COUNTS = Object.keys(DEFAULT_SERVER_LIMITS).filter((name) => !name.endsWith('Ms'));
/** Counts that may be lifted. */
const LIFTABLE = new Set(COUNTS.filter((name) => /PerAddress$|PerSecond$|Burst$/.test(name)));
const FOR_EVER = Object.fromEntries(TIMES.map((name) => [name, Infinity]));

/** The error with which a server refuses these options, as a program in JavaScript may give them. */
function refusal(options: object): unknown {
  try {
    new ChatosServer(options);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('the options of a server', () => {
  it.each([
    [{ limit: {} }, /unknown key 'limit'.*did you mean 'limits'/],
    [
      { limits: { exempt: ['127.0.0.1', '10.0.0.0/33'] } },
      /^server limits: exempt: '10\.0\.0\.0\/33' is not a network: expected an address/,
    ],
    [{ limits: { exempt: '127.0.0.1' } }, /exempt: expected a list of texts, found '127\.0\.0\.1'/],
    [{ limits: { exempt: ['127.0.0.1', 5] } }, /exempt: expected a list of texts, found a list with 5/],
    [{ directory: {} }, /directory: expected a directory \(with the methods claim, .*\), found an object/],
    [{ limits: { maxUsers: 5 } }, /unknown key 'maxUsers'; docs\/server.md#limits lists/],
    [{ limits: { maxConections: 5 } }, /unknown key 'maxConections'.*did you mean 'maxConnections'/],
    [{ relay: 'fast' }, /relay.*auto/],
    [{ log: {} }, /log/],
    [{ limits: 5 }, /limits/],
  ])('%j is refused, with what to write instead', (options, why) => {
    expect(refusal(options)).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(why) as string });
  });

  it.each(
    [...TIMES, ...COUNTS]
      .flatMap((name) => [Number.NaN, -1, 0, '5', null].map((value) => [name, value] as const))
      .filter(([name, value]) => value !== 0 || !['keptForNewAddressesPercent', 'loginHoldMs'].includes(name)),
  )('the limit %s of %s is refused', (name, value) => {
    expect(refusal({ limits: { [name]: value } })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(name) as string,
    });
  });

  it.each(
    COUNTS.flatMap((name) => [1.5, ...(LIFTABLE.has(name) ? [] : [Infinity])].map((value) => [name, value] as const)),
  )('the limit %s of %s is refused', (name, value) => {
    expect(refusal({ limits: { [name]: value } })).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('are the defaults where undefined is given', async () => {
    const server = new ChatosServer({ limits: { maxConnections: undefined! }, relay: undefined, log: undefined });
    onTestFinished(() => server.close());
    const { port } = await server.listen('127.0.0.1:0');
    const socket = await openSocket(port);
    await vi.waitFor(() => expect(server.stats.connections).toBe(1));
    socket.destroy();
  });
});

describe('a time of Infinity', () => {
  it('is for ever: who is silent stays, requests and ids stay, a half-closed channel stays', async () => {
    stopTheClock();
    const rig = await Rig.start(FOR_EVER);
    const silent = await rig.connect();
    const partial = await rig.connect();
    partial.send(Buffer.from([0, 0]));
    const { alice, bob, a, b } = await rig.channel();
    a.end();
    const id = await agree(alice, bob);
    alice.request('bob');
    await bob.next(5);
    vi.advanceTimersByTime(2 ** 31);
    await expectSilence(alice, bob);
    bob.ok('alice');
    await bob.next(8);
    await Promise.all([rig.half(id), rig.half(id)]);
    expect(await silent.login('silent')).toBe(true);
    partial.send(Buffer.from('0000036d6978', 'hex'));
    await partial.next(1);
    expect(await rig.stats()).toMatchObject({ channels: 2, clients: 4, malformed: 0 });
    b.end();
  });

  it('to drain waits until the channels have ended', async () => {
    const rig = await Rig.start();
    const { a, b } = await rig.channel();
    const closed = rig.server.close({ drainMs: Infinity });
    a.write('still open');
    b.once('data', () => [a, b].forEach((half) => half.end()));
    await closed;
    expect(rig.log.of('private connection ended')[0]!.fields['outcome']).toBe('ended');
  });
});

describe('close', () => {
  it.each([[{ drainMs: Number.NaN }], [{ drainMs: -1 }], [{ drainMs: '1' }], [{ drain: 1 }]])(
    'refuses %j, and goes on',
    async (options) => {
      const rig = await Rig.start();
      await expect(rig.server.close(options as object)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expectSilence(await rig.join('alice'));
    },
  );
});
