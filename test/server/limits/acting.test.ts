import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { ServerLimits, ServerOptions, ServerStats } from '../../../src/server/index.ts';
import { DEFAULT_SERVER_LIMITS } from '../../../src/server/index.ts';
import { NO_RATES } from '../../support/floods.ts';
import { packet, str, type RfcPeer } from '../../support/rfc-peer.ts';
import { LOOPBACK } from '../../../src/net/networks.ts';
import { agree, expectSilence, Rig, turns } from '../../support/server-rig.ts';
import { knock, openSocket } from '../../support/server-sockets.ts';

const ELSEWHERE = '127.0.0.2';

/** How a limit is met: with these limits, by what a client does; then the counter goes up. */
interface Meeting {
  readonly limits: Partial<ServerLimits>;
  readonly options?: ServerOptions;
  readonly counter: keyof ServerStats;
  readonly meet: (rig: Rig) => Promise<unknown>;
}

/** Sends so many messages to oneself. */
async function talk(rig: Rig, times = 3): Promise<void> {
  const alice = await rig.join('alice');
  for (let i = 0; i < times; i++) alice.tell('alice', 'x'.repeat(100));
}

const TO_MUTE = Buffer.concat(Array<Buffer>(256).fill(packet(4, str('alice'), str('mute'), str('x'.repeat(1000)))));

/** Fills what the system and the server take for a client that does not read. */
async function stall(rig: Rig): Promise<void> {
  const [alice, mute] = [await rig.join('alice'), await rig.join('mute')];
  mute.socket.pause();
  while ((await rig.stats()).queuedBytes < 2 ** 18 && rig.log.of('does not read').length === 0) {
    alice.send(TO_MUTE);
    await expectSilence(alice);
  }
}

const pair = async (rig: Rig): Promise<[RfcPeer, RfcPeer]> => [await rig.join('alice'), await rig.join('bob')];

const guess = (rig: Rig): Promise<unknown> => knock(rig.port[4], 1n);

const requestTwo = async (rig: Rig): Promise<void> => {
  const [alice] = await pair(rig);
  await rig.join('carol');
  alice.request('bob');
  alice.request('carol');
};

const agreeTwice = async (rig: Rig): Promise<void> => {
  const [alice, bob] = await pair(rig);
  await agree(alice, bob);
  alice.request('bob');
  await bob.next(5);
  bob.ok('alice');
};

const connectTwice = async (rig: Rig): Promise<void> => {
  await rig.connect();
  await openSocket(rig.port[4]);
};

const NOBODY = { exempt: [] };
const LIFTED = { ...NO_RATES, maxQueuedBytes: 2 ** 28, maxTotalQueuedBytes: 2 ** 28, writeTimeoutMs: 60_000 };

/** For each limit that acts by itself; a burst acts as its rate does, and `exempt` does not act. */
const MEETINGS: { readonly [K in Exclude<keyof ServerLimits, 'exempt' | `${string}Burst${string}`>]: Meeting } = {
  maxConnections: { limits: { maxConnections: 1 }, counter: 'refusedFull', meet: connectTwice },
  maxConnectionsPerAddress: {
    limits: { ...NOBODY, maxConnectionsPerAddress: 1 },
    counter: 'refusedPerAddress',
    meet: connectTwice,
  },
  maxUnidentifiedPerAddress: {
    limits: { ...NOBODY, maxUnidentifiedPerAddress: 1 },
    counter: 'refusedUnidentified',
    meet: connectTwice,
  },
  connectionsPerSecondPerAddress: {
    limits: { ...NOBODY, connectionsPerSecondPerAddress: 1, connectionBurstPerAddress: 1 },
    counter: 'refusedTooFast',
    meet: connectTwice,
  },
  keptForNewAddressesPercent: {
    limits: { ...NOBODY, maxConnections: 2, keptForNewAddressesPercent: 50 },
    counter: 'refusedKept',
    meet: connectTwice,
  },
  messagesPerSecond: {
    limits: { ...NOBODY, messagesPerSecond: 1, messageBurst: 2 },
    counter: 'slowed',
    meet: talk,
  },
  bytesPerSecond: { limits: { ...NOBODY, bytesPerSecond: 1, byteBurst: 200 }, counter: 'slowed', meet: talk },
  messagesPerSecondPerAddress: {
    limits: { ...NOBODY, messagesPerSecondPerAddress: 1, messageBurstPerAddress: 2 },
    counter: 'slowed',
    meet: talk,
  },
  bytesPerSecondPerAddress: {
    limits: { ...NOBODY, bytesPerSecondPerAddress: 1, byteBurstPerAddress: 200 },
    counter: 'slowed',
    meet: talk,
  },
  maxQueuedBytes: { limits: { ...LIFTED, maxQueuedBytes: 2 ** 16 }, counter: 'slow', meet: stall },
  maxTotalQueuedBytes: { limits: { ...LIFTED, maxTotalQueuedBytes: 2 ** 16 }, counter: 'shed', meet: stall },
  writeTimeoutMs: { limits: { ...LIFTED, writeTimeoutMs: 50 }, counter: 'stalled', meet: stall },
  proxyHeaderTimeoutMs: {
    limits: { proxyHeaderTimeoutMs: 50 },
    options: { proxies: ['127.0.0.1'] },
    counter: 'lateProxyHeaders',
    meet: async (rig) => openSocket((await rig.server.listen('127.0.0.1:0?proxy=v1')).port),
  },
  handshakeTimeoutMs: {
    limits: { handshakeTimeoutMs: 50 },
    counter: 'lateHandshakes',
    meet: async (rig) => openSocket((await rig.listenTls()).port),
  },
  identifyTimeoutMs: {
    limits: { identifyTimeoutMs: 50 },
    counter: 'unidentified',
    meet: (rig) => rig.connect(),
  },
  loginHoldMs: {
    limits: { loginHoldMs: 60_000 },
    counter: 'heldLogins',
    meet: async (rig) => {
      (await rig.join('alice')).socket.resetAndDestroy();
      await rig.left('alice');
      await (await rig.connect(4, ELSEWHERE)).login('alice');
    },
  },
  packetTimeoutMs: {
    limits: { packetTimeoutMs: 50 },
    counter: 'incomplete',
    meet: async (rig) => (await rig.connect()).send(Buffer.from([0, 0])),
  },
  maxForbiddenPackets: {
    limits: { maxForbiddenPackets: 1 },
    counter: 'forbiddenClosed',
    meet: async (rig) => (await rig.connect()).send(packet(1)),
  },
  maxPendingRequests: { limits: { maxPendingRequests: 1 }, counter: 'refusedRequests', meet: requestTwo },
  maxPendingRequestsPerTarget: {
    limits: { ...NOBODY, maxPendingRequestsPerTarget: 1 },
    counter: 'refusedRequests',
    meet: async (rig) => {
      const [alice, bob] = await pair(rig);
      const carol = await rig.join('carol');
      alice.request('bob');
      await bob.next(5);
      carol.request('bob');
    },
  },
  requestTimeoutMs: {
    limits: { requestTimeoutMs: 50 },
    counter: 'expiredRequests',
    meet: async (rig) => (await pair(rig))[0].request('bob'),
  },
  maxConnectIds: { limits: { maxConnectIds: 1 }, counter: 'refusedRequests', meet: agreeTwice },
  maxConnectIdsPerPair: { limits: { maxConnectIdsPerPair: 1 }, counter: 'refusedRequests', meet: agreeTwice },
  maxConnectIdsPerAddress: {
    limits: { ...NOBODY, maxConnectIdsPerAddress: 1 },
    counter: 'refusedRequests',
    meet: agreeTwice,
  },
  establishTimeoutMs: {
    limits: { establishTimeoutMs: 50 },
    counter: 'notInTime',
    meet: async (rig) => agree(...(await pair(rig))),
  },
  maxEarlyBytes: {
    limits: { maxEarlyBytes: 100 },
    counter: 'pausedHalves',
    meet: async (rig) => (await knock(rig.port[4], await agree(...(await pair(rig))))).write(Buffer.alloc(200)),
  },
  channelIdleMs: { limits: { channelIdleMs: 50 }, counter: 'idleChannels', meet: (rig) => rig.channel() },
  closeGraceMs: {
    limits: { closeGraceMs: 50 },
    counter: 'forcedCloses',
    meet: async (rig) => {
      const { id, alice } = await rig.channel();
      alice.close(id, 'alice', 'bob');
    },
  },
  maxWrongIdsPerMinute: { limits: { maxWrongIdsPerMinute: 1 }, counter: 'shutOuts', meet: guess },
  maxTotalWrongIdsPerMinute: { limits: { maxTotalWrongIdsPerMinute: 1 }, counter: 'shutOuts', meet: guess },
};

/** Limits that act in an everyday way: what to do about them is not said in each line. */
const EVERYDAY = new Set<string>([
  'handshakeTimeoutMs',
  'identifyTimeoutMs',
  'loginHoldMs',
  'requestTimeoutMs',
  'establishTimeoutMs',
  'maxEarlyBytes',
  'channelIdleMs',
  'closeGraceMs',
]);

/** Of each limit that acts, the counter and the beginning of its line, as docs/server.md has them. */
const DOCUMENTED = new Map(
  Array.from(
    readFileSync('docs/server.md', 'utf8')
      .split('<!-- acting -->')[1]!
      .matchAll(/^\| `(\w+)` *\| `(\w+)` *\| `([^`]+)`/gm),
    ([, limit, counter, message]) => [limit, { counter, message }],
  ),
);

it('each limit is met in a test below, but bursts, which act as their rates do, and `exempt`', () => {
  const acting = Object.keys(DEFAULT_SERVER_LIMITS).filter((name) => !/Burst|^exempt$/.test(name));
  expect(Object.keys(MEETINGS).toSorted()).toEqual(acting.toSorted());
  expect([...DOCUMENTED.keys()]).toEqual(acting);
});

it.each(Object.entries(MEETINGS))(
  '%s is counted, and named in the log, as the docs say',
  async (name, { limits, options, counter, meet }) => {
    const rig = await Rig.start(limits, options);
    await meet(rig);
    const line = await rig.log.untilLine(({ fields }) => fields['limit'] === name, `a line of ${name}`);
    const { level, fields } = line;
    expect((await rig.stats())[counter]).toBeGreaterThan(0);
    expect(DOCUMENTED.get(name)).toEqual({ counter, message: line.message });
    expect({ isWarning: level === 'warn', says: String(fields['lift']).includes(`serve.limits.${name}`) }).toEqual({
      isWarning: !EVERYDAY.has(name),
      says: !EVERYDAY.has(name),
    });
  },
);

it.each(Object.entries(MEETINGS))(
  '%s acts, too, where it is set while the server runs',
  async (name, { limits, options, counter, meet }) => {
    const rig = await Rig.start({}, options);
    rig.server.update({ limits: { exempt: LOOPBACK, ...limits } });
    await meet(rig);
    await rig.log.untilLine(({ fields }) => fields['limit'] === name, `a line of ${name}`);
    expect((await rig.stats())[counter]).toBeGreaterThan(0);
  },
);

/** What is there already, and the limits that are set then. */
const CHANGES: readonly [name: keyof ServerLimits, (rig: Rig) => Promise<unknown>, Partial<ServerLimits>][] = [
  ['identifyTimeoutMs', (rig) => rig.connect(), { identifyTimeoutMs: 50 }],
  ['packetTimeoutMs', async (rig) => (await rig.join('alice')).send(Buffer.from([3])), { packetTimeoutMs: 50 }],
  ['requestTimeoutMs', requestTwo, { requestTimeoutMs: 50 }],
  ['establishTimeoutMs', async (rig) => agree(...(await pair(rig))), { establishTimeoutMs: 50 }],
  ['channelIdleMs', (rig) => rig.channel(), { channelIdleMs: 50 }],
];

it.each(CHANGES)(
  '%s that is set while the server runs holds for what is there already',
  async (name, before, limits) => {
    const rig = await Rig.start();
    await before(rig);
    const mark = await rig.join('mark');
    await expectSilence(mark);
    expect(rig.log.lines.filter(({ fields }) => fields['limit'] === name)).toEqual([]);
    rig.server.update({ limits: { exempt: LOOPBACK, ...limits } });
    await rig.log.untilLine(({ fields }) => fields['limit'] === name, `a line of ${name}`);
  },
);

it('closeGraceMs that is set while the server runs holds for the private connections that are open', async () => {
  const rig = await Rig.start();
  const { id, alice } = await rig.channel();
  rig.server.update({ limits: { exempt: LOOPBACK, closeGraceMs: 50 } });
  alice.close(id, 'alice', 'bob');
  const line = await rig.log.untilLine(({ fields }) => fields['limit'] === 'closeGraceMs', 'a line of closeGraceMs');
  expect(line.fields).toMatchObject({ outcome: 'closed by force' });
});

it('maxQueuedBytes that is set while the server runs holds for those who are in', async () => {
  const rig = await Rig.start({ ...LIFTED });
  const [alice, mute] = [await rig.join('alice'), await rig.join('mute')];
  mute.socket.pause();
  while ((await rig.stats()).queuedBytes < 2 ** 20) {
    alice.send(TO_MUTE);
    await expectSilence(alice);
  }
  expect(rig.log.of('does not read')).toEqual([]);
  rig.server.update({ limits: { ...LIFTED, exempt: LOOPBACK, maxQueuedBytes: 2 ** 18 } });
  alice.send(TO_MUTE);
  await rig.log.untilLine(({ fields }) => fields['limit'] === 'maxQueuedBytes', 'a line of maxQueuedBytes');
});

it('who is in is exempt, or is so no longer, as the networks are changed', async () => {
  const rig = await Rig.start();
  const alice = await rig.join('alice');
  const strict = { messagesPerSecond: 1, messageBurst: 2 };
  rig.server.update({ limits: { ...strict, exempt: LOOPBACK } });
  for (let count = 0; count < 20; count += 1) await expectSilence(alice);
  rig.server.update({ limits: { ...strict, exempt: [] } });
  for (let count = 0; count < 5; count += 1) alice.tell('alice', 'x');
  await rig.log.until('slowed');
  rig.server.update({ limits: { exempt: LOOPBACK } });
  await turns(alice);
  alice.end();
  await rig.left('alice');
  expect((await rig.stats()).clients).toBe(0);
});

it('limits that are invalid change nothing', async () => {
  const rig = await Rig.start({ maxForbiddenPackets: 3 });
  expect(() => rig.server.update({ limits: { maxForbiddenPackets: 1, maxEarlyBytes: -1 } })).toThrow(/maxEarlyBytes/);
  expect(() => rig.server.update({ limits: { exempt: ['nowhere'] } })).toThrow(/nowhere/);
  const alice = await rig.connect();
  alice.send(packet(1));
  await rig.log.until('forbidden packet');
  expect((await rig.stats()).forbiddenClosed).toBe(0);
});
