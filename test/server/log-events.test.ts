import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChatosError } from '../../src/errors.ts';
import type { PairInfo, ServerEvents, SessionInfo } from '../../src/server/events.ts';
import { logEvents } from '../../src/server/log-events.ts';
import { LogRecorder } from '../support/server-rig.ts';

const ADDRESS = { transport: 'tcp', host: '127.0.0.1', port: 7777, longBytes: 4 } as const;
const SOMEBODY: SessionInfo = {
  id: '1',
  login: '',
  remoteAddress: '192.0.2.1',
  longBytes: 4,
  fingerprint: undefined,
  encrypted: false,
};
const ALICE: SessionInfo = { ...SOMEBODY, id: '2', login: 'alice' };
const PAIR: PairInfo = { requester: { id: '2', login: 'alice' }, target: { id: '3', login: 'bob' } };
const FROM = { from: '192.0.2.1' };
const WHO = { login: 'alice', ...FROM };
const LOGINS = { requester: 'alice', target: 'bob' };
const BROKEN = new ChatosError('CONNECTION_LOST', 'it broke');

function logged() {
  const events = new EventEmitter<ServerEvents>();
  const log = new LogRecorder();
  logEvents(events, log);
  return { events, log };
}

/** A limit that has acted, as it stands in a line. */
const acted = (limit: string, more = '') => ({ limit, lift: `raise serve.limits.${limit}${more}` });
const OR_EXEMPT = ', or name the address in serve.limits.exempt';
const FULL = new ChatosError('QUEUE_FULL', 'too much waits', { fields: { limitName: 'maxTotalQueuedBytes' } });
const HALF_A_PACKET = new ChatosError('MALFORMED_PACKET', 'incomplete', { fields: { limitName: 'packetTimeoutMs' } });

type Line = readonly [level: string, message: string, fields: object];
type Case = {
  readonly [E in keyof ServerEvents]: readonly [event: E, ...ServerEvents[E], line: Line];
}[keyof ServerEvents];

const CASES: readonly Case[] = [
  ['listening', ADDRESS, ['debug', 'listening', { address: 'tcp://127.0.0.1:7777' }]],
  [
    'acceptFailed',
    ADDRESS,
    BROKEN,
    ['warn', 'connection not accepted', { address: 'tcp://127.0.0.1:7777', why: 'it broke' }],
  ],
  [
    'acceptFailed',
    ADDRESS,
    Object.assign(new Error('no descriptor'), { code: 'EMFILE' }),
    [
      'warn',
      'connection not accepted',
      {
        address: 'tcp://127.0.0.1:7777',
        why: 'no descriptor',
        lift: 'raise RLIMIT_NOFILE: ulimit -n, or LimitNOFILE= of systemd',
      },
    ],
  ],
  ['connection', SOMEBODY, ['debug', 'connection accepted', FROM]],
  ...(
    [
      ['too many', 'maxConnections'],
      ['too many of its address', 'maxConnectionsPerAddress'],
      ['too many unidentified', 'maxUnidentifiedPerAddress'],
      ['too fast', 'connectionsPerSecondPerAddress'],
    ] as const
  ).map(([why, limit]): Case => [
    'connectionRefused',
    '192.0.2.1',
    why,
    [
      'warn',
      `connection refused: ${why}`,
      { ...FROM, refused: 1, ...acted(limit, limit === 'maxConnections' ? '' : OR_EXEMPT) },
    ],
  ]),
  [
    'connectionRefused',
    '192.0.2.1',
    'not a proxy',
    [
      'warn',
      'connection refused: not a proxy',
      { ...FROM, refused: 1, lift: 'name the address in serve.proxies, if it is one' },
    ],
  ],
  [
    'proxyHeaderRefused',
    '192.0.2.1',
    'garbage',
    undefined,
    ['warn', 'closed: no PROXY header', { ...FROM, why: 'garbage' }],
  ],
  [
    'proxyHeaderRefused',
    '192.0.2.1',
    'late',
    'proxyHeaderTimeoutMs',
    ['warn', 'closed: no PROXY header', { ...FROM, why: 'late', ...acted('proxyHeaderTimeoutMs') }],
  ],
  [
    'connectionRefused',
    '192.0.2.1',
    'places kept for others',
    [
      'warn',
      'connection refused: places kept for others',
      {
        ...FROM,
        refused: 1,
        limit: 'keptForNewAddressesPercent',
        lift: `lower serve.limits.keptForNewAddressesPercent${OR_EXEMPT}`,
      },
    ],
  ],
  ['notIdentified', SOMEBODY, ['info', 'closed: not identified in time', { ...FROM, limit: 'identifyTimeoutMs' }]],
  ['login', ALICE, ['info', 'logged in', WHO]],
  [
    'loginRefused',
    SOMEBODY,
    'bob',
    'taken',
    5,
    undefined,
    undefined,
    ['info', 'login refused', { login: 'bob', why: 'taken', ...FROM }],
  ],
  [
    'loginRefused',
    SOMEBODY,
    'bob',
    'taken',
    6,
    undefined,
    undefined,
    ['debug', 'login refused', { login: 'bob', why: 'taken', ...FROM }],
  ],
  [
    'loginRefused',
    SOMEBODY,
    'bob',
    'held',
    1,
    'loginHoldMs',
    undefined,
    ['info', 'login refused', { login: 'bob', why: 'held', ...FROM, limit: 'loginHoldMs' }],
  ],
  ['left', ALICE, ['info', 'left', WHO]],
  ['releaseFailed', ALICE, BROKEN, ['error', 'login not released', { why: 'it broke', ...WHO }]],
  ['message', ALICE, undefined, 'hi', ['debug', 'message', { from: 'alice', text: 'hi' }]],
  ['message', ALICE, 'bob', 'hi', ['debug', 'private message', { from: 'alice', to: 'bob', text: 'hi' }]],
  [
    'forbidden',
    ALICE,
    'ESTABLISHED',
    'no',
    false,
    ['warn', 'forbidden packet', { type: 'ESTABLISHED', why: 'no', ...WHO }],
  ],
  [
    'forbidden',
    ALICE,
    'LOGIN',
    'no',
    true,
    [
      'warn',
      'closed: too many forbidden packets',
      { type: 'LOGIN', why: 'no', ...WHO, ...acted('maxForbiddenPackets') },
    ],
  ],
  ['malformed', SOMEBODY, BROKEN, ['warn', 'closed: malformed packet', { why: 'it broke', ...FROM }]],
  [
    'malformed',
    SOMEBODY,
    HALF_A_PACKET,
    ['warn', 'closed: malformed packet', { why: 'incomplete', ...FROM, ...acted('packetTimeoutMs') }],
  ],
  ['slowed', ALICE, 'bytesPerSecond', ['warn', 'slowed', { ...WHO, ...acted('bytesPerSecond', OR_EXEMPT) }]],
  [
    'heldBack',
    ALICE,
    { ...SOMEBODY, login: 'bob' },
    ['warn', 'slowed: waits for a reader', { reader: 'bob', ...WHO, ...acted('maxQueuedBytes') }],
  ],
  ...(['slowConsumer', 'stalledConsumer', 'shedConsumer'] as const).map((event): Case => [
    event,
    ALICE,
    FULL,
    ['warn', 'closed: does not read', { why: 'too much waits', ...WHO, ...acted('maxTotalQueuedBytes') }],
  ]),
  ['connectionLost', ALICE, BROKEN, ['info', 'connection lost', { why: 'it broke', ...WHO }]],
  ['request', PAIR, ['debug', 'private connection requested', LOGINS]],
  ['requestRefused', PAIR, 'refused', undefined, ['debug', 'private connection refused: refused', LOGINS]],
  [
    'requestRefused',
    PAIR,
    'expired',
    'requestTimeoutMs',
    ['info', 'private connection refused: expired', { ...LOGINS, limit: 'requestTimeoutMs' }],
  ],
  [
    'requestRefused',
    PAIR,
    'too many connect ids',
    'maxConnectIdsPerPair',
    ['warn', 'private connection refused: too many connect ids', { ...LOGINS, ...acted('maxConnectIdsPerPair') }],
  ],
  ['connectId', PAIR, ['debug', 'private connection accepted', LOGINS]],
  ['halfPaused', PAIR, ['debug', 'half not read until both have come', { ...LOGINS, limit: 'maxEarlyBytes' }]],
  [
    'channelLost',
    PAIR,
    'not in time',
    ['info', 'private connection not established in time', { ...LOGINS, limit: 'establishTimeoutMs' }],
  ],
  ['channelLost', PAIR, 'disconnected', ['info', 'private connection lost before it was established', LOGINS]],
  [
    'channelLost',
    PAIR,
    'closed',
    ['debug', 'private connection closed before it was established', { ...LOGINS, why: 'closed' }],
  ],
  ['channelEstablished', PAIR, '1', ['info', 'private connection established', LOGINS]],
  ...(
    [
      ['ended', undefined],
      ['idle', 'channelIdleMs'],
      ['closed by force', 'closeGraceMs'],
    ] as const
  ).map(([outcome, limit]): Case => [
    'channelEnded',
    PAIR,
    outcome,
    9,
    '1',
    250,
    ['info', 'private connection ended', { ...LOGINS, outcome, bytes: 9, limit }],
  ]),
  ['wrongConnectId', '192.0.2.1', 'unknown', ['info', 'half closed: connect id unknown', FROM]],
  ['wrongConnectId', '192.0.2.1', 'over', ['info', 'half closed: connect id over', FROM]],
  [
    'shutOut',
    '192.0.2.1',
    'maxWrongIdsPerMinute',
    [
      'warn',
      'shut out of channels for a minute: too many wrong ids',
      { from: '192.0.2.1', ...acted('maxWrongIdsPerMinute') },
    ],
  ],
  [
    'shutOut',
    '192.0.2.1',
    'maxTotalWrongIdsPerMinute',
    ['warn', 'channels for own addresses only: too many wrong ids', acted('maxTotalWrongIdsPerMinute')],
  ],
  ['nodeGone', 'b', 'it has left', ['info', 'a node has gone from the cluster', { node: 'b', why: 'it has left' }]],
  [
    'nodeGone',
    'b',
    'its lease has ended',
    ['warn', 'a node has gone from the cluster', { node: 'b', why: 'its lease has ended' }],
  ],
  [
    'nodeGone',
    'b',
    'its place has been taken',
    ['warn', 'a node has gone from the cluster', { node: 'b', why: 'its place has been taken' }],
  ],
  [
    'nodeGone',
    'b',
    'it has a new lease, as it or NATS was away',
    ['info', 'a node has gone from the cluster', { node: 'b', why: 'it has a new lease, as it or NATS was away' }],
  ],
  ['internalError', 'thrown', 'LOGIN', ['error', 'internal error', { type: 'LOGIN', stack: 'thrown' }]],
];

describe('the log of a server', () => {
  it.each(CASES)('has a line for %s', (...row) => {
    const { events, log } = logged();
    const [level, message, fields] = row.at(-1) as Line;
    (events as EventEmitter).emit(row[0], ...row.slice(1, -1));
    expect(log.lines.map((line) => ({ ...line }))).toEqual([{ level, message, fields }]);
  });

  it('has no line for a half of an address that is shut out', () => {
    const { events, log } = logged();
    events.emit('wrongConnectId', '192.0.2.1', 'shut out');
    expect(log.lines).toEqual([]);
  });

  describe('of refused connections', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
    afterEach(() => void vi.useRealTimers());

    it('has a line a second at most, with how many were refused so far, and none while the server closes', () => {
      const { events, log } = logged();
      const refuse = (times: number, why: 'too many' | 'closing' = 'too many'): void => {
        for (let i = 0; i < times; i++) events.emit('connectionRefused', '192.0.2.1', why);
      };
      refuse(3);
      vi.advanceTimersByTime(1000);
      refuse(2);
      vi.advanceTimersByTime(1);
      refuse(2);
      vi.advanceTimersByTime(2000);
      refuse(2, 'closing');
      expect(log.lines.map(({ fields }) => fields['refused'])).toEqual([1, 6]);
    });
  });
});
